//! The answers under `/_rushlight/`: which records are asked for, and in which part. Knows no socket.

use base::AccountId;
use base::trace::{Resource, SpanRecord};
use http::Method;
use percent_encoding::percent_decode_str;
use wire::json::Writer;
use wire::{Request, Response};

use crate::join::{self, Filter};
use crate::{MAP_PATH, MONITOR_PATH, TRACES_PATH, Traces, told};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// Of the map and of charts, if nobody says.
const MINUTES: i64 = 15;
const MINUTES_MAX: i64 = 24 * 60;
/// The services whose resources are counted.
const SERVICES: [&str; 3] = ["apigateway", "dynamodb", "lambda"];

/// What cannot be told.
enum Refusal {
    Method,
    Path,
    Gone,
    Resource,
}

pub(crate) fn answer(traces: &Traces, account: AccountId, request: &Request) -> Response {
    match page(traces, account, request) {
        Ok(response) => response,
        Err(refusal) => refuse(&refusal),
    }
}

fn page(traces: &Traces, account: AccountId, request: &Request) -> Result<Response, Refusal> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    let mut json = Writer::new();
    match request.path.as_str() {
        TRACES_PATH => {
            let kept = traces.ring.of(account);
            let (found, next) = join::summaries(&kept, &filter(&request.query));
            told::summaries(&mut json, &found, next);
        }
        MAP_PATH => {
            let edges = join::edges(&traces.ring.of(account), since(traces, &request.query));
            told::map(&mut json, &edges);
        }
        MONITOR_PATH => {
            let name = parameter(&request.query, "resource").unwrap_or_default();
            let resource = resource(&name).ok_or(Refusal::Resource)?;
            let points = traces.series.of(account, &resource, since(traces, &request.query));
            told::monitor(&mut json, &name, &points);
        }
        path => {
            let rest = path.strip_prefix(TRACES_PATH).and_then(|rest| rest.strip_prefix('/'));
            return one(traces, account, rest.ok_or(Refusal::Path)?);
        }
    }
    Ok(said(200, json))
}

/// `{id}` or `{id}/spans/{span}/{part}`.
fn one(traces: &Traces, account: AccountId, rest: &str) -> Result<Response, Refusal> {
    let kept = traces.ring.of(account);
    let parts: Vec<&str> = rest.split('/').collect();
    match parts[..] {
        [id] => {
            let records = join::records_of(&kept, id);
            if records.is_empty() {
                return Err(Refusal::Gone);
            }
            let mut json = Writer::new();
            told::trace(&mut json, id, &records);
            Ok(said(200, json))
        }
        [id, "spans", span, part] => {
            let mut spans = join::records_of(&kept, id).into_iter().flat_map(|record| &record.spans);
            let found = spans.find(|known| known.id.to_string() == span).ok_or(Refusal::Gone)?;
            let payload = payload(found, part).ok_or(Refusal::Gone)?;
            let mut response = Response::new(200, told::payload(payload));
            // Whatever it is, it is shown as text.
            response.set("content-type", "text/plain; charset=utf-8");
            response.set("x-content-type-options", "nosniff");
            Ok(response)
        }
        _ => Err(Refusal::Path),
    }
}

fn payload<'s>(span: &'s SpanRecord, part: &str) -> Option<&'s base::trace::Payload> {
    match part {
        "request" => span.request.as_ref(),
        "response" => span.response.as_ref(),
        "log" => span.log.as_ref(),
        _ => None,
    }
}

fn filter(query: &str) -> Filter {
    let number = |name| parameter(query, name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT);
    Filter {
        limit: limit.clamp(1, LIMIT_MAX),
        before: number("before"),
        text: parameter(query, "q").unwrap_or_default(),
        resource: parameter(query, "resource").unwrap_or_default(),
        failed: parameter(query, "failed").is_some_and(|failed| failed == "1" || failed == "true"),
    }
}

fn since(traces: &Traces, query: &str) -> i64 {
    let minutes = parameter(query, "minutes").and_then(|text| text.parse().ok()).unwrap_or(MINUTES);
    traces.clock.now().0 - minutes.clamp(1, MINUTES_MAX) * 60_000
}

fn resource(name: &str) -> Option<Resource> {
    let (service, name) = name.split_once(':')?;
    let service = SERVICES.into_iter().find(|known| *known == service)?;
    Some(Resource { service, name: name.into() })
}

/// The value of a query's parameter, decoded.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

fn said(status: u16, json: Writer) -> Response {
    let mut response = Response::new(status, json.into_bytes());
    response.set("content-type", "application/json");
    response.set("cache-control", "no-store");
    response
}

fn refuse(refusal: &Refusal) -> Response {
    let (status, code, message) = match refusal {
        Refusal::Method => (405, "MethodNotAllowed", "Only GET and HEAD are served here."),
        Refusal::Path => (
            404,
            "NotFound",
            "No such path. Served here: /_rushlight/traces, /_rushlight/traces/ID, \
             /_rushlight/traces/ID/spans/SPAN/request (or response, log), /_rushlight/traces/tail, /_rushlight/map, \
             /_rushlight/monitor?resource=lambda:NAME.",
        ),
        Refusal::Gone => (
            404,
            "TraceNotKept",
            "No such trace, span or payload is kept (any more). trace-memory and trace-payloads say how much is.",
        ),
        Refusal::Resource => {
            (400, "BadRequest", "resource is lambda:NAME, dynamodb:TABLE or apigateway:API/STAGE.")
        }
    };
    let mut json = Writer::new();
    json.begin_object();
    json.key("__type");
    json.string(code);
    json.key("message");
    json.string(message);
    json.end_object();
    said(status, json)
}
