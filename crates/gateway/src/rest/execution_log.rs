//! The execution log of a request: what the gateway did with it, step by step, in AWS's words. Stages write it to their
//! log group, TestInvokeMethod gives it to who calls. What nobody asked for is not put into words.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>

use std::fmt::{Display, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::{Clock, Timestamp};
use http::HeaderMap;
use ports::{LogBatch, LogEvent, LogSink};

use crate::access_log;
use crate::rest::access::trace_root;
use crate::rest::call::{Call, Visit};
use crate::rest::fault::Fault;
use crate::rest::headers::event_name;
use crate::rest::records::MethodSettingRecord;
use crate::{StageResponse, steps};

/// AWS's quota of a line; what is longer is cut.
const LINE_BYTES_MAX: usize = 1024;
const CUT: &str = " [TRUNCATED]";
/// How much of a secret is shown.
const SHOWN: usize = 6;

/// What a line tells, and so who gets to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Why it failed, and how it ended.
    Error,
    Info,
    /// What was sent and received.
    Data,
}

#[derive(Debug)]
struct Line {
    at: Timestamp,
    step: Step,
    text: String,
}

/// The lines of a request.
#[derive(Debug)]
pub(crate) struct Journal {
    clock: Clock,
    lines: Mutex<Vec<Line>>,
}

impl Journal {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), lines: Mutex::default() }
    }

    pub(crate) fn write(&self, step: Step, mut text: String) {
        if text.len() > LINE_BYTES_MAX {
            text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
            text.push_str(CUT);
        }
        let line = Line { at: self.clock.now(), step, text };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a stage that asks for `most` gets to read, each line under the request's id.
    pub(crate) fn events(&self, most: Step, id: &impl Display) -> Vec<LogEvent> {
        let lines = self.take();
        // Who asks for errors alone hears nothing of requests that had none.
        if most == Step::Error && !lines.iter().any(|line| line.step == Step::Error) {
            return Vec::new();
        }
        let lines = lines.into_iter().filter(|line| line.step <= most);
        lines
            .map(|line| LogEvent { timestamp: line.at, message: format!("({id}) {}", line.text).into() })
            .collect()
    }

    /// As TestInvokeMethod tells it: everything, under a headline.
    pub(crate) fn told(&self, request_id: &str) -> String {
        let lines = self.take();
        let mut told = format!("Execution log for request {request_id}\n");
        for line in lines {
            let at = line.at.as_secs().to_string();
            _ = writeln!(told, "{} : {}", crate::rest::grant::date(&at), line.text);
        }
        told
    }
}

/// The most that a stage's settings let through.
pub(crate) fn most(level: &str, with_data: bool) -> Option<Step> {
    match (level, with_data) {
        ("INFO", true) => Some(Step::Data),
        ("INFO", false) => Some(Step::Info),
        ("ERROR", _) => Some(Step::Error),
        _ => None,
    }
}

impl Visit<'_> {
    /// Says a step of the request, if somebody listens.
    pub(crate) fn note(&self, step: Step, text: impl FnOnce() -> String) {
        if let Some(journal) = &self.journal {
            journal.write(step, text());
        }
    }
}

/// Before anything is known of the request's method.
pub(crate) fn received(visit: &Visit<'_>) {
    visit.note(Step::Info, || format!("Extended Request Id: {}", visit.ticket.extended_id));
}

/// Around the phase of usage plans.
pub(crate) fn admitting(call: &Call<'_>) {
    call.note(Step::Info, || {
        let (id, key) = (call.ticket.request_id, key(call));
        format!("Verifying Usage Plan for request: {id}. API Key: {key} API Stage: {}", place(call))
    });
}

pub(crate) fn admitted(call: &Call<'_>) {
    call.note(Step::Info, || {
        let (key, verb, path) = (key(call), &call.request.method, &call.method.resource_path);
        match call.method.wants_key {
            true => format!("API Key {key} authorized because method '{verb} {path}' requires API Key."),
            false => format!(
                "API Key {key} authorized because method '{verb} {path}' does not require API Key. Request will not \
                 contribute to throttle or quota limits"
            ),
        }
    });
    call.note(Step::Info, || {
        format!("Usage Plan check succeeded for API Key {} and API Stage {}", key(call), place(call))
    });
}

fn key(call: &Call<'_>) -> String {
    call.request.header("x-api-key").map(masked).unwrap_or_default()
}

fn place(visit: &Visit<'_>) -> String {
    format!("{}/{}", visit.stage.api_id, visit.stage.name)
}

