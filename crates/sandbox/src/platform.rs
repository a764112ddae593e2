//! The platform's own records, as they stand in a JSON log and as the Telemetry API tells them:
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>. Pure.

use std::time::Duration;

use base::Timestamp;
use wire::json::Writer;

use crate::outcome::{InitPhase, Phases};
use crate::spec::InitType;

/// How a phase ended, in AWS's words: `success`, `error`, `timeout`; with the type of the error.
#[derive(Debug, Clone, Copy)]
pub struct Status<'a> {
    pub status: &'a str,
    pub error_type: Option<&'a str>,
}

impl Status<'_> {
    pub const SUCCESS: Status<'static> = Status { status: "success", error_type: None };

    fn write(self, out: &mut Writer) {
        text(out, "status", self.status);
        if let Some(error_type) = self.error_type {
            text(out, "errorType", error_type);
        }
    }
}

/// `{"time":...,"type":...,"record":{...}}`.
fn record(time: Timestamp, kind: &str, fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::with_capacity(256);
    out.begin_object();
    text(&mut out, "time", &time.iso8601());
    text(&mut out, "type", kind);
    out.key("record");
    out.begin_object();
    fill(&mut out);
    out.end_object();
    out.end_object();
    out.into_vec()
}

/// Whether an environment is initialised when an event comes, or ahead; and in whose time.
#[derive(Debug, Clone, Copy)]
pub struct Initialization {
    pub init_type: InitType,
    pub phase: InitPhase,
}

impl Initialization {
    fn write(self, out: &mut Writer) {
        text(out, "initializationType", self.init_type.name());
        text(out, "phase", self.phase.name());
    }
}

/// What is about to be initialised.
#[derive(Debug, Clone, Copy)]
pub struct InitStart<'a> {
    pub runtime_version: &'a str,
    pub name: &'a str,
    pub version: &'a str,
}

impl InitStart<'_> {
    fn write(&self, out: &mut Writer) {
        text(out, "runtimeVersion", self.runtime_version);
        text(out, "functionName", self.name);
        text(out, "functionVersion", self.version);
    }
}

pub fn init_start(time: Timestamp, init: Initialization, start: &InitStart<'_>) -> Vec<u8> {
    record(time, "platform.initStart", |out| {
        init.write(out);
        start.write(out);
    })
}

pub fn init_runtime_done(time: Timestamp, init: Initialization, status: Status<'_>) -> Vec<u8> {
    record(time, "platform.initRuntimeDone", |out| {
        init.write(out);
        status.write(out);
    })
}

pub fn init_report(time: Timestamp, init: Initialization, status: Status<'_>, duration: Duration) -> Vec<u8> {
    record(time, "platform.initReport", |out| {
        init.write(out);
        status.write(out);
        took(out, duration);
    })
}

/// An environment that was initialised for SnapStart is brought back.
pub fn restore_start(time: Timestamp, start: &InitStart<'_>) -> Vec<u8> {
    record(time, "platform.restoreStart", |out| start.write(out))
}

pub fn restore_runtime_done(time: Timestamp, status: Status<'_>) -> Vec<u8> {
    record(time, "platform.restoreRuntimeDone", |out| status.write(out))
}

pub fn restore_report(time: Timestamp, status: Status<'_>, duration: Duration) -> Vec<u8> {
    record(time, "platform.restoreReport", |out| {
        status.write(out);
        took(out, duration);
    })
}

fn took(out: &mut Writer, duration: Duration) {
    out.key("metrics");
    out.begin_object();
    millis(out, "durationMs", duration);
    out.end_object();
}

/// What is said of one invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invoked<'a> {
    pub request_id: &'a str,
    pub version: &'a str,
    /// The trace header, if the invocation has one.
    pub trace: &'a str,
    pub started: Timestamp,
}

