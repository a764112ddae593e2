//! The context of one call. Made by `server` (or by a port's caller); services only read it.

use std::sync::Arc;
use std::time::Instant;

use crate::id::push_hex;
use crate::{RequestId, Scope, Timestamp};

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

/// `X-Amzn-Trace-Id`: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(pub Arc<str>);

impl Trace {
    pub fn random() -> Self {
        let id = RequestId::random();
        Self::written(id.0 >> 96, RequestId::random().0 >> 32, id.0)
    }

    /// Of a request that came at `now`: as on AWS the root begins with the time in seconds.
    /// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>
    pub fn at(now: Timestamp) -> Self {
        let (root, parent) = (RequestId::random().0, RequestId::random().0);
        Self::written(now.as_secs().unsigned_abs().into(), root >> 32, parent)
    }

    /// The same for a request that has an id: it is made of that.
    pub fn of(id: RequestId, now: Timestamp) -> Self {
        Self::written(now.as_secs().unsigned_abs().into(), id.0 >> 32, id.0)
    }

    /// Of each number as many of its last digits as there is room for.
    fn written(time: u128, root: u128, parent: u128) -> Self {
        let mut text = String::with_capacity(74);
        for (name, number, digits) in
            [("Root=1-", time, 8), ("-", root, 24), (";Parent=", parent, 16), (";Sampled=0", 0, 0)]
        {
            text.push_str(name);
            push_hex(&mut text, number, digits);
        }
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_begins_with_its_second() {
        let Trace(trace) = Trace::at(Timestamp(1_465_510_280_999));
        assert!(trace.starts_with("Root=1-5759e988-"), "{trace}");
        assert_eq!(
            trace.len(),
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".len()
        );
    }
}
