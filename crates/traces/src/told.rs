//! Records as JSON, without their secrets. Knows no request.

use std::collections::BTreeMap;
use std::time::Duration;

use base::AccountId;
use base::trace::{Attribute, Failure, Payload, Record, SpanKind, SpanRecord};
use bytes::Bytes;
use wire::json::{Reader, Writer};

use crate::Followed;
use crate::join::{Edge, Summary, name_of};
use crate::mask;
use crate::series::Point;

/// Of a log in a line of what is followed.
const LOG_BYTES_MAX: usize = 4 << 10;
const DEPTH_MAX: usize = 64;

pub(crate) fn summaries(json: &mut Writer, found: &[Summary<'_>], next: Option<u64>) {
    json.begin_object();
    json.key("traces");
    json.begin_array();
    for summary in found {
        one_summary(json, summary);
    }
    json.end_array();
    if let Some(next) = next {
        json.key("next");
        json.integer(i64::try_from(next).unwrap_or(i64::MAX));
    }
    json.end_object();
}

fn one_summary(json: &mut Writer, summary: &Summary<'_>) {
    let Some(whole) = summary.first.spans.first() else { return };
    json.begin_object();
    json.key("id");
    json.string(summary.id);
    json.key("sequence");
    json.integer(i64::try_from(summary.sequence).unwrap_or(i64::MAX));
    json.key("started");
    json.integer(summary.first.started.0);
    json.key("durationUs");
    json.integer(micros(summary.took));
    json.key("kind");
    json.string(whole.kind.name());
    json.key("name");
    json.string(&whole.name);
    status(json, whole);
    if let Some(failure) = summary.failure {
        told_failure(json, failure);
    }
    json.key("resources");
    json.begin_array();
    for resource in &summary.resources {
        json.string(&name_of(resource));
    }
    json.end_array();
    json.key("spans");
    json.integer(i64::try_from(summary.spans).unwrap_or(i64::MAX));
    json.end_object();
}

/// All records of a trace, in the order in which they began; they are one or more.
pub(crate) fn trace(json: &mut Writer, id: &str, records: &[&Record]) {
    let Some(first) = records.first() else { return };
    let mut spans: Vec<(Duration, &SpanRecord)> = records
        .iter()
        .flat_map(|record| {
            let after = record.begun.saturating_duration_since(first.begun);
            record.spans.iter().map(move |span| (after + span.begun, span))
        })
        .collect();
    spans.sort_by_key(|(begun, _)| *begun);
    let ends = spans.iter().map(|(begun, span)| *begun + span.took.unwrap_or_default());
    json.begin_object();
    json.key("id");
    json.string(id);
    json.key("started");
    json.integer(first.started.0);
    json.key("durationUs");
    json.integer(micros(ends.max().unwrap_or_default()));
    json.key("spans");
    json.begin_array();
    for (begun, record) in spans {
        span(json, begun, record);
    }
    json.end_array();
    json.end_object();
}

fn span(json: &mut Writer, begun: Duration, span: &SpanRecord) {
    json.begin_object();
    json.key("id");
    json.string(&span.id.to_string());
    if let Some(parent) = span.parent {
        json.key("parent");
        json.string(&parent.to_string());
    }
    json.key("kind");
    json.string(span.kind.name());
    json.key("name");
    json.string(&span.name);
    json.key("startUs");
    json.integer(micros(begun));
    if let Some(took) = span.took {
        json.key("durationUs");
        json.integer(micros(took));
    }
    if let Some(resource) = &span.resource {
        json.key("resource");
        json.string(&name_of(resource));
    }
    status(json, span);
    match &span.failure {
        Some(failure) => told_failure(json, failure),
        None => {
            if let Some(failure) = answered_failure(span) {
                told_failure(json, &failure);
            }
        }
    }
    json.key("attributes");
    attributes(json, span);
    for (name, payload) in [("request", &span.request), ("response", &span.response), ("log", &span.log)] {
        if let Some(payload) = payload {
            json.key(name);
            json.begin_object();
            json.key("bytes");
            json.integer(i64::try_from(payload.bytes).unwrap_or(i64::MAX));
            json.key("whole");
            json.boolean(payload.is_whole());
            json.end_object();
        }
    }
    json.end_object();
}

fn status(json: &mut Writer, span: &SpanRecord) {
    if let Some(status) = span.status {
        json.key("status");
        json.integer(status.into());
    }
}

fn told_failure(json: &mut Writer, failure: &Failure) {
    json.key("failure");
    json.begin_object();
    json.key("code");
    json.string(&failure.code);
    json.key("message");
    json.string(&failure.message);
    json.end_object();
}

fn attributes(json: &mut Writer, span: &SpanRecord) {
    // The last one of a name counts.
    let latest: BTreeMap<&str, &Attribute> =
        span.attributes.iter().map(|(name, value)| (*name, value)).collect();
    json.begin_object();
    for (name, value) in latest {
        json.key(name);
        match value {
            Attribute::Text(text) => json.string(&shown(name, text)),
            Attribute::Number(number) => json.integer(*number),
            Attribute::Fraction(number) => json.float(*number),
            Attribute::Flag(flag) => json.boolean(*flag),
        }
    }
    json.end_object();
}

/// An attribute's text without secrets.
pub(crate) fn shown(name: &str, text: &str) -> String {
    match name {
        "headers" => mask::header_lines(text),
        "query" => mask::query(text),
        "uri" => match text.split_once('?') {
            Some((path, query)) => format!("{path}?{}", mask::query(query)),
            None => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

/// The error that a service answered, in any of the forms in which AWS writes them.
pub(crate) fn answered_failure(span: &SpanRecord) -> Option<Failure> {
    let is_answer = matches!(span.kind, SpanKind::Request | SpanKind::Call);
    let status = span.status.filter(|status| is_answer && *status >= 400)?;
    let found = span.response.as_ref().and_then(|response| read_error(&response.kept));
    let (code, message) = found.unwrap_or_default();
    let code = code.unwrap_or_else(|| status.to_string());
    Some(Failure { code: code.into(), message: message.unwrap_or_default() })
}

fn read_error(body: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let mut reader = Reader::new(body, DEPTH_MAX).ok()?;
    reader.begin_object().ok()?;
    let (mut code, mut message) = (None, None);
    while let Ok(Some(key)) = reader.next_key() {
        match &*key {
            "__type" | "code" | "Type" => {
                let told = reader.string().ok()?.into_owned();
                code = Some(told.rsplit('#').next().unwrap_or_default().to_owned());
            }
            "message" | "Message" => message = reader.string().ok().map(std::borrow::Cow::into_owned),
            _ => reader.skip().ok()?,
        }
    }
    Some((code, message))
}

/// What is kept of a payload, without secrets.
pub(crate) fn payload(payload: &Payload) -> Bytes {
    mask::json(&payload.kept).into()
}

/// A line of what is followed: a record, or that some were missed.
pub(crate) fn line(followed: &Followed, account: AccountId, resource: &str) -> Option<Bytes> {
    let mut json = Writer::new();
    match followed {
        Followed::Missed(missed) => {
            json.begin_object();
            json.key("missed");
            json.integer(i64::try_from(*missed).unwrap_or(i64::MAX));
        }
        Followed::Record(record) => {
            let named =
                |span: &SpanRecord| span.resource.as_ref().is_some_and(|found| name_of(found) == resource);
            if record.account != account || !(resource.is_empty() || record.spans.iter().any(named)) {
                return None;
            }
            followed_record(&mut json, record);
        }
    }
    json.end_object();
    let mut line = json.into_vec();
    line.push(b'\n');
    Some(line.into())
}

fn followed_record(json: &mut Writer, record: &Record) {
    let whole = record.spans.first();
    json.begin_object();
    json.key("trace");
    json.string(record.trace.root().unwrap_or_default());
    json.key("started");
    json.integer(record.started.0);
    json.key("durationUs");
    json.integer(micros(whole.and_then(|span| span.took).unwrap_or_default()));
    json.key("spans");
    json.begin_array();
    for record in &record.spans {
        span(json, record.begun, record);
    }
    json.end_array();
    if let Some(log) = record.spans.iter().find_map(|span| span.log.as_ref()) {
        let masked = payload(log);
        let text = String::from_utf8_lossy(&masked);
        json.key("log");
        json.string(&text[..text.floor_char_boundary(LOG_BYTES_MAX)]);
    }
}

pub(crate) fn map(json: &mut Writer, edges: &BTreeMap<(String, String), Edge>) {
    let mut nodes: Vec<&str> = edges.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    nodes.sort_unstable();
    nodes.dedup();
    json.begin_object();
    json.key("nodes");
    json.begin_array();
    for node in nodes {
        json.begin_object();
        json.key("id");
        json.string(node);
        json.end_object();
    }
    json.end_array();
    json.key("edges");
    json.begin_array();
    for ((from, to), edge) in edges {
        json.begin_object();
        json.key("from");
        json.string(from);
        json.key("to");
        json.string(to);
        json.key("count");
        json.integer(i64::try_from(edge.count).unwrap_or(i64::MAX));
        json.key("failed");
        json.integer(i64::try_from(edge.failed).unwrap_or(i64::MAX));
        json.key("averageUs");
        let average = edge.took.checked_div(u32::try_from(edge.count).unwrap_or(u32::MAX));
        json.integer(micros(average.unwrap_or_default()));
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

pub(crate) fn monitor(json: &mut Writer, resource: &str, points: &[Point]) {
    json.begin_object();
    json.key("resource");
    json.string(resource);
    json.key("points");
    json.begin_array();
    for point in points {
        json.begin_object();
        json.key("minute");
        json.integer(point.minute);
        let counts = [
            ("count", point.count),
            ("failed", point.failed),
            ("throttled", point.throttled),
            ("coldStarts", point.cold_starts),
            ("status4xx", point.status_4xx),
            ("status5xx", point.status_5xx),
        ];
        for (name, count) in counts {
            json.key(name);
            json.integer(i64::try_from(count).unwrap_or(i64::MAX));
        }
        json.key("concurrent");
        json.integer(point.concurrent);
        if let Some(age) = point.iterator_age_ms {
            json.key("iteratorAgeMs");
            json.integer(age);
        }
        json.key("capacityUnits");
        json.float(point.capacity_units);
        if point.durations.count > 0 {
            durations(json, point);
        }
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

fn durations(json: &mut Writer, point: &Point) {
    let durations = &point.durations;
    let told = [
        ("averageMs", durations.average()),
        ("minMs", durations.min),
        ("maxMs", durations.max),
        ("p50Ms", durations.percentile(0.5)),
        ("p90Ms", durations.percentile(0.9)),
        ("p99Ms", durations.percentile(0.99)),
    ];
    for (name, duration) in told {
        json.key(name);
        json.float((duration.as_secs_f64() * 1e6).round() / 1e3);
    }
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
