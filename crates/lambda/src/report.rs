//! The lines that Lambda itself writes to a function's log: START, END, REPORT, and what is said of a failure,
//! as text or as JSON. Pure; knows no sink.

use base::{RequestId, Timestamp};
use bytes::Bytes;
use ports::LogEvent;
use sandbox::{FaultKind, FunctionFault, LogLine, Outcome};
use wire::json::{Reader, Writer};

/// The end of the log that `LogType: Tail` answers.
const TAIL_BYTES: usize = 4096;

/// What an invocation's lines say beside its outcome.
#[derive(Debug)]
pub(crate) struct Invoked<'a> {
    pub(crate) request_id: RequestId,
    pub(crate) version: &'a str,
    pub(crate) memory_mib: u32,
    pub(crate) timeout_ms: u64,
    pub(crate) json: bool,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
}

/// A function's own lines, taken.
pub(crate) fn lines(lines: &mut Vec<LogLine>) -> impl Iterator<Item = LogEvent> + use<> {
    std::mem::take(lines).into_iter().map(|line| LogEvent { timestamp: line.timestamp, message: line.bytes })
}

/// Whether the handler was never reached: loading it failed, or ended or outlived the process.
fn is_of_init(outcome: &Outcome, fault: &FunctionFault) -> bool {
    fault.kind == FaultKind::Init || (outcome.init_duration.is_some() && outcome.duration.is_zero())
}

impl Invoked<'_> {
    /// The log of one invocation, in order: what was written while loading, START, the function's lines, END, REPORT.
    pub(crate) fn events(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        let mut events = Vec::with_capacity(outcome.init_logs.len() + outcome.logs.len() + 5);
        events.extend(lines(&mut outcome.init_logs));
        let fault = outcome.result.as_ref().err();
        if let Some(fault) = fault.filter(|fault| is_of_init(outcome, fault)) {
            events.push(event(self.started, self.init_report(outcome, fault)));
        }
        events.push(event(self.started, self.start()));
        events.extend(lines(&mut outcome.logs));
        if let Some(text) = fault.and_then(|fault| self.failure(fault)) {
            events.push(event(self.ended, text));
        }
        if !self.json {
            events.push(event(self.ended, format!("END RequestId: {}\n", self.request_id)));
        }
        let report = if self.json { self.json_report(outcome) } else { self.text_report(outcome) };
        events.push(event(self.ended, report));
        events
    }

    fn start(&self) -> String {
        let Self { request_id, version, .. } = self;
        if self.json {
            return self.json_event(self.started, "platform.start", |out| {
                string(out, "requestId", &request_id.to_string());
                string(out, "version", version);
            });
        }
        format!("START RequestId: {request_id} Version: {version}\n")
    }

    /// What AWS adds to the log when the process did not live to say it.
    fn failure(&self, fault: &FunctionFault) -> Option<String> {
        let Self { request_id, .. } = self;
        match fault.kind {
            FaultKind::Timeout => {
                let (time, seconds) = (self.ended.iso8601(), self.timeout_ms as f64 / 1000.0);
                Some(format!("{time} {request_id} Task timed out after {seconds:.2} seconds\n\n"))
            }
            FaultKind::Exit | FaultKind::OutOfMemory => {
                let said = ErrorText::read(&fault.body);
                Some(format!("{}\n{}\n", said.message, said.kind))
            }
            FaultKind::Handler | FaultKind::Init | FaultKind::ResponseTooLarge => None,
        }
    }

    fn init_report(&self, outcome: &Outcome, fault: &FunctionFault) -> String {
        let millis = outcome.init_duration.unwrap_or_default().as_secs_f64() * 1000.0;
        let kind = ErrorText::read(&fault.body).kind;
        let status = if fault.kind == FaultKind::Timeout { "timeout" } else { "error" };
        if self.json {
            return self.json_event(self.started, "platform.initReport", |out| {
                string(out, "initializationType", "on-demand");
                string(out, "phase", "init");
                string(out, "status", status);
                if status == "error" {
                    string(out, "errorType", &kind);
                }
                out.key("metrics");
                out.begin_object();
                number(out, "durationMs", millis);
                out.end_object();
            });
        }
        let kind = if status == "error" { format!("\tError Type: {kind}") } else { String::new() };
        format!("INIT_REPORT Init Duration: {millis:.2} ms\tPhase: init\tStatus: {status}{kind}\n")
    }

    fn text_report(&self, outcome: &Outcome) -> String {
        let Self { request_id, memory_mib, .. } = self;
        let Outcome { billed_ms, max_memory_mib, .. } = outcome;
        let millis = outcome.duration.as_secs_f64() * 1000.0;
        let mut line = format!(
            "REPORT RequestId: {request_id}\tDuration: {millis:.2} ms\tBilled Duration: {billed_ms} ms\t\
             Memory Size: {memory_mib} MB\tMax Memory Used: {max_memory_mib} MB\t"
        );
        if let Some(init) = outcome.init_duration {
            line.push_str(&format!("Init Duration: {:.2} ms\t", init.as_secs_f64() * 1000.0));
        }
        match status(outcome) {
            ("success", _) => {}
            ("error", Some(kind)) => line.push_str(&format!("Status: error\tError Type: {kind}")),
            (status, _) => line.push_str(&format!("Status: {status}")),
        }
        line.push('\n');
        line
    }

    fn json_report(&self, outcome: &Outcome) -> String {
        let (status, kind) = status(outcome);
        self.json_event(self.ended, "platform.report", |out| {
            string(out, "requestId", &self.request_id.to_string());
            out.key("metrics");
            out.begin_object();
            number(out, "durationMs", outcome.duration.as_secs_f64() * 1000.0);
            integer(out, "billedDurationMs", i64::try_from(outcome.billed_ms).unwrap_or(i64::MAX));
            integer(out, "memorySizeMB", i64::from(self.memory_mib));
            integer(out, "maxMemoryUsedMB", i64::from(outcome.max_memory_mib));
            if let Some(init) = outcome.init_duration {
                number(out, "initDurationMs", init.as_secs_f64() * 1000.0);
            }
            out.end_object();
            string(out, "status", status);
            if let Some(kind) = &kind {
                string(out, "errorType", kind);
            }
        })
    }

    fn json_event(&self, time: Timestamp, kind: &str, record: impl FnOnce(&mut Writer)) -> String {
        let mut out = Writer::new();
        out.begin_object();
        string(&mut out, "time", &time.iso8601());
        string(&mut out, "type", kind);
        out.key("record");
        out.begin_object();
        record(&mut out);
        out.end_object();
        out.end_object();
        String::from_utf8_lossy(&out.into_vec()).into_owned()
    }
}

