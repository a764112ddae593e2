//! What the access log of an HTTP API's stage says of a request: `$context` as it is when the answer is known.

use std::borrow::Cow;

use base::Timestamp;
use ports::LogSink;

use crate::StageResponse;
use crate::http::call::HttpVisit;
use crate::http::fault::HttpFault;

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome<'a> {
    pub(crate) response: &'a StageResponse,
    /// Why the gateway answered instead of the integration.
    pub(crate) fault: Option<&'a HttpFault>,
    pub(crate) ended: Timestamp,
}

/// Writes the request's line, if the stage has an access log.
pub(crate) fn log(logs: &dyn LogSink, visit: &HttpVisit<'_>, outcome: Outcome<'_>) {
    let Some(access) = &visit.stage.access else { return };
    access.write(logs, (&visit.stage.scope, outcome.ended), |name| value(visit, outcome, name));
}

fn value<'v>(visit: &'v HttpVisit<'_>, outcome: Outcome<'v>, name: &str) -> Option<Cow<'v, str>> {
    let latency = outcome.ended.since(visit.ticket.received).as_millis();
    Some(match name {
        "status" => outcome.response.status.to_string().into(),
        "responseLength" => outcome.response.body.len().to_string().into(),
        "responseLatency" => latency.to_string().into(),
        "dataProcessed" => (visit.request.body.len() + outcome.response.body.len()).to_string().into(),
        "error.message" => outcome.fault?.message().into(),
        "error.messageString" => format!("\"{}\"", outcome.fault?.message()).into(),
        "error.responseType" => outcome.fault?.kind().into(),
        "authorizer.error" => match outcome.fault? {
            fault @ (HttpFault::Unauthorized(_) | HttpFault::Forbidden(_)) => fault.message().into(),
            _ => return None,
        },
        _ => return visit.context(name),
    })
}
