//! The lines that Lambda itself writes to a function's log: START, END, REPORT, and what is said of a failure,
//! as text or as JSON. Pure; knows no sink.

use std::time::Duration;

use base::{RequestId, Timestamp};
use bytes::Bytes;
use ports::LogEvent;
use sandbox::platform::{self, Initialization, Status};
use sandbox::{FaultKind, FunctionFault, Init, InitPhase, InitType, LogLine, Outcome};
use wire::json::Reader;

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
    /// Of JSON logs: the least that is said of the platform's own.
    pub(crate) level: SystemLevel,
    /// AWS's name of the runtime.
    pub(crate) runtime: &'a str,
    pub(crate) function: &'a str,
    pub(crate) trace: &'a str,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
}

/// How important a record of the platform is: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SystemLevel {
    Debug,
    Info,
    Warn,
}

impl SystemLevel {
    /// As LoggingConfig names it; AWS's default otherwise.
    pub(crate) fn of(name: Option<&str>) -> Self {
        match name {
            Some("DEBUG") => Self::Debug,
            Some("WARN") => Self::Warn,
            _ => Self::Info,
        }
    }
}

/// A function's own lines, taken.
pub(crate) fn lines(lines: &mut Vec<LogLine>) -> impl Iterator<Item = LogEvent> + use<> {
    std::mem::take(lines).into_iter().map(|line| LogEvent { timestamp: line.timestamp, message: line.bytes })
}

impl Invoked<'_> {
    /// The log of one invocation, in order: what was written while loading, START, the function's lines, END, REPORT.
    pub(crate) fn events(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        if self.json { self.json_events(outcome) } else { self.text_events(outcome) }
    }

    fn text_events(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        let mut events = Vec::with_capacity(outcome.logs.len() + 8);
        events.extend(self.text_inits(outcome));
        let Self { request_id, version, .. } = self;
        events.push(event(self.started, format!("START RequestId: {request_id} Version: {version}\n")));
        events.extend(lines(&mut outcome.logs));
        if let Some(text) = outcome.result.as_ref().err().and_then(|fault| self.failure(fault)) {
            events.push(event(self.ended, text));
        }
        events.push(event(self.ended, format!("END RequestId: {request_id}\n")));
        events.push(event(self.ended, self.text_report(outcome)));
        events
    }

    /// What stands before START.
    pub(crate) fn inits(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        if self.json { self.json_inits(outcome) } else { self.text_inits(outcome) }
    }

    fn text_inits(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        let mut events = Vec::new();
        let version = self.runtime_version();
        for init in &mut outcome.inits {
            if init.phase == InitPhase::Init {
                let began =
                    if is_restoring(init, outcome.restore_duration) { RESTORE_START } else { INIT_START };
                events.push(event(self.started, format!("{began}Runtime Version: {version}\n")));
            }
            events.extend(lines(&mut init.logs));
            if init.end.is_err() {
                events.push(event(self.started, init_report(init)));
            }
        }
        if let Some(restored) = outcome.restore_duration {
            let begun = outcome.inits.iter().any(|init| is_restoring(init, outcome.restore_duration));
            if !begun {
                events.push(event(self.started, format!("{RESTORE_START}Runtime Version: {version}\n")));
            }
            let millis = restored.as_secs_f64() * 1000.0;
            events.push(event(self.started, format!("RESTORE_REPORT Restore Duration: {millis:.2} ms\n")));
        }
        events
    }

    /// `nodejs:20.v1`: there are no other versions of it here.
    fn runtime_version(&self) -> String {
        let name = self.runtime;
        let language = name.find(|c: char| c.is_ascii_digit()).map_or(name, |at| &name[..at]);
        let version = name[language.len()..].trim_end_matches(".x");
        if let Some(system) = name.strip_prefix("provided.") {
            return format!("provided:{system}.v1");
        }
        format!("{language}:{version}.v1")
    }

    fn say(&self, events: &mut Vec<LogEvent>, level: SystemLevel, record: Vec<u8>) {
        if level >= self.level {
            events.push(LogEvent { timestamp: self.started, message: record.into() });
        }
    }

    fn json_inits(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        let mut events = Vec::new();
        let version = self.runtime_version();
        let start =
            platform::InitStart { runtime_version: &version, name: self.function, version: self.version };
        let at = self.started;
        for init in &mut outcome.inits {
            let of = Initialization { init_type: init.init_type, phase: init.phase };
            self.say(&mut events, SystemLevel::Info, platform::init_start(at, of, &start));
            events.extend(lines(&mut init.logs));
            let error_type = init.error_type();
            let (status, took) = (init.status(error_type.as_deref()), init.duration);
            let level = routine(init.end.is_err());
            self.say(&mut events, level, platform::init_runtime_done(at, of, status));
            self.say(&mut events, level, platform::init_report(at, of, status, took));
        }
        if let Some(took) = outcome.restore_duration {
            self.say(&mut events, SystemLevel::Info, platform::restore_start(at, &start));
            self.say(&mut events, routine(false), platform::restore_runtime_done(at, Status::SUCCESS));
            self.say(&mut events, routine(false), platform::restore_report(at, Status::SUCCESS, took));
        }
        events
    }

    fn json_events(&self, outcome: &mut Outcome) -> Vec<LogEvent> {
        let mut events = self.json_inits(outcome);
        let error_type = outcome.error_type();
        let status = outcome.status(error_type.as_deref());
        let request_id = self.request_id.to_string();
        let invoked = platform::Invoked {
            request_id: &request_id,
            version: self.version,
            trace: self.trace,
            started: self.started,
        };
        self.say(&mut events, SystemLevel::Info, invoked.start());
        let failure = outcome.result.as_ref().err().and_then(|fault| self.failure(fault));
        events.extend(lines(&mut outcome.logs));
        if let Some(text) = failure {
            events.push(event(self.ended, text));
        }
        let failed = status.status != Status::SUCCESS.status;
        self.say(&mut events, routine(failed), invoked.runtime_done(status, &outcome.phases));
        let metrics = platform::ReportMetrics {
            duration: outcome.duration,
            billed_ms: outcome.billed_ms,
            memory_mib: self.memory_mib,
            max_memory_mib: outcome.max_memory_mib,
            init_duration: outcome.init_duration,
            restore_duration: outcome.restore_duration,
        };
        self.say(&mut events, SystemLevel::Info, invoked.report(status, &outcome.phases, &metrics));
        events
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
        if let (Some(restore), Some(billed)) = (outcome.restore_duration, outcome.billed_restore_ms()) {
            let millis = restore.as_secs_f64() * 1000.0;
            line.push_str(&format!(
                "Restore Duration: {millis:.2} ms\tBilled Restore Duration: {billed} ms\t"
            ));
        }
        let error_type = outcome.error_type();
        match outcome.status(error_type.as_deref()) {
            Status { status: "success", .. } => {}
            Status { status, error_type: Some(kind) } => {
                line.push_str(&format!("Status: {status}\tError Type: {kind}"));
            }
            Status { status, error_type: None } => line.push_str(&format!("Status: {status}")),
        }
        line.push('\n');
        line
    }
}