/// The last 4 KB of the lines, each ended by a newline.
pub(crate) fn tail(events: &[LogEvent]) -> Bytes {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut bytes = 0;
    for event in events.iter().rev() {
        if !event.message.ends_with(b"\n") {
            parts.push(b"\n");
            bytes += 1;
        }
        parts.push(&event.message);
        bytes += event.message.len();
        if bytes >= TAIL_BYTES {
            break;
        }
    }
    parts.reverse();
    let whole = Bytes::from(parts.concat());
    whole.slice(whole.len().saturating_sub(TAIL_BYTES)..)
}

/// How an invocation ended, and the type of its error where a runtime or the platform gave one.
fn status(outcome: &Outcome) -> (&'static str, Option<String>) {
    match &outcome.result {
        Ok(_) => ("success", None),
        // A handler's own error is the function's business; AWS reports it as a success of the platform.
        Err(fault) if fault.kind == FaultKind::Handler => ("success", None),
        Err(fault) if fault.kind == FaultKind::Timeout => ("timeout", None),
        Err(fault) => ("error", Some(ErrorText::read(&fault.body).kind)),
    }
}

/// `errorType` and `errorMessage` of a function's error.
struct ErrorText {
    kind: String,
    message: String,
}

impl ErrorText {
    fn read(body: &[u8]) -> Self {
        let mut text = Self { kind: "Unknown".to_owned(), message: String::new() };
        // A body that is not such an object leaves the defaults.
        let _ = text.fill(body);
        text
    }

    fn fill(&mut self, body: &[u8]) -> Result<(), wire::json::JsonError> {
        let mut reader = Reader::new(body, base::Limits::default().json_depth_max)?;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match &*key {
                "errorType" => self.kind = reader.string()?.into_owned(),
                "errorMessage" => self.message = reader.string()?.into_owned(),
                _ => reader.skip()?,
            }
        }
        Ok(())
    }
}

fn event(timestamp: Timestamp, text: String) -> LogEvent {
    LogEvent { timestamp, message: text.into() }
}

fn string(out: &mut Writer, key: &str, value: &str) {
    out.key(key);
    out.string(value);
}

fn integer(out: &mut Writer, key: &str, value: i64) {
    out.key(key);
    out.integer(value);
}

