//! What the access log of a REST stage says of a request: `$context` as it is when the answer is known.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>

use std::borrow::Cow;

use base::Timestamp;
use ports::LogSink;

use crate::StageResponse;
use crate::rest::call::Visit;
use crate::rest::fault::Fault;
use crate::rest::gateway_response::quoted;

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome<'a> {
    pub(crate) response: &'a StageResponse,
    /// Why the gateway answered instead of the integration.
    pub(crate) fault: Option<&'a Fault>,
    pub(crate) ended: Timestamp,
}

/// Writes the request's line, if the stage has an access log.
pub(crate) fn log(logs: &dyn LogSink, visit: &Visit<'_>, outcome: Outcome<'_>) {
    let Some(access) = &visit.stage.access else { return };
    access.write(logs, (&visit.stage.scope, outcome.ended), |name| value(visit, outcome, name));
}

fn value<'v>(visit: &'v Visit<'_>, outcome: Outcome<'v>, name: &str) -> Option<Cow<'v, str>> {
    let ended = outcome.ended;
    Some(match name {
        "status" => outcome.response.status.to_string().into(),
        // Nobody knows yet how long a stream will be.
        "responseLength" if outcome.response.stream.is_some() => return None,
        "responseLength" => outcome.response.body.len().to_string().into(),
        "responseLatency" => ended.since(visit.ticket.received).as_millis().to_string().into(),
        "isCanaryRequest" => visit.stage.is_canary(visit.release)?.to_string().into(),
        "xrayTraceId" if visit.stage.tracing => trace_root(visit)?.into(),
        "integrationStatus" | "integration.status" | "integration.integrationStatus" => {
            visit.integration_status.get()?.to_string().into()
        }
        "integrationLatency" | "integration.latency" => {
            visit.integration_latency_ms.get()?.to_string().into()
        }
        "awsEndpointRequestId" | "integration.requestId" => visit.endpoint_request_id.get()?.as_str().into(),
        "integration.error" | "integrationErrorMessage" => integration_error(outcome.fault?)?.into(),
        _ => match name.split_once('.') {
            Some(("error", of)) => error(outcome.fault?, of)?,
            Some(("authorizer", of)) => {
                return authorizer(visit, outcome, of).or_else(|| visit.context(name));
            }
            Some(("authorize", of)) => authorize(visit, outcome, of)?,
            Some(("authenticate", of)) => authenticate(visit, outcome, of)?,
            _ => return visit.context(name),
        },
    })
}

/// `1-58406520-a006649127e371903a2de979`
pub(crate) fn trace_root<'v>(visit: &'v Visit<'_>) -> Option<&'v str> {
    visit.ticket.trace.0.split(';').find_map(|part| part.trim().strip_prefix("Root="))
}

fn error<'v>(fault: &'v Fault, of: &str) -> Option<Cow<'v, str>> {
    match of {
        "message" => fault.message(),
        "messageString" => fault.message().map(|text| quoted(&text).into()),
        "responseType" => Some(fault.kind().as_str().into()),
        "validationErrorString" => fault.validation_error(),
        _ => None,
    }
}

/// What went wrong between the gateway and the integration.
fn integration_error(fault: &Fault) -> Option<String> {
    matches!(
        fault,
        Fault::BadGateway(_)
            | Fault::Function(_)
            | Fault::Network(_)
            | Fault::Timeout
            | Fault::Configuration(_)
            | Fault::Internal(_)
    )
    .then(|| fault.to_string())
}

fn is_of_authorizer(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Unauthorized
            | Fault::TokenExpired
            | Fault::AccessDenied(_)
            | Fault::Authorizer(_)
            | Fault::AuthorizerFailure(_)
    )
}

fn authorizer<'v>(visit: &'v Visit<'_>, outcome: Outcome<'v>, of: &str) -> Option<Cow<'v, str>> {
    let refused = outcome.fault.filter(|fault| is_of_authorizer(fault));
    Some(match of {
        "error" => refused?.message()?,
        "status" => match (refused, visit.grant.get()) {
            (Some(_), _) => outcome.response.status.to_string().into(),
            (None, Some(_)) => "200".into(),
            (None, None) => return None,
        },
        "latency" | "integrationLatency" => visit.grant.get()?.latency_ms.to_string().into(),
        "integrationStatus" => visit.grant.get().map(|_| "200".into())?,
        "requestId" => visit.grant.get().map(|_| visit.ticket.request_id.to_string().into())?,
        _ => return None,
    })
}

/// Whether who called may: by policies.
fn authorize<'v>(visit: &'v Visit<'_>, outcome: Outcome<'v>, of: &str) -> Option<Cow<'v, str>> {
    let refused = outcome.fault.filter(|fault| matches!(fault, Fault::AccessDenied(_)));
    verdict(of, refused, outcome.response.status, visit.grant.get().is_some())
}

/// Whether who called is who they say: by signatures.
fn authenticate<'v>(visit: &'v Visit<'_>, outcome: Outcome<'v>, of: &str) -> Option<Cow<'v, str>> {
    let refused = outcome.fault.filter(|fault| matches!(fault, Fault::Signature { .. }));
    let signed = visit.grant.get().is_some_and(|granted| granted.grant.signer.is_some());
    verdict(of, refused, outcome.response.status, signed)
}

fn verdict<'v>(of: &str, refused: Option<&'v Fault>, status: u16, passed: bool) -> Option<Cow<'v, str>> {
    match (of, refused) {
        ("error", Some(fault)) => fault.message(),
        ("status", Some(_)) => Some(status.to_string().into()),
        ("status", None) if passed => Some("200".into()),
        ("latency", _) if passed => Some("0".into()),
        _ => None,
    }
}