/// A routine record is said to those alone who want all.
fn routine(failed: bool) -> SystemLevel {
    if failed { SystemLevel::Info } else { SystemLevel::Debug }
}

/// Whether bringing the environment back was initialising it, because none waited.
fn is_restoring(init: &Init, restored: Option<Duration>) -> bool {
    init.init_type == InitType::SnapStart && restored == Some(init.duration)
}

fn init_report(init: &Init) -> String {
    let (millis, phase) = (init.duration.as_secs_f64() * 1000.0, init.phase.name());
    let said = format!("INIT_REPORT Init Duration: {millis:.2} ms\tPhase: {phase}");
    let error_type = init.error_type();
    match init.status(error_type.as_deref()) {
        Status { status, error_type: Some(kind) } => {
            format!("{said}\tStatus: {status}\tError Type: {kind}\n")
        }
        Status { status, error_type: None } => format!("{said}\tStatus: {status}\n"),
    }
}

/// What only the log itself says of a start.
const INIT_START: &str = "INIT_START ";
const RESTORE_START: &str = "RESTORE_START ";

/// The last 4 KB of the lines, each ended by a newline; an invocation's answer begins with its START.
pub(crate) fn tail(events: &[LogEvent]) -> Bytes {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut bytes = 0;
    for event in events.iter().rev().filter(|event| !event.message.starts_with(INIT_START.as_bytes())) {
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

#[cfg(test)]
mod tests {
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
            restore_duration: None,
            phases: sandbox::Phases::default(),
            billed_ms: 2,
            max_memory_mib: 65,
            inits: init_ms.map(|ms| init(InitPhase::Init, ms, None)).into_iter().collect(),
            logs: vec![LogLine { timestamp: Timestamp(1), bytes: Bytes::from_static(b"hello") }],
        }
    }

    fn init(phase: InitPhase, ms: u64, fault: Option<(FaultKind, &str)>) -> Init {
        Init {
            init_type: InitType::OnDemand,
            phase,
            duration: Duration::from_millis(ms),
            end: fault.map_or(Ok(()), |(kind, body)| {
                Err(FunctionFault { kind, body: Bytes::copy_from_slice(body.as_bytes()) })
            }),
            logs: vec![],
        }
    }

    /// What could not be loaded twice.
    fn unloaded(fault: (FaultKind, &str), ms: [u64; 2]) -> Outcome {
        let mut outcome = outcome(Err(fault), None);
        outcome.inits =
            vec![init(InitPhase::Init, ms[0], Some(fault)), init(InitPhase::Invoke, ms[1], Some(fault))];
        outcome.duration = Duration::from_millis(ms[1]);
        outcome
    }

    fn check(mut outcome: Outcome, json: bool, expected: Expect) {
        let invoked = Invoked {
            request_id: RequestId(7),
            version: "$LATEST",
            memory_mib: 128,
            timeout_ms: 3000,
            json,
            level: SystemLevel::Debug,
            runtime: "nodejs20.x",
            function: "fn",
            trace: "Root=1-2-3;Sampled=0",
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
        check(
            unloaded((FaultKind::Exit, exit), [3, 4]),
            false,
            expect![[r#"
                "INIT_START Runtime Version: nodejs:20.v1\n"
                "INIT_REPORT Init Duration: 3.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n"
                "INIT_REPORT Init Duration: 4.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"
                "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
                "hello"
                "RequestId: x Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"
                "END RequestId: 00000000-0000-0000-0000-000000000007\n"
                "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 4.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tStatus: error\tError Type: Runtime.ExitError\n""#]],
        );
        check(
            unloaded((FaultKind::Timeout, "{}"), [10_000, 3_000]),
            false,
            expect![[r#"
                "INIT_START Runtime Version: nodejs:20.v1\n"
                "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"
                "INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout\n"
                "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
                "hello"
                "1970-01-01T00:00:01.234Z 00000000-0000-0000-0000-000000000007 Task timed out after 3.00 seconds\n\n"
                "END RequestId: 00000000-0000-0000-0000-000000000007\n"
                "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 3000.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tStatus: timeout\n""#]],
        );
    }

    #[test]
    fn lines_as_aws_writes_them() {
        check(
            outcome(Ok("1"), Some(150)),
            false,
            expect![[r#"
                "INIT_START Runtime Version: nodejs:20.v1\n"
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
            unloaded((FaultKind::Init, import), [3, 4]),
            false,
            expect![[r#"
                "INIT_START Runtime Version: nodejs:20.v1\n"
                "INIT_REPORT Init Duration: 3.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n"
                "INIT_REPORT Init Duration: 4.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError\n"
                "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
                "hello"
                "END RequestId: 00000000-0000-0000-0000-000000000007\n"
                "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 4.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tStatus: error\tError Type: Runtime.ImportModuleError\n""#]],
        );
        check(
            outcome(Ok("1"), Some(150)),
            true,
            expect![[r#"
                "{\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"platform.initStart\",\"record\":{\"initializationType\":\"on-demand\",\"phase\":\"init\",\"runtimeVersion\":\"nodejs:20.v1\",\"functionName\":\"fn\",\"functionVersion\":\"$LATEST\"}}"
                "{\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"platform.initRuntimeDone\",\"record\":{\"initializationType\":\"on-demand\",\"phase\":\"init\",\"status\":\"success\"}}"
                "{\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"platform.initReport\",\"record\":{\"initializationType\":\"on-demand\",\"phase\":\"init\",\"status\":\"success\",\"metrics\":{\"durationMs\":150.0}}}"
                "{\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"platform.start\",\"record\":{\"requestId\":\"00000000-0000-0000-0000-000000000007\",\"version\":\"$LATEST\"}}"
                "hello"
                "{\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":\"00000000-0000-0000-0000-000000000007\",\"status\":\"success\",\"metrics\":{\"durationMs\":0.0,\"producedBytes\":0},\"spans\":[{\"name\":\"responseLatency\",\"start\":\"1970-01-01T00:00:00.000Z\",\"durationMs\":0.0},{\"name\":\"responseDuration\",\"start\":\"1970-01-01T00:00:00.000Z\",\"durationMs\":0.0},{\"name\":\"runtimeOverhead\",\"start\":\"1970-01-01T00:00:00.000Z\",\"durationMs\":0.0}]}}"
                "{\"time\":\"1970-01-01T00:00:00.001Z\",\"type\":\"platform.report\",\"record\":{\"requestId\":\"00000000-0000-0000-0000-000000000007\",\"metrics\":{\"durationMs\":1.234,\"billedDurationMs\":2,\"memorySizeMB\":128,\"maxMemoryUsedMB\":65,\"initDurationMs\":150.0},\"status\":\"success\"}}""#]],
        );
    }

    #[test]
    fn what_is_brought_back_says_how_long_that_took() {
        let mut restored = outcome(Ok("1"), Some(150));
        restored.inits[0].init_type = InitType::SnapStart;
        (restored.init_duration, restored.restore_duration) = (None, Some(Duration::from_micros(250)));
        check(
            restored,
            false,
            expect![[r#"
            "INIT_START Runtime Version: nodejs:20.v1\n"
            "RESTORE_START Runtime Version: nodejs:20.v1\n"
            "RESTORE_REPORT Restore Duration: 0.25 ms\n"
            "START RequestId: 00000000-0000-0000-0000-000000000007 Version: $LATEST\n"
            "hello"
            "END RequestId: 00000000-0000-0000-0000-000000000007\n"
            "REPORT RequestId: 00000000-0000-0000-0000-000000000007\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 65 MB\tRestore Duration: 0.25 ms\tBilled Restore Duration: 1 ms\t\n""#]],
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