impl Invoked<'_> {
    pub fn start(&self) -> Vec<u8> {
        record(self.started, "platform.start", |out| {
            text(out, "requestId", self.request_id);
            text(out, "version", self.version);
            self.tracing(out);
        })
    }

    pub fn runtime_done(&self, status: Status<'_>, phases: &Phases) -> Vec<u8> {
        let ended = self.started.plus(phases.runtime());
        record(ended, "platform.runtimeDone", |out| {
            text(out, "requestId", self.request_id);
            status.write(out);
            out.key("metrics");
            out.begin_object();
            millis(out, "durationMs", phases.runtime());
            whole(out, "producedBytes", phases.produced_bytes as u64);
            out.end_object();
            if status.status == "success" {
                self.spans(out, phases);
            }
            self.tracing(out);
        })
    }

    fn spans(&self, out: &mut Writer, phases: &Phases) {
        let mut at = self.started;
        out.key("spans");
        out.begin_array();
        for (name, duration) in [
            ("responseLatency", phases.response_latency),
            ("responseDuration", phases.response_duration),
            ("runtimeOverhead", phases.runtime_overhead),
        ] {
            span(out, name, at, duration);
            at = at.plus(duration);
        }
        out.end_array();
    }

    pub fn report(&self, status: Status<'_>, phases: &Phases, metrics: &ReportMetrics) -> Vec<u8> {
        let ended = self.started.plus(metrics.duration);
        record(ended, "platform.report", |out| {
            text(out, "requestId", self.request_id);
            out.key("metrics");
            out.begin_object();
            millis(out, "durationMs", metrics.duration);
            whole(out, "billedDurationMs", metrics.billed_ms);
            whole(out, "memorySizeMB", u64::from(metrics.memory_mib));
            whole(out, "maxMemoryUsedMB", u64::from(metrics.max_memory_mib));
            if let Some(init) = metrics.init_duration {
                millis(out, "initDurationMs", init);
            }
            if let Some(restore) = metrics.restore_duration {
                millis(out, "restoreDurationMs", restore);
            }
            out.end_object();
            if let Some(overhead) = phases.extension_overhead {
                out.key("spans");
                out.begin_array();
                span(out, "extensionOverhead", self.started.plus(phases.runtime()), overhead);
                out.end_array();
            }
            status.write(out);
            self.tracing(out);
        })
    }

    /// AWS says it of traced invocations alone.
    fn tracing(&self, out: &mut Writer) {
        let part = |name: &str| self.trace.split(';').find_map(|part| part.trim().strip_prefix(name));
        if part("Sampled=") != Some("1") {
            return;
        }
        out.key("tracing");
        out.begin_object();
        if let Some(parent) = part("Parent=") {
            text(out, "spanId", parent);
        }
        text(out, "type", "X-Amzn-Trace-Id");
        text(out, "value", self.trace);
        out.end_object();
    }
}

/// The numbers of a report.
#[derive(Debug, Clone, Copy)]
pub struct ReportMetrics {
    pub duration: Duration,
    pub billed_ms: u64,
    pub memory_mib: u32,
    pub max_memory_mib: u32,
    pub init_duration: Option<Duration>,
    pub restore_duration: Option<Duration>,
}

/// Of the Logs API alone.
pub(crate) fn end(time: Timestamp, request_id: &str) -> Vec<u8> {
    record(time, "platform.end", |out| text(out, "requestId", request_id))
}

pub(crate) fn extension(
    time: Timestamp,
    name: &str,
    state: &str,
    events: &[&str],
    error: Option<&str>,
) -> Vec<u8> {
    record(time, "platform.extension", |out| {
        text(out, "name", name);
        text(out, "state", state);
        list(out, "events", events);
        if let Some(error_type) = error {
            text(out, "errorType", error_type);
        }
    })
}

/// `kind`: `platform.telemetrySubscription` or, of the Logs API, `platform.logsSubscription`.
pub(crate) fn subscription(time: Timestamp, kind: &str, name: &str, types: &[&str]) -> Vec<u8> {
    record(time, kind, |out| {
        text(out, "name", name);
        text(out, "state", "Subscribed");
        list(out, "types", types);
    })
}

pub(crate) fn logs_dropped(time: Timestamp, records: u64, bytes: u64) -> Vec<u8> {
    record(time, "platform.logsDropped", |out| {
        text(
            out,
            "reason",
            "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
        );
        whole(out, "droppedRecords", records);
        whole(out, "droppedBytes", bytes);
    })
}

/// A line of output: `kind` is `function` or `extension`. `json`: a line that is an object stays one.
pub(crate) fn line(time: Timestamp, kind: &str, line: &[u8], json: bool) -> Vec<u8> {
    let mut out = Writer::with_capacity(line.len() + 96);
    out.begin_object();
    text(&mut out, "time", &time.iso8601());
    text(&mut out, "type", kind);
    out.key("record");
    match json.then(|| object(line)).flatten() {
        Some(object) => out.raw(object),
        None => out.string(&String::from_utf8_lossy(line)),
    }
    out.end_object();
    out.into_vec()
}

fn object(line: &[u8]) -> Option<&[u8]> {
    let mut reader = wire::json::Reader::new(line, base::Limits::default().json_depth_max).ok()?;
    let whole =
        reader.peek().ok()? == wire::json::Kind::Object && reader.skip().is_ok() && reader.end().is_ok();
    whole.then_some(line)
}

fn span(out: &mut Writer, name: &str, start: Timestamp, duration: Duration) {
    out.begin_object();
    text(out, "name", name);
    text(out, "start", &start.iso8601());
    millis(out, "durationMs", duration);
    out.end_object();
}

fn text(out: &mut Writer, key: &str, value: &str) {
    out.key(key);
    out.string(value);
}

fn list(out: &mut Writer, key: &str, values: &[&str]) {
    out.key(key);
    out.begin_array();
    for value in values {
        out.string(value);
    }
    out.end_array();
}

fn whole(out: &mut Writer, key: &str, value: u64) {
    out.key(key);
    out.integer(i64::try_from(value).unwrap_or(i64::MAX));
}

/// To the microsecond, as AWS does.
fn millis(out: &mut Writer, key: &str, duration: Duration) {
    out.key(key);
    out.float((duration.as_secs_f64() * 1_000_000.0).round() / 1000.0);
}
