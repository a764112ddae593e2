//! What the access log of a REST stage says of a request: `$context` as it is when the answer is known.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>

use std::borrow::Cow;

use base::{RequestId, Timestamp};
use ports::LogSink;

use crate::StageResponse;
use crate::rest::call::Visit;
use crate::rest::fault::Fault;
use crate::rest::gateway_response::quoted;
use crate::rest::grant::Granted;

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
        "endpointType" => visit.stage.endpoint_type.as_str().into(),
        "integration.responseTransferMode" => {
            visit.integration_latency_ms.get()?;
            if outcome.response.stream.is_some() { "STREAM" } else { "BUFFERED" }.into()
        }
        // The line is written when the head of a stream is known, and not yet its body.
        "integration.timeToAllHeaders" if outcome.response.stream.is_some() => {
            visit.integration_latency_ms.get()?.to_string().into()
        }
        _ => return judged(visit, outcome).context(name).or_else(|| visit.context(name)),
    })
}

fn judged<'v>(visit: &'v Visit<'_>, outcome: Outcome<'v>) -> Judged<'v> {
    Judged {
        fault: outcome.fault,
        status: outcome.response.status,
        granted: visit.grant.get(),
        request_id: visit.ticket.request_id,
    }
}

/// `1-58406520-a006649127e371903a2de979`
pub(crate) fn trace_root<'v>(visit: &'v Visit<'_>) -> Option<&'v str> {
    visit.ticket.trace.header().split(';').find_map(|part| part.trim().strip_prefix("Root="))
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

/// Who was let in or refused, and why: of a request to a REST or WebSocket API.
#[derive(Debug)]
pub(crate) struct Judged<'v> {
    pub(crate) fault: Option<&'v Fault>,
    /// As it was answered.
    pub(crate) status: u16,
    pub(crate) granted: Option<&'v Granted>,
    pub(crate) request_id: RequestId,
}

impl<'v> Judged<'v> {
    /// `$context.NAME`
    pub(crate) fn context(&self, name: &str) -> Option<Cow<'v, str>> {
        match name.split_once('.')? {
            ("error", of) => self.error(of),
            ("authorizer", of) => self.authorizer(of),
            ("authorize", of) => {
                let refused = self.fault.filter(|fault| matches!(fault, Fault::AccessDenied(_)));
                self.verdict(of, refused, self.granted.is_some())
            }
            ("authenticate", of) => {
                let refused = self.fault.filter(|fault| matches!(fault, Fault::Signature { .. }));
                let signed = self.granted.is_some_and(|granted| granted.grant.signer.is_some());
                self.verdict(of, refused, signed)
            }
            _ => None,
        }
    }

    fn error(&self, of: &str) -> Option<Cow<'v, str>> {
        let fault = self.fault?;
        match of {
            "message" => fault.message(),
            "messageString" => fault.message().map(|text| quoted(&text).into()),
            "responseType" => Some(fault.kind().as_str().into()),
            "validationErrorString" => fault.validation_error(),
            _ => None,
        }
    }

    fn authorizer(&self, of: &str) -> Option<Cow<'v, str>> {
        let refused = self.fault.filter(|fault| is_of_authorizer(fault));
        Some(match of {
            "error" => refused?.message()?,
            "status" if refused.is_some() => self.status.to_string().into(),
            "status" | "integrationStatus" => self.granted.map(|_| "200".into())?,
            "latency" | "integrationLatency" => self.granted?.latency_ms.to_string().into(),
            "requestId" => self.granted.map(|_| self.request_id.to_string().into())?,
            _ => return None,
        })
    }

    /// Whether who called is who they say (by signatures), and whether they may (by policies).
    fn verdict(&self, of: &str, refused: Option<&'v Fault>, passed: bool) -> Option<Cow<'v, str>> {
        match (of, refused) {
            ("error", Some(fault)) => fault.message(),
            ("status", Some(_)) => Some(self.status.to_string().into()),
            ("status", None) if passed => Some("200".into()),
            ("latency", _) if passed => Some("0".into()),
            _ => None,
        }
    }
}
