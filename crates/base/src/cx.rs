//! The context of one call. Made by `server` (or by a port's caller); services only read it.

use std::sync::Arc;
use std::time::Instant;

use crate::trace::Trace;
use crate::{RequestId, Scope};

/// In answers to those who did not say by which name they called.
const DEFAULT_HOST: &str = "127.0.0.1:4566";

/// Who calls, where, and until when.
#[derive(Debug, Clone)]
pub struct Cx {
    pub scope: Scope,
    pub principal: Principal,
    pub request_id: RequestId,
    pub trace: Trace,
    /// `host[:port]` by which the caller reached this server, for URLs in answers.
    pub host: Option<Arc<str>>,
    /// The caller came by TLS.
    pub secure: bool,
    pub source_ip: Option<std::net::IpAddr>,
    pub deadline: Option<Instant>,
    pub wording: Wording,
}

impl Cx {
    /// A call that Rushlight itself makes for `scope`.
    pub fn internal(scope: Scope) -> Self {
        Self {
            scope,
            principal: Principal::Internal,
            request_id: RequestId::random(),
            trace: Trace::random(),
            host: None,
            secure: false,
            source_ip: None,
            deadline: None,
            wording: Wording::default(),
        }
    }

    /// What URLs of this server begin with in answers to the caller: `http://127.0.0.1:4566`, or as it has come.
    pub fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.host.as_deref().unwrap_or(DEFAULT_HOST))
    }
}

/// In which of AWS's wordings errors are told. DynamoDB's regions took up the newer one in June 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wording {
    #[default]
    Newer,
    /// Tells every violation, always with value and place.
    Older,
    /// As the older one; that elements must be there is said where a collection's are described. Lambda's.
    Rest,
}

/// The identity behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// No signature was sent.
    Anonymous,
    /// The SigV4 credential named this access key.
    AccessKey(Arc<str>),
    /// An AWS service acting for a resource, such as `apigateway.amazonaws.com`.
    Service { name: &'static str, source_arn: Arc<str> },
    /// Rushlight itself.
    Internal,
}