/// The method's turn.
pub(crate) fn began(call: &Call<'_>) {
    call.executing.get_or_init(|| ());
    if call.journal.is_none() {
        return;
    }
    let request = call.request;
    call.note(Step::Info, || format!("Starting execution for request: {}", call.ticket.request_id));
    call.note(Step::Info, || format!("HTTP Method: {}, Resource Path: {}", request.method, call.path()));
    let path = call.route.params(&request.path).map(|(name, value)| (name.to_owned(), value.to_owned()));
    call.note(Step::Data, || format!("Method request path: {}", braced(path)));
    let query = crate::rest::event::query_entries(&request.query).into_iter();
    let query = query.map(|(name, values)| (name.into_owned(), values.join(",")));
    call.note(Step::Data, || format!("Method request query string: {}", braced(query)));
    let headers = crate::rest::event::headers(call).into_iter();
    let headers = headers.map(|(name, values)| (name.into_owned(), values.join(",")));
    call.note(Step::Data, || format!("Method request headers: {}", braced(headers)));
    call.note(Step::Data, || format!("Method request body before transformations: {}", text(&request.body)));
}

/// What goes to an endpoint.
pub(crate) fn sending<'h>(
    visit: &Visit<'_>,
    uri: &impl Display,
    headers: impl IntoIterator<Item = (String, String)> + 'h,
    body: &[u8],
) {
    steps::sending(visit.trace(), uri, body);
    if visit.journal.is_none() {
        return;
    }
    visit.note(Step::Data, || format!("Endpoint request URI: {uri}"));
    visit.note(Step::Data, || format!("Endpoint request headers: {}", braced(headers)));
    visit.note(Step::Data, || format!("Endpoint request body after transformations: {}", text(body)));
    visit.note(Step::Data, || format!("Sending request to {uri}"));
}

/// What came back.
pub(crate) fn answered(
    visit: &Visit<'_>,
    (status, latency): (u16, Duration),
    headers: impl IntoIterator<Item = (String, String)>,
    body: &[u8],
) {
    steps::answered(visit.trace(), Some(status), body);
    if visit.journal.is_none() {
        return;
    }
    let ms = latency.as_millis();
    visit.note(Step::Data, || format!("Received response. Status: {status}, Integration latency: {ms} ms"));
    visit.note(Step::Data, || format!("Endpoint response headers: {}", braced(headers)));
    visit.note(Step::Data, || format!("Endpoint response body before transformations: {}", text(body)));
}

/// The method has answered; `headers` are those of its answer.
pub(crate) fn completed(visit: &Visit<'_>, response: &StageResponse, with_trace: bool) {
    if visit.journal.is_none() {
        return;
    }
    visit
        .note(Step::Data, || format!("Method response body after transformations: {}", text(&response.body)));
    let trace = with_trace.then(|| ("X-Amzn-Trace-Id".to_owned(), visit.ticket.trace.header().to_string()));
    let headers = trace.into_iter().chain(listed(&response.headers));
    visit.note(Step::Data, || format!("Method response headers: {}", braced(headers)));
    visit.note(Step::Info, || "Successfully completed execution".to_owned());
    visit.note(Step::Info, || format!("Method completed with status: {}", response.status));
}

/// The gateway has answered in its stead.
pub(crate) fn failed(visit: &Visit<'_>, response: &StageResponse, fault: &Fault) {
    visit.note(Step::Error, || failure(visit, fault));
    if visit.executing.get().is_none() {
        let (kind, status) = (fault.kind(), response.status);
        visit.note(Step::Info, || {
            format!("Gateway response type: {} with status code: {status}", kind.as_str())
        });
    }
    visit.note(Step::Error, || format!("Method completed with status: {}", response.status));
}

fn failure(visit: &Visit<'_>, fault: &Fault) -> String {
    let (api, stage) = (&visit.stage.api_id, &visit.stage.name);
    let verb = &visit.request.method;
    let resource = visit.routed.get().map_or("", |method| method.resource_id.as_str());
    let limit = |what: &str| {
        format!(
            "{what} limit exceeded for RestApi {api}, Stage {stage}, Resource {resource}, HttpMethod {verb}."
        )
    };
    match fault {
        Fault::InvalidBody(complaints) => {
            let media_type = visit.request.media_type().unwrap_or("application/json");
            format!("Request body does not match model schema for content type {media_type}: {complaints}")
        }
        Fault::MissingParameters(names) => format!("Missing required request parameters: [{names}]"),
        Fault::InvalidApiKey => {
            let path = visit.routed.get().map_or("", |method| method.resource_path.as_str());
            let key = visit.request.header("x-api-key").map(masked).unwrap_or_default();
            format!(
                "API Key {key} not authorized because method '{verb} {path}' requires API Key and API Key is not \
                 associated with a Usage Plan for API Stage {api}/{stage}: No associated Usage Plan"
            )
        }
        Fault::Throttled => limit("Key throttle"),
        Fault::QuotaExceeded => limit("Key quota"),
        Fault::Unauthorized | Fault::TokenExpired => {
            format!("Unauthorized request: {}", visit.ticket.request_id)
        }
        other => reason(other),
    }
}