fn number(out: &mut Writer, key: &str, value: f64) {
    out.key(key);
    out.float((value * 1000.0).round() / 1000.0);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use expect_test::{Expect, expect};

    fn outcome(result: Result<&str, (FaultKind, &str)>, init_ms: Option<u64>) -> Outcome {
        let fault = |(kind, body): (FaultKind, &str)| FunctionFault {
            kind,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        Outcome {
            result: result.map(|text| Bytes::copy_from_slice(text.as_bytes())).map_err(fault),
            streamed: false,
            reusable: true,
            unheard: false,
            duration: Duration::from_micros(1_234),
            init_duration: init_ms.map(Duration::from_millis),
            phases: sandbox::Phases::default(),
            billed_ms: 2,
            max_memory_mib: 65,
            init_logs: vec![],
            logs: vec![LogLine { timestamp: Timestamp(1), bytes: Bytes::from_static(b"hello") }],
        }
    }

    fn check(mut outcome: Outcome, json: bool, expected: Expect) {
        let invoked = Invoked {
            request_id: RequestId(7),
            version: "$LATEST",
            memory_mib: 128,
            timeout_ms: 3000,
            json,
            started: Timestamp(0),
            ended: Timestamp(1_234),
        };
        let events = invoked.events(&mut outcome);
        let text: Vec<_> =
            events.iter().map(|e| format!("{:?}", String::from_utf8_lossy(&e.message))).collect();
        expected.assert_eq(&text.join("\n"));
    }

    #[test]
    fn an_end_while_loading_is_reported_as_such() {
        let exit = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: x Error: Runtime exited with error: exit status 1"}"#;
        let mut at_load = outcome(Err((FaultKind::Exit, exit)), Some(3));
        at_load.duration = Duration::ZERO;
        check(
            at_load,
            false,
            expect![[r#"
            "INIT_REPORT Init Duration: 3.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "RequestId: x Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 0.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tInit Duration: 3.00 ms\tStatus: error\tError Type: Runtime.ExitError\n""#]],
        );
        let mut too_slow = outcome(Err((FaultKind::Timeout, "{}")), Some(13_000));
        too_slow.duration = Duration::ZERO;
        check(
            too_slow,
            false,
            expect![[r#"
            "INIT_REPORT Init Duration: 13000.00 ms\tPhase: init\tStatus: timeout\n"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "1970-01-01T00:00:01.234Z 00000000-0000-0000-0000-000000000007 Task timed out after 3.00 seconds\n\n"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 0.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tInit Duration: 13000.00 ms\tStatus: timeout\n""#]],
        );
    }

    #[test]
    fn lines_as_aws_writes_them() {
        check(
            outcome(Ok("1"), Some(150)),
            false,
            expect![[r#"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tInit Duration: 150.00 ms\t\n""#]],
        );
        check(
            outcome(Err((FaultKind::Handler, "{}")), None),
            false,
            expect![[r#"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\t\n""#]],
        );
        check(
            outcome(Err((FaultKind::Timeout, "{}")), None),
            false,
            expect![[r#"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "1970-01-01T00:00:01.234Z 00000000-0000-0000-0000-000000000007 Task timed out after 3.00 seconds\n\n"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tStatus: timeout\n""#]],
        );
        let exit = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: x Error: Runtime exited with error: exit status 1"}"#;
        check(
            outcome(Err((FaultKind::Exit, exit)), None),
            false,
            expect![[r#"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "RequestId: x Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tStatus: error\tError Type: Runtime.ExitError\n""#]],
        );
        let import = r#"{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'x'","trace":[]}"#;
        check(
            outcome(Err((FaultKind::Init, import)), Some(3)),
            false,
            expect![[r#"
            "INIT_REPORT Init Duration: 3.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tInit Duration: 3.00 ms\tStatus: error\tError Type: Runtime.ImportModuleError\n""#]],
        );
        check(
            outcome(Ok("1"), Some(150)),
            true,
            expect![[r#"
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"platform.start\",\"record\":{\"requestId\":\"00000000-0000-0000-0000-000000000007\",\"version\":\"$LATEST\"}}"
            "hello"
            "{\"time\":\"1970-01-01T00:00:01.234Z\",\"type\":\"platform.report\",\"record\":{\"requestId\":\"00000000-0000-0000-0000-000000000007\",\"metrics\":{\"durationMs\":1.234,\"billedDurationMs\":2,\"memorySizeMB\":128,\"maxMemoryUsedMB\":65,\"initDurationMs\":150.0},\"status\":\"success\"}}""#]],
        );
    }

    #[test]
    fn the_tail_is_the_end() {
        let line = |text: &str| LogEvent {
            timestamp: Timestamp(0),
            message: Bytes::copy_from_slice(text.as_bytes()),
        };
        assert_eq!(tail(&[line("START\n"), line("a"), line("END\n")]), "START\na\nEND\n");
        let long = tail(&[line(&"x".repeat(5000)), line("END\n")]);
        assert_eq!((long.len(), &long[4092..]), (4096, &b"END\n"[..]));
        assert_eq!(tail(&[]), "");
    }
}
