//! Records as OpenTelemetry's JSON, for a collector. Pure; who sends it is somebody else.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::sync::Arc;

use base::trace::{Attribute, Record, SpanKind, SpanRecord};
use wire::json::Writer;

use crate::join::name_of;
use crate::told::{answered_failure, shown};

const KIND_INTERNAL: i64 = 1;
const KIND_SERVER: i64 = 2;
const KIND_CLIENT: i64 = 3;
const KIND_CONSUMER: i64 = 5;
const STATUS_ERROR: i64 = 2;

/// The body of a request to `/v1/traces`. Payloads are left out; they may be large, and another's to read.
pub fn encode(records: &[Arc<Record>], version: &str) -> Vec<u8> {
    let mut json = Writer::new();
    json.begin_object();
    json.key("resourceSpans");
    json.begin_array();
    json.begin_object();
    json.key("resource");
    json.begin_object();
    json.key("attributes");
    json.begin_array();
    text(&mut json, "service.name", "rushlight");
    text(&mut json, "service.version", version);
    text(&mut json, "cloud.provider", "rushlight");
    json.end_array();
    json.end_object();
    json.key("scopeSpans");
    json.begin_array();
    json.begin_object();
    json.key("scope");
    json.begin_object();
    json.key("name");
    json.string("rushlight");
    json.key("version");
    json.string(version);
    json.end_object();
    json.key("spans");
    json.begin_array();
    for record in records {
        let Some(id) = trace_id(record) else { continue };
        for record_span in &record.spans {
            span(&mut json, record, (&id, record_span));
        }
    }
    json.end_array();
    json.end_object();
    json.end_array();
    json.end_object();
    json.end_array();
    json.end_object();
    json.into_vec()
}

/// 32 hexadecimal digits; none of a root that is none.
fn trace_id(record: &Record) -> Option<String> {
    let digits: String = record.trace.root()?.strip_prefix("1-")?.chars().filter(|c| *c != '-').collect();
    (digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digits)
}

fn span(json: &mut Writer, record: &Record, (trace_id, span): (&str, &SpanRecord)) {
    let began_ns = i128::from(record.started.0) * 1_000_000 + span.begun.as_nanos().cast_signed();
    let ended_ns = began_ns + span.took.unwrap_or_default().as_nanos().cast_signed();
    json.begin_object();
    for (name, value) in [("traceId", trace_id), ("spanId", &span.id.to_string()), ("name", &span.name)] {
        json.key(name);
        json.string(value);
    }
    if let Some(parent) = span.parent {
        json.key("parentSpanId");
        json.string(&parent.to_string());
    }
    json.key("kind");
    json.integer(match span.kind {
        SpanKind::Request | SpanKind::Message => KIND_SERVER,
        SpanKind::Integration | SpanKind::Destination => KIND_CLIENT,
        SpanKind::Event | SpanKind::Batch => KIND_CONSUMER,
        _ => KIND_INTERNAL,
    });
    for (name, ns) in [("startTimeUnixNano", began_ns), ("endTimeUnixNano", ended_ns)] {
        json.key(name);
        json.string(&ns.to_string());
    }
    json.key("attributes");
    json.begin_array();
    attributes(json, record, span);
    json.end_array();
    if let Some(failure) = span.failure.clone().or_else(|| answered_failure(span)) {
        json.key("status");
        json.begin_object();
        json.key("code");
        json.integer(STATUS_ERROR);
        json.key("message");
        json.string(&format!("{}: {}", failure.code, failure.message));
        json.end_object();
    }
    json.end_object();
}

fn attributes(json: &mut Writer, record: &Record, span: &SpanRecord) {
    text(json, "rushlight.kind", span.kind.name());
    text(json, "cloud.account.id", &record.account.to_string());
    if let Some(resource) = &span.resource {
        text(json, "rushlight.resource", &name_of(resource));
    }
    if let Some(status) = span.status {
        member(json, "http.response.status_code", "intValue", |json| json.string(&status.to_string()));
    }
    for (name, value) in &span.attributes {
        let name = format!("rushlight.{name}");
        match value {
            Attribute::Text(value) => text(json, &name, &shown(&name["rushlight.".len()..], value)),
            // 64-bit numbers are texts in this encoding.
            Attribute::Number(value) => {
                member(json, &name, "intValue", |json| json.string(&value.to_string()));
            }
            Attribute::Fraction(value) => member(json, &name, "doubleValue", |json| json.float(*value)),
            Attribute::Flag(value) => member(json, &name, "boolValue", |json| json.boolean(*value)),
        }
    }
}

fn text(json: &mut Writer, name: &str, value: &str) {
    member(json, name, "stringValue", |json| json.string(value));
}

fn member(json: &mut Writer, name: &str, kind: &str, value: impl FnOnce(&mut Writer)) {
    json.begin_object();
    json.key("key");
    json.string(name);
    json.key("value");
    json.begin_object();
    json.key(kind);
    value(json);
    json.end_object();
    json.end_object();
}