/// Why it failed, where the request has no part in it.
pub(crate) fn reason(fault: &Fault) -> String {
    match fault {
        Fault::Function(_) => fault.to_string(),
        Fault::Configuration(why)
        | Fault::BadGateway(why)
        | Fault::Authorizer(why)
        | Fault::AuthorizerFailure(why) => {
            format!("Execution failed due to configuration error: {why}")
        }
        Fault::Timeout => "Execution failed due to a timeout error".to_owned(),
        Fault::Network(why) => {
            format!("Execution failed due to a network error communicating with endpoint: {why}")
        }
        Fault::AccessDenied(_) => "The client is not authorized to perform this operation.".to_owned(),
        other => format!("Execution failed: {other}"),
    }
}

/// Writes to the stage's log group what its settings ask for.
pub(crate) fn flush(logs: &dyn LogSink, visit: &Visit<'_>, setting: Option<&MethodSettingRecord>) {
    let Some(setting) = setting else { return };
    if let Some(id) = visit.endpoint_request_id.get() {
        visit.note(Step::Info, || format!("AWS Integration Endpoint RequestId : {id}"));
    }
    if let Some(root) = trace_root(visit).filter(|_| visit.stage.tracing) {
        visit.note(Step::Info, || format!("X-ray Tracing ID : {root}"));
    }
    let Some(journal) = &visit.journal else { return };
    let Some(most) = most(&setting.logging_level, setting.data_trace_enabled) else { return };
    let events = journal.events(most, &visit.ticket.request_id);
    if events.is_empty() {
        return;
    }
    let (api_id, stage) = (&visit.stage.api_id, &visit.stage.name);
    logs.write(LogBatch {
        scope: visit.stage.scope.clone(),
        group: format!("API-Gateway-Execution-Logs_{api_id}/{stage}").into(),
        stream: access_log::stream(api_id, stage),
        events,
    });
}

/// Headers by the names they are known by, several values of one joined.
pub(crate) fn listed(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    headers.keys().map(|name| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (shown_name(name.as_str()), values.join(","))
    })
}

/// `x-amzn-apigateway-api-id` is written small, as AWS does.
pub(crate) fn shown_name(name: &str) -> String {
    match name {
        "x-amzn-requestid" => "x-amzn-RequestId".to_owned(),
        "x-amzn-errortype" => "x-amzn-ErrorType".to_owned(),
        "x-amzn-trace-id" => "X-Amzn-Trace-Id".to_owned(),
        _ => match name.strip_prefix("x-amzn-remapped-") {
            Some(rest) => format!("x-amzn-Remapped-{}", event_name(rest)),
            None if name.starts_with("x-amzn-") => name.to_owned(),
            None => event_name(name),
        },
    }
}

/// `{a=b, c=d}`, without what nobody may read.
pub(crate) fn braced(entries: impl IntoIterator<Item = (String, String)>) -> String {
    let entries = entries.into_iter().map(|(name, value)| {
        let secret = ["authorization", "x-api-key"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if secret { format!("{name}={}", masked(&value)) } else { format!("{name}={value}") }
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

/// All but the last characters hidden; nothing of what is short.
pub(crate) fn masked(text: &str) -> String {
    let count = text.chars().count();
    let hidden = if count < 2 * SHOWN { count } else { count - SHOWN };
    text.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }).collect()
}

/// A body as far as a line can hold it.
pub(crate) fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(LINE_BYTES_MAX + CUT.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_lines_are_cut() {
        let headers = [("Authorization", "Bearer 0123456789"), ("X-Api-Key", "short"), ("A", "b")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(braced(headers), "{Authorization=***********456789, X-Api-Key=*****, A=b}");
        let journal = Journal::new(&Clock::virtual_at(Timestamp(0)));
        journal.write(Step::Info, "é".repeat(600));
        let told = journal.told("r");
        assert!(told.starts_with("Execution log for request r\nThu Jan 01 00:00:00 UTC 1970 : éé"), "{told}");
        assert!(told.ends_with("é [TRUNCATED]\n"), "{told}");
        assert_eq!(told.matches('é').count(), 512);
    }
}
