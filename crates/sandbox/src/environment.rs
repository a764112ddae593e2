//! An environment: one process with one function's handler, one invocation at a time. Turns what happens to the
//! process into AWS's words. Knows frames' meaning, no namespaces.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::Bytes;
use tokio::time::Instant;

use crate::answer::{Answer, AnswerLimits, Late};
use crate::fault;
use crate::frame::{self, FrameWriter, FromRuntime};
use crate::interpreter::Channel;
use crate::log::LogCollector;
use crate::memory;
use crate::outcome::{FaultKind, FunctionFault, Init, InitPhase, LogLine, Outcome, Phases, StreamPiece};
use crate::platform::{self, InitStart, Initialization, Invoked, ReportMetrics, Status};
use crate::process::{Event, Process};
use crate::runtime_api::{Api, Audience, Telemetry};
use crate::sandbox::Sandbox;
use crate::shutdown::{self, Reason};
use crate::spec::{FunctionSpec, InitType, Invocation};
use crate::start::{Runtime, Started, Waiting};
use crate::stem::RUNTIME;

/// How often memory is looked at while a handler runs.
const MEMORY_TICK: Duration = Duration::from_millis(25);

/// How long a handler may at least take to be loaded before there is an event.
const AHEAD_TIME: Duration = Duration::from_secs(130);

/// How long the memory of a runtime that does not say it itself is believed.
const MEMORY_PAUSE: Duration = Duration::from_millis(100);

/// A process with one function's handler loaded. Dropping it ends it and frees all it had.
#[derive(Debug)]
pub struct Environment {
    /// Where it comes from: a handler that could not be loaded is loaded again, in another process.
    sandbox: Arc<Sandbox>,
    spec: Arc<FunctionSpec>,
    clock: Clock,
    limits: AnswerLimits,
    /// `None` once it has ended.
    process: Option<Process>,
    /// Ends with the process.
    api: Option<Api>,
    channel: Channel,
    runtime: Runtime,
    /// How the runtime has ended, if it has.
    over: Option<Option<ExitStatus>>,
    /// Names of the external extensions; their indexes begin at 1.
    extensions: Vec<String>,
    /// When its memory was last looked at; `None` before that, so that the first report has a figure, too.
    measured: Option<Instant>,
    /// Generations of ours between the launcher and the interpreter, itself included.
    ours: u32,
    stage: Stage,
    log: LogCollector,
    /// When the first piece of a streamed answer came.
    first_piece: Option<Instant>,
    max_rss_kib: u64,
    served: u32,
    /// What the first invocation tells of an initialisation that was not begun for it.
    ahead: Option<Init>,
}

#[derive(Debug)]
enum Stage {
    /// The handler is being loaded since then.
    Loading {
        since: Instant,
        assign_time: Duration,
    },
    Idle,
    /// An invocation runs, or was given up while it ran.
    Busy,
}

impl Stage {
    fn loading(started: &Started) -> Self {
        Self::Loading { since: Instant::now(), assign_time: started.began.elapsed() }
    }
}

/// Generations of ours between the launcher and the interpreter of what has been started.
fn ours(started: &Started) -> u32 {
    let jail = if started.jailed { 2 } else { 1 };
    jail + u32::from(!started.extensions.is_empty())
}

/// How one wait for the runtime ended.
enum End {
    Frame(FromRuntime),
    Exited(Option<ExitStatus>),
    TimedOut,
    OutOfMemory,
    /// There is nothing that could be started.
    NoEntrypoint(String),
}

