//! Function URLs: how one is configured, as it is kept and as AWS prints it, and ([`serve`]) how requests to it are
//! answered. With `event` and `reply` the only part of Lambda that knows HTTP.

mod cors;
mod event;
mod reply;
mod serve;

use api::lambda::{self as shapes, FunctionUrlAuthType, InvokeMode};
use base::{Cx, Timestamp};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::catalogue::Function;

pub(crate) use cors::Cors;
pub use serve::UrlCall;

/// Where requests to URLs are served by path; `ID.lambda-url.ANYTHING` does the same by host.
const URL_PATH: &str = "/_aws/lambda-url/";

/// Fixes a URL's id, as it fixes an API's.
const CUSTOM_ID_TAG: &str = "_custom_id_";

/// A label of a host's name is no longer.
const ID_MAX: usize = 63;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct UrlConfig {
    #[n(0)]
    pub(crate) id: String,
    /// AuthType is AWS_IAM.
    #[n(1)]
    pub(crate) signed: bool,
    /// InvokeMode is RESPONSE_STREAM.
    #[n(2)]
    pub(crate) streams: bool,
    #[n(3)]
    pub(crate) cors: Option<Cors>,
    #[n(4)]
    pub(crate) created_ms: i64,
    #[n(5)]
    pub(crate) modified_ms: i64,
}

impl UrlConfig {
    pub(crate) fn auth_type(&self) -> FunctionUrlAuthType {
        if self.signed { FunctionUrlAuthType::AwsIam } else { FunctionUrlAuthType::None }
    }

    /// `qualifier` is an alias, or "" for the function itself.
    pub(crate) fn describe(
        &self,
        cx: &Cx,
        function: &Function,
        qualifier: &str,
    ) -> shapes::FunctionUrlConfig {
        let arn = function.arn();
        shapes::FunctionUrlConfig {
            // By path: names below localhost resolve neither in Node.js nor in Python everywhere.
            function_url: format!("{}{URL_PATH}{}/", cx.origin(), self.id),
            function_arn: if qualifier.is_empty() { arn } else { format!("{arn}:{qualifier}") },
            creation_time: Timestamp(self.created_ms).iso8601(),
            last_modified_time: Timestamp(self.modified_ms).iso8601(),
            cors: self.cors.as_ref().map(Cors::describe),
            auth_type: self.auth_type(),
            invoke_mode: Some(if self.streams { InvokeMode::ResponseStream } else { InvokeMode::Buffered }),
        }
    }
}

/// The id of a function's URL: as its tag says, else 32 characters that follow from the function's ARN and the alias,
/// so that a function that is deployed again has its URL again. `None`: what the tag says is no part of a host's name.
pub(crate) fn url_id(function: &Function, qualifier: &str) -> Option<String> {
    let Some(custom) = function.tags.get(CUSTOM_ID_TAG) else {
        let digest = Sha256::digest(format!("{}:{qualifier}", function.arn()));
        return Some(digest.iter().map(|byte| letter(*byte)).collect());
    };
    let alias = if qualifier.is_empty() { String::new() } else { format!("-{qualifier}") };
    let id = format!("{custom}{alias}").to_ascii_lowercase();
    let fits = !id.is_empty()
        && id.len() <= ID_MAX
        && !id.starts_with('-')
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then_some(id)
}

fn letter(byte: u8) -> char {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    char::from(LETTERS[usize::from(byte) % LETTERS.len()])
}
