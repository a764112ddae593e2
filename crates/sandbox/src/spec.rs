//! What the caller says: which function ([`FunctionSpec`]) and which event ([`Invocation`]).

use std::path::PathBuf;
use std::sync::Arc;

use base::{RequestId, Scope, Timestamp};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::outcome::{FunctionFault, LogLine, StreamPiece};

/// One version of a function as an environment needs it. Share it in an [`Arc`].
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    pub scope: Scope,
    pub name: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// AWS's name, such as `nodejs20.x`; versions the host does not have run on the nearest it has.
    pub runtime: String,
    pub handler: String,
    /// The unzipped package. Folders must be readable and searchable, files readable for everybody
    /// (0755, 0644): the function runs as a user of its own. Nothing is ever written to it.
    pub code_dir: PathBuf,
    /// Names the content of `code_dir`, which then never changes: what is compiled of it is kept. `None`: it may change.
    pub package: Option<String>,
    /// Unzipped layers, lowest first; merged at /opt.
    pub layers: Vec<PathBuf>,
    /// Whether the code names the AWS SDK and does not bring it: such a function gets a process that has it loaded.
    pub uses_sdk: bool,
    pub init_type: InitType,
    /// The function's own variables; they win over ours except for the reserved ones.
    pub env: Vec<(String, String)>,
    pub memory_mib: u32,
    pub timeout_ms: u64,
    pub ephemeral_mib: u32,
    pub log_group: Arc<str>,
    pub log_stream: Arc<str>,
    /// `None`: the account id as access key, so that SDK calls land in the function's own account.
    pub credentials: Option<Credentials>,
    /// Node.js: the port of the host's loopback at which the process lets a debugger in. It has the host's network then.
    pub inspect: Option<u16>,
    /// Who takes the lines that extensions write after the last invocation.
    pub late_lines: Option<LateLines>,
}

/// Takes lines that belong to no invocation.
#[derive(Clone)]
pub struct LateLines(Arc<dyn Fn(Vec<LogLine>) + Send + Sync>);

impl LateLines {
    pub fn new(take: impl Fn(Vec<LogLine>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(crate) fn give(&self, lines: Vec<LogLine>) {
        (self.0)(lines);
    }
}

impl std::fmt::Debug for LateLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LateLines")
    }
}

/// What an environment is made for, as its function is told in `AWS_LAMBDA_INITIALIZATION_TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitType {
    /// An invocation waits for it.
    #[default]
    OnDemand,
    /// Its function has provisioned concurrency.
    Provisioned,
    /// Its version was made ready when it was published.
    SnapStart,
}

impl InitType {
    pub fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Provisioned => "provisioned-concurrency",
            Self::SnapStart => "snap-start",
        }
    }
}

#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// One event for a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    pub request_id: RequestId,
    /// JSON, already found well-formed.
    pub payload: Bytes,
    /// When the function must have answered; `None`: the function's timeout from the moment it begins.
    pub deadline: Option<Timestamp>,
    /// As the caller named it, qualifier included.
    pub function_arn: String,
    /// JSON of the client context, decoded from base64.
    pub client_context: Option<String>,
    /// Such as `Root=1-...;Parent=...;Sampled=0`.
    pub trace: String,
    /// Where the answer is told as soon as it is there: the extensions may not be done, and the environment is busy
    /// until they are. `None`, or nobody to hear it: the [`crate::Outcome`] tells it.
    pub answered: Option<mpsc::Sender<Result<Bytes, FunctionFault>>>,
    /// Where a function that streams its answer says it, piece by piece; bounded, so that a slow reader slows the
    /// function down. `None`: the pieces are collected into [`crate::Outcome::result`].
    pub stream: Option<mpsc::Sender<StreamPiece>>,
}