impl Environment {
    pub(crate) fn new(spec: Arc<FunctionSpec>, sandbox: Arc<Sandbox>, started: Started) -> Self {
        let config = sandbox.config();
        let mut log = LogCollector::new(config.log_bytes_max);
        log.tap(Arc::clone(started.api.telemetry()));
        let (ours, stage) = (ours(&started), Stage::loading(&started));
        Self {
            spec,
            clock: config.clock.clone(),
            limits: AnswerLimits {
                whole_bytes_max: config.response_bytes_max,
                streamed_bytes_max: config.stream_bytes_max,
            },
            process: Some(started.process),
            api: Some(started.api),
            channel: started.channel,
            runtime: started.runtime,
            over: None,
            measured: None,
            ours,
            stage,
            extensions: started.extensions,
            log,
            first_piece: None,
            max_rss_kib: 0,
            served: 0,
            ahead: None,
            sandbox,
        }
    }

    pub fn spec(&self) -> &Arc<FunctionSpec> {
        &self.spec
    }

    /// Whether it can serve another invocation; false after its process ended while idle, after an invocation was
    /// given up, after it answered twice (the second answer would be taken for the next invocation's), and after it
    /// served as many as it may.
    pub fn is_alive(&mut self) -> bool {
        let running =
            !matches!(self.stage, Stage::Busy) && self.process.as_mut().is_some_and(Process::is_running);
        let is_spent = self.served >= self.sandbox.config().invocations_max;
        running && !is_spent && !(matches!(self.stage, Stage::Idle) && self.has_spoken_unasked())
    }

    /// Threads of a function may log while it is idle; nothing else may be said then.
    fn has_spoken_unasked(&mut self) -> bool {
        let now = self.clock.now();
        let Some(process) = self.process.as_mut() else { return false };
        loop {
            match process.parse_unasked() {
                Ok(None) => return false,
                Ok(Some(FromRuntime::Log { text, .. })) => self.log.push(now, text),
                Ok(Some(FromRuntime::Output { timestamp_ms, is_error, text })) => {
                    process.put_output(&mut self.log, timestamp_ms, is_error, &text);
                }
                Ok(Some(_)) | Err(frame::Garbage) => return true,
            }
        }
    }

    /// Runs the handler once, after loading it if that is not done yet. A call that is dropped before it has
    /// returned leaves the environment unusable.
    pub async fn invoke(&mut self, invocation: Invocation) -> Outcome {
        let request_id = invocation.request_id.to_string();
        self.served = self.served.saturating_add(1);
        let mut outcome = Outcome::empty();
        let mut loaded = self.load(InitPhase::Init, &request_id, &mut outcome).await;
        let mut began = Instant::now();
        self.restore(&mut outcome);
        if loaded.is_err() {
            began = Instant::now();
            loaded = self.load_again(&request_id, &mut outcome).await;
            outcome.duration = began.elapsed();
        }
        let started = self.clock.now();
        let telemetry = self.api.as_ref().map(|api| Arc::clone(api.telemetry()));
        if let Some(telemetry) = telemetry.as_ref().filter(|telemetry| telemetry.is_wanted()) {
            let invoked = self.invoked(&invocation, &request_id, started);
            telemetry.platform(Audience::Both, invoked.start());
        }
        outcome.result = match loaded {
            Ok(()) => self.run(&invocation, &request_id, (began, &mut outcome)).await,
            Err(fault) => Err(fault),
        };
        outcome.reusable = self.process.is_some();
        outcome.logs = self.log.take(self.clock.now());
        outcome.max_memory_mib = self.memory_mib();
        outcome.billed_ms = outcome.billed();
        if let Some(init) = self.ahead.take() {
            outcome.init_duration = outcome.restore_duration.is_none().then_some(init.duration);
            outcome.inits.insert(0, init);
        }
        if let Some(telemetry) = telemetry.filter(|telemetry| telemetry.is_wanted()) {
            self.tell_end(&telemetry, &self.invoked(&invocation, &request_id, started), &outcome);
        }
        outcome
    }

