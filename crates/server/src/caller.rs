//! Who calls: the call's context, from the claim of the signature and the connection. The chain verifies it, if it must be.

use std::net::IpAddr;
use std::sync::Arc;

use base::{Cx, Principal, RequestId, Scope, Timestamp, Trace, Wording};
use http::HeaderMap;
use sigv4::{Credential, Keys};

/// The parts of a request that make its context.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) id: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) host: &'a str,
    pub(crate) secure: bool,
    pub(crate) source_ip: IpAddr,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) credential: Option<&'a Credential<'a>>,
    pub(crate) keys: &'a Keys,
    pub(crate) wording: Wording,
}

pub(crate) fn identify(claim: &Claim<'_>) -> Cx {
    let (scope, principal) = match claim.credential {
        Some(credential) => {
            let account = claim.keys.account(credential);
            (
                Scope { account, ..credential.scope() },
                Principal::AccessKey(Arc::from(credential.access_key.as_ref())),
            )
        }
        None => (Scope::default(), Principal::Anonymous),
    };
    Cx {
        scope,
        principal,
        request_id: claim.id,
        trace: trace(claim),
        host: (!claim.host.is_empty()).then(|| Arc::from(claim.host)),
        secure: claim.secure,
        source_ip: Some(claim.source_ip),
        deadline: None,
        wording: claim.wording,
    }
}

/// The caller's trace if it sent a sound one, else one made of the request's id: no further random bytes.
fn trace(claim: &Claim<'_>) -> Trace {
    let sent = |name| claim.headers.get(name).and_then(|value| value.to_str().ok());
    Trace::sent(sent("x-amzn-trace-id"), sent("traceparent"))
        .unwrap_or_else(|| Trace::of(claim.id, claim.now))
}
