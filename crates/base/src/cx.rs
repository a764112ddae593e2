//! The context of one call. Made by `server` (or by a port's caller); services only read it.

use std::sync::Arc;
use std::time::Instant;

use crate::{RequestId, Scope};

/// Who calls, where, and until when.
#[derive(Debug, Clone)]
pub struct Cx {
    pub scope: Scope,
    pub principal: Principal,
    pub request_id: RequestId,
    pub trace: Trace,
    /// `host[:port]` by which the caller reached this server, for URLs in answers.
    pub host: Option<Arc<str>>,
    pub source_ip: Option<std::net::IpAddr>,
    pub deadline: Option<Instant>,
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
            source_ip: None,
            deadline: None,
        }
    }
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

/// `X-Amzn-Trace-Id`: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(pub Arc<str>);

impl Trace {
    pub fn random() -> Self {
        let root = crate::random_hex(32);
        let parent = crate::random_hex(16);
        Self(format!("Root=1-{}-{};Parent={parent};Sampled=0", &root[..8], &root[8..]).into())
    }
}