    /// An environment of a version with SnapStart is brought back: one that waits is woken; of another the initialisation
    /// takes the place.
    fn restore(&mut self, outcome: &mut Outcome) {
        if self.spec.init_type != InitType::SnapStart {
            return;
        }
        let began = Instant::now();
        outcome.restore_duration = match &self.ahead {
            Some(_) => {
                self.process.iter().for_each(Process::wake);
                Some(began.elapsed())
            }
            None => outcome.init_duration.take(),
        };
        let (Some(took), Some(api)) = (outcome.restore_duration, &self.api) else { return };
        if api.telemetry().is_wanted() {
            let (now, spec) = (self.clock.now(), &self.spec);
            let start =
                InitStart { runtime_version: &spec.runtime, name: &spec.name, version: &spec.version };
            let say = |record| api.telemetry().platform(Audience::Telemetry, record);
            say(platform::restore_start(now, &start));
            say(platform::restore_runtime_done(now, Status::SUCCESS));
            say(platform::restore_report(now, Status::SUCCESS, took));
        }
    }

    fn invoked<'a>(
        &'a self,
        invocation: &'a Invocation,
        request_id: &'a str,
        started: Timestamp,
    ) -> Invoked<'a> {
        Invoked { request_id, version: &self.spec.version, trace: &invocation.trace, started }
    }

    fn tell_end(&self, telemetry: &Telemetry, invoked: &Invoked<'_>, outcome: &Outcome) {
        let error_type = outcome.error_type();
        let status = outcome.status(error_type.as_deref());
        telemetry.platform(Audience::Both, invoked.runtime_done(status, &outcome.phases));
        telemetry.platform(Audience::Logs, platform::end(self.clock.now(), invoked.request_id));
        let metrics = ReportMetrics {
            duration: outcome.duration,
            billed_ms: outcome.billed_ms,
            memory_mib: self.spec.memory_mib,
            max_memory_mib: outcome.max_memory_mib,
            init_duration: outcome.init_duration,
            restore_duration: outcome.restore_duration,
        };
        telemetry.platform(Audience::Both, invoked.report(status, &outcome.phases, &metrics));
    }

    /// The end of the init, for those who subscribed to it.
    fn tell_init(&self, init: &Init) {
        let Some(api) = &self.api else { return };
        if api.telemetry().is_wanted() {
            let now = self.clock.now();
            let error_type = init.error_type();
            let status = init.status(error_type.as_deref());
            let said = Initialization { init_type: init.init_type, phase: init.phase };
            let say = |record| api.telemetry().platform(Audience::Telemetry, record);
            say(platform::init_runtime_done(now, said, status));
            say(platform::init_report(now, said, status, init.duration));
        }
        api.close_init();
    }

    /// Loads the handler before there is an event.
    ///
    /// # Errors
    /// An outcome with the fault and what was written; the environment has ended then.
    pub async fn initialize(&mut self) -> Result<(), Outcome> {
        let mut outcome = Outcome::empty();
        let loaded = self.load(InitPhase::Init, "", &mut outcome).await;
        if let Err(fault) = loaded {
            outcome.result = Err(fault);
            outcome.reusable = false;
            return Err(outcome);
        }
        self.process.iter().for_each(Process::rest);
        self.ahead = outcome.inits.pop();
        Ok(())
    }

    /// Loads a handler anew that could not be loaded, in the invocation's time.
    async fn load_again(&mut self, request_id: &str, outcome: &mut Outcome) -> Result<(), FunctionFault> {
        let started = match self.sandbox.begin(&self.spec, InitPhase::Invoke).await {
            Ok(started) => started,
            Err(error) => {
                tracing::warn!(%error, function = self.spec.name, "cannot start an environment again");
                return Err(fault::exited(request_id, &fault::exit_reason(None), FaultKind::Exit));
            }
        };
        self.log.tap(Arc::clone(started.api.telemetry()));
        self.ours = ours(&started);
        self.stage = Stage::loading(&started);
        self.process = Some(started.process);
        self.api = Some(started.api);
        self.runtime = started.runtime;
        self.over = None;
        self.extensions = started.extensions;
        self.load(InitPhase::Invoke, request_id, outcome).await
    }

    /// How long a handler may take to be loaded.
    fn init_time(&self, phase: InitPhase) -> Duration {
        let timeout = Duration::from_millis(self.spec.timeout_ms);
        match (phase, self.spec.init_type) {
            (InitPhase::Invoke, _) => timeout,
            // Whoever debugs it may stop it for long.
            (InitPhase::Init, InitType::OnDemand) if self.spec.inspect.is_some() => timeout,
            (InitPhase::Init, InitType::OnDemand) => self.sandbox.config().init_timeout,
            (InitPhase::Init, InitType::Provisioned | InitType::SnapStart) => timeout.max(AHEAD_TIME),
        }
    }

    /// Waits until the handler is loaded, if it is not.
    async fn load(
        &mut self,
        phase: InitPhase,
        request_id: &str,
        outcome: &mut Outcome,
    ) -> Result<(), FunctionFault> {
        let Stage::Loading { since, assign_time } = self.stage else { return Ok(()) };
        self.stage = Stage::Busy;
        let waited = self.wait_for_init(since + self.init_time(phase)).await;
        let mut duration = since.elapsed();
        let end = match waited {
            End::Frame(FromRuntime::Ready { max_rss_kib, init_us }) => {
                self.stage = Stage::Idle;
                self.note_rss(max_rss_kib);
                // The runtime's own measure: the answer may have waited in the socket for the first invocation.
                duration = assign_time + Duration::from_micros(init_us).min(duration);
                Ok(())
            }
            End::Frame(FromRuntime::InitFault { max_rss_kib, body }) => {
                self.note_rss(max_rss_kib);
                Err(FunctionFault { kind: FaultKind::Init, body })
            }
            other => Err(self.fault_of(other, request_id)),
        };
        let init = Init { init_type: self.spec.init_type, phase, duration, end, logs: Vec::new() };
        self.tell_init(&init);
        if let Err(fault) = &init.end {
            let timed_out = fault.kind == FaultKind::Timeout;
            self.end_for(if timed_out { Reason::Timeout } else { Reason::Failure });
        }
        self.drain();
        let loaded = init.end.clone();
        outcome.init_duration = (loaded.is_ok() && phase == InitPhase::Init).then_some(duration);
        outcome.inits.push(Init { logs: self.log.take(self.clock.now()), ..init });
        loaded
    }

    /// Waits until the extensions have registered, the runtime is ready, and all extensions are.
    async fn wait_for_init(&mut self, deadline: Instant) -> End {
        if !self.extensions.is_empty() {
            let end = self.wait(deadline, None).await;
            if !matches!(end, End::Frame(FromRuntime::Registered)) {
                return end;
            }
        }
        match std::mem::replace(&mut self.runtime, Runtime::Runs(String::new())) {
            Runtime::Missing(reason) => return End::NoEntrypoint(reason),
            Runtime::Waits(waiting) => {
                self.runtime = Runtime::Runs(waiting.program.path.display().to_string());
                if let Err(error) = self.start_runtime(*waiting) {
                    tracing::warn!(%error, "cannot start a runtime beside its extensions");
                    return End::Exited(None);
                }
            }
            runs @ Runtime::Runs(_) => self.runtime = runs,
        }
        let end = self.wait(deadline, None).await;
        let ready = matches!(end, End::Frame(FromRuntime::Ready { .. }));
        if !ready || self.channel == Channel::Api {
            return end;
        }
        // The runtime is; those that speak to the API may not be.
        if self.api.as_ref().is_some_and(Api::note_runtime_done) {
            return end;
        }
        match self.wait(deadline, None).await {
            End::Frame(FromRuntime::Ready { .. }) => end,
            other => other,
        }
    }

    fn start_runtime(&mut self, waiting: Waiting) -> std::io::Result<()> {
        let Some(process) = self.process.as_mut() else { return Ok(()) };
        process.start_program(RUNTIME, waiting.program)?;
        process.outbox().extend_from_slice(&waiting.frame);
        Ok(())
    }

    async fn run(
        &mut self,
        invocation: &Invocation,
        request_id: &str,
        (began, outcome): (Instant, &mut Outcome),
    ) -> Result<Bytes, FunctionFault> {
        let timeout = Duration::from_millis(self.spec.timeout_ms);
        let left = timeout.saturating_sub(began.elapsed());
        let deadline = invocation.deadline.unwrap_or_else(|| self.clock.now().plus(left));
        let Some(process) = self.process.as_mut() else {
            return Err(fault::exited(request_id, &fault::exit_reason(None), FaultKind::Exit));
        };
        self.stage = Stage::Busy;
        process.wake();
        if self.channel == Channel::Frames {
            FrameWriter::new(process.outbox(), frame::INVOKE)
                .u64(u64::try_from(deadline.as_millis()).unwrap_or(0))
                .text(request_id)
                .text(&invocation.function_arn)
                .text(&invocation.trace)
                .text(invocation.client_context.as_deref().unwrap_or(""))
                .rest(&invocation.payload);
        }
        if let Some(api) = &self.api {
            api.invoke(invocation, request_id, deadline);
        }
        self.first_piece = None;
        let mut answer = Answer::new(invocation.stream.clone(), self.limits);
        let end = self.wait(began + timeout, Some(&mut answer)).await;
        outcome.duration = began.elapsed();
        outcome.streamed = answer.is_passed_on();
        outcome.phases.response_latency =
            self.first_piece.map_or(outcome.duration, |at| at.saturating_duration_since(began));
        outcome.phases.response_duration = outcome.duration - outcome.phases.response_latency;
        let (max_rss_kib, result) = match end {
            End::Frame(FromRuntime::Result { max_rss_kib, body }) => (max_rss_kib, answer.finish(body)),
            End::Frame(FromRuntime::Fault { max_rss_kib, body }) => {
                (max_rss_kib, Err(FunctionFault { kind: FaultKind::Handler, body }))
            }
            End::Frame(FromRuntime::TooLarge { max_rss_kib }) => {
                (max_rss_kib, Err(fault::response_too_large(self.limits.whole_bytes_max)))
            }
            End::Frame(
                FromRuntime::Fatal { max_rss_kib, body } | FromRuntime::InitFault { max_rss_kib, body },
            ) => {
                self.end();
                (max_rss_kib, Err(FunctionFault { kind: FaultKind::Handler, body }))
            }
            other => {
                let exited = matches!(other, End::Exited(_));
                outcome.unheard = exited && self.is_unheard();
                return Err(self.failed(other, request_id));
            }
        };
        self.note_rss(max_rss_kib);
        outcome.phases.produced_bytes = answer.bytes() + result.as_ref().map_or(0, Bytes::len);
        if let Some(answered) = &invocation.answered {
            // Nobody may wait for it any more.
            let _ = answered.try_send(result.clone());
        }
        self.await_others(began, outcome).await;
        self.drain();
        if let Some(process) = &self.process {
            process.rest();
            self.stage = Stage::Idle;
        }
        result
    }

    /// Whether the event has had no effect.
    fn is_unheard(&mut self) -> bool {
        match self.channel {
            Channel::Frames => self.process.as_mut().is_some_and(Process::is_unheard),
            Channel::Api => !self.api.as_ref().is_some_and(Api::is_heard),
        }
    }

    /// After the answer: the invocation is over when the runtime asks for the next one and the extensions are done.
    async fn await_others(&mut self, began: Instant, outcome: &mut Outcome) {
        if self.process.is_none() {
            return;
        }
        let done = self.channel == Channel::Frames && self.api.as_ref().is_some_and(Api::note_runtime_done);
        if !done {
            let deadline = began + Duration::from_millis(self.spec.timeout_ms);
            let end = self.wait(deadline, None).await;
            if !matches!(end, End::Frame(FromRuntime::Done)) {
                // The answer stands; what it came from is used up.
                self.end();
            }
            outcome.duration = began.elapsed();
        }
        if let Some(api) = &self.api {
            let runtime_done = api.finish().map(|at| at.saturating_duration_since(began));
            let answered = outcome.phases.response_latency + outcome.phases.response_duration;
            let runtime = runtime_done.unwrap_or(outcome.duration);
            outcome.phases.runtime_overhead = runtime.saturating_sub(answered);
            if api.has_extensions() {
                outcome.phases.extension_overhead = Some(outcome.duration.saturating_sub(runtime));
            }
        }
        let is_due = self.measured.is_none_or(|at| at.elapsed() > MEMORY_PAUSE);
        if self.channel == Channel::Api && is_due {
            self.measure(u64::MAX);
        }
    }

    /// Listens until a frame that is not a log line, the process's end, or `deadline`. What is streamed goes to
    /// `answer`; without one nothing may be.
    async fn wait(&mut self, deadline: Instant, mut answer: Option<&mut Answer>) -> End {
        let limit_kib = u64::from(self.spec.memory_mib) * 1024;
        let mut tick = Instant::now() + MEMORY_TICK;
        loop {
            let (Some(process), Some(api)) = (self.process.as_mut(), self.api.as_mut()) else {
                return End::Exited(None);
            };
            if let Some(status) = self.over {
                // What it said before its end comes first.
                let Some(said) = api.next_said() else { return End::Exited(status) };
                match self.hear(said, &mut answer, deadline).await {
                    Some(end) => return end,
                    None => continue,
                }
            }
            let event = tokio::select! {
                biased;
                event = process.next(&mut self.log, &self.clock, deadline.min(tick)) => event,
                said = api.next() => Event::Frame(said),
            };
            match event {
                Event::Frame(FromRuntime::Log { timestamp_ms, text }) => {
                    let at = base::Timestamp(i64::try_from(timestamp_ms).unwrap_or(0));
                    self.log.push(at, text);
                }
                Event::Frame(frame) => {
                    if let Some(end) = self.hear(frame, &mut answer, deadline).await {
                        return end;
                    }
                }
                Event::Exited(status) => self.over = Some(status),
                Event::Broken => return End::Exited(None),
                Event::Alarm => {
                    let now = Instant::now();
                    if now >= deadline {
                        return End::TimedOut;
                    }
                    tick = now + MEMORY_TICK;
                    // The kernel may have been quicker, with a child of the runtime.
                    if self.measure(limit_kib) > limit_kib || self.has_run_out() {
                        return End::OutOfMemory;
                    }
                }
            }
        }
    }

    /// What a frame that is no line of the log is to the wait for one.
    async fn hear(
        &mut self,
        frame: FromRuntime,
        answer: &mut Option<&mut Answer>,
        deadline: Instant,
    ) -> Option<End> {
        match (streamed(frame), answer) {
            (Ok(piece), Some(answer)) => {
                self.first_piece.get_or_insert_with(Instant::now);
                let late = answer.push(piece, deadline).await == Err(Late);
                late.then_some(End::TimedOut)
            }
            (Ok(_), None) => Some(End::Exited(None)),
            (Err(FromRuntime::Ended { index: RUNTIME, raw_status }), _) => {
                self.over = Some(Some(status_of(raw_status)));
                None
            }
            (Err(frame), _) => Some(End::Frame(frame)),
        }
    }

    fn measure(&mut self, limit_kib: u64) -> u64 {
        self.measured = Some(Instant::now());
        let pid = self.process.as_ref().and_then(Process::launcher_pid);
        let kib = pid.map_or(0, |pid| memory::tree_kib(pid, self.ours, self.max_rss_kib, limit_kib));
        self.max_rss_kib = self.max_rss_kib.max(kib);
        kib
    }

    /// Ends the process and says why in AWS's words.
    fn failed(&mut self, end: End, request_id: &str) -> FunctionFault {
        let fault = self.fault_of(end, request_id);
        let timed_out = fault.kind == FaultKind::Timeout;
        self.end_for(if timed_out { Reason::Timeout } else { Reason::Failure });
        fault
    }

    fn fault_of(&mut self, end: End, request_id: &str) -> FunctionFault {
        let end = self.cause(end);
        let timeout = Duration::from_millis(self.spec.timeout_ms);
        let (kind, reason) = match end {
            End::TimedOut => return fault::timed_out(request_id, timeout),
            End::NoEntrypoint(reason) => return fault::invalid_entrypoint(request_id, &reason),
            End::Frame(FromRuntime::NotStarted { index: RUNTIME, errno }) => {
                let entrypoint = if let Runtime::Runs(path) = &self.runtime { path.as_str() } else { "" };
                let reason = fault::start_error(entrypoint, errno);
                return fault::invalid_entrypoint(request_id, &reason);
            }
            End::Frame(FromRuntime::NotStarted { index, errno }) => {
                let reason = fault::start_error(&format!("/opt/extensions/{}", self.extension(index)), errno);
                return fault::extension(request_id, "Extension.LaunchError", &reason);
            }
            End::Frame(FromRuntime::Ended { raw_status, .. }) => {
                let reason = fault::extension_exit(status_of(raw_status));
                return fault::extension(request_id, "Extension.Crash", &reason);
            }
            End::Frame(FromRuntime::ExtensionFault { of_init, error_type }) => {
                let kind = if of_init { "Extension.InitError" } else { "Extension.ExitError" };
                return fault::extension(request_id, kind, &error_type);
            }
            End::OutOfMemory => {
                self.max_rss_kib = u64::from(self.spec.memory_mib) * 1024;
                (FaultKind::OutOfMemory, "Runtime exited with error: signal: killed".to_owned())
            }
            End::Exited(status) => (FaultKind::Exit, fault::exit_reason(status)),
            // A frame out of turn: what sent it is not our bootstrap any more.
            End::Frame(_) => (FaultKind::Exit, fault::exit_reason(None)),
        };
        fault::exited(request_id, &reason, kind)
    }

    fn extension(&self, index: u32) -> &str {
        let at = usize::try_from(index).unwrap_or(0).checked_sub(1);
        at.and_then(|at| self.extensions.get(at)).map_or("", String::as_str)
    }

    /// A process that was killed may have been killed by the kernel, for its memory.
    fn cause(&self, end: End) -> End {
        let killed = matches!(end, End::Exited(Some(status)) if status.signal() == Some(libc::SIGKILL));
        if killed && self.has_run_out() { End::OutOfMemory } else { end }
    }

    fn has_run_out(&self) -> bool {
        self.process.as_ref().is_some_and(Process::has_run_out_of_memory)
    }

    /// Everything written before now belongs to what ran until now.
    fn drain(&mut self) {
        let now = self.clock.now();
        let Some(process) = self.process.as_mut() else { return };
        process.drain_output(&mut self.log, now);
    }

    fn end(&mut self) {
        self.end_for(Reason::Failure);
    }

    /// Takes what a process said before its end, and ends it.
    fn end_for(&mut self, reason: Reason) {
        let now = self.clock.now();
        if let Some(process) = self.process.as_mut() {
            self.max_rss_kib = self.max_rss_kib.max(process.last_max_rss_kib());
            while let Some(frame) = process.parse_leftover() {
                match frame {
                    FromRuntime::Log { text, .. } => self.log.push(now, text),
                    FromRuntime::Output { timestamp_ms, is_error, text } => {
                        process.put_output(&mut self.log, timestamp_ms, is_error, &text);
                    }
                    _ => {}
                }
            }
        }
        self.drain();
        self.leave(reason);
    }

    /// Ends the process: at once, or after its extensions have heard of it.
    fn leave(&mut self, reason: Reason) {
        if let (Some(process), Some(api)) = (self.process.take(), self.api.take()) {
            process.wake();
            let log = LogCollector::new(self.sandbox.config().log_bytes_max);
            shutdown::end(process, api, reason, (&self.clock, log, self.spec.late_lines.clone()));
        }
    }

    fn note_rss(&mut self, kib: u32) {
        self.max_rss_kib = self.max_rss_kib.max(u64::from(kib));
    }

    fn memory_mib(&self) -> u32 {
        // What a runtime says of itself need not be so; and pages that several processes share count in full there.
        u32::try_from(self.max_rss_kib.div_ceil(1024)).unwrap_or(u32::MAX).min(self.spec.memory_mib)
    }
}

fn status_of(raw: u32) -> ExitStatus {
    ExitStatus::from_raw(i32::from_ne_bytes(raw.to_ne_bytes()))
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.leave(Reason::Spindown);
    }
}

/// The piece of an answer in a frame, or the frame that is none.
fn streamed(frame: FromRuntime) -> Result<StreamPiece, FromRuntime> {
    match frame {
        FromRuntime::Stream { content_type } => {
            Ok(StreamPiece::Head { content_type: String::from_utf8_lossy(&content_type).into_owned() })
        }
        FromRuntime::Chunk { body } => Ok(StreamPiece::Data(body)),
        other => Err(other),
    }
}

impl Outcome {
    fn empty() -> Self {
        Self {
            result: Ok(Bytes::new()),
            streamed: false,
            reusable: true,
            unheard: false,
            duration: Duration::ZERO,
            init_duration: None,
            restore_duration: None,
            phases: Phases::default(),
            billed_ms: 0,
            max_memory_mib: 0,
            inits: Vec::new(),
            logs: Vec::new(),
        }
    }

    /// In whole milliseconds, restoring rounded for itself.
    fn billed(&self) -> u64 {
        let run = whole_ms(self.duration + self.init_duration.unwrap_or_default());
        (run + self.billed_restore_ms().unwrap_or(0)).max(1)
    }

    pub fn billed_restore_ms(&self) -> Option<u64> {
        self.restore_duration.map(whole_ms)
    }

    /// Whether the handler was never reached: it could not be loaded.
    pub fn is_of_init(&self) -> bool {
        self.inits.last().is_some_and(|init| init.end.is_err())
    }

    /// The type of the error that it came to, as a runtime or the platform gave it.
    pub fn error_type(&self) -> Option<String> {
        self.result.as_ref().err().map(|fault| fault::error_type(&fault.body))
    }

    /// How the platform sees it. A handler's own error is the function's business: AWS reports it as a success.
    pub fn status<'a>(&self, error_type: Option<&'a str>) -> Status<'a> {
        status(self.result.as_ref().err(), error_type)
    }

    /// All lines in order: those of init, then those of the invocation.
    pub fn all_logs(&self) -> impl Iterator<Item = &LogLine> {
        self.inits.iter().flat_map(|init| &init.logs).chain(&self.logs)
    }
}

impl Init {
    pub fn error_type(&self) -> Option<String> {
        self.end.as_ref().err().map(|fault| fault::error_type(&fault.body))
    }

    pub fn status<'a>(&self, error_type: Option<&'a str>) -> Status<'a> {
        status(self.end.as_ref().err(), error_type)
    }
}

fn status<'a>(fault: Option<&FunctionFault>, error_type: Option<&'a str>) -> Status<'a> {
    match fault.map(|fault| fault.kind) {
        None | Some(FaultKind::Handler) => Status::SUCCESS,
        Some(FaultKind::Timeout) => Status { status: "timeout", error_type: None },
        Some(_) => Status { status: "error", error_type },
    }
}

/// Rounded up.
fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}
