//! One invocation from admission to its log: takes a warm environment or starts one, runs it, puts it back.
//! Knows no request and no store; whoever calls has resolved the version already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::trace::SpanKind;
use base::{AccountId, Clock, RequestId, Scope, Timestamp, Trace, random_hex};
use bytes::Bytes;
use ports::{InvokeError, InvokeReply, LiveFolders, LogBatch, LogEvent, LogSink};
use sandbox::{
    Credentials, FunctionFault, FunctionSpec, InitType, Invocation, LateLines, LaunchError, Outcome,
    StreamPiece,
};
use sigv4::Keys;
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;

use crate::catalogue::{Function, Load, Version};
use crate::code::CodeStore;
use crate::detached::Detached;
use crate::executor::Executor;
use crate::fleet::{Counted, Warm};
use crate::function::VersionRecord;
use crate::lineage;
use crate::live::INSPECTED_TIMEOUT_MS;
use crate::provision::{Place, Provision};
use crate::report::{self, Invoked, SystemLevel};
use crate::steps;

#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) codes: Arc<CodeStore>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) live: Option<Arc<dyn LiveFolders>>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) clock: Clock,
    /// Environments of one account in one region that may run at a time.
    pub(crate) concurrency_max: usize,
    /// All environments, and whether they are more than [`environments_max`](crate::LambdaConfig::environments_max).
    pub(crate) environments: Arc<AtomicUsize>,
    pub(crate) environments_max: usize,
    pub(crate) crowded: Notify,
    /// What runs, so that a stop can wait for it.
    pub(crate) running: TaskTracker,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) function: Arc<Function>,
    pub(crate) version: Arc<Version>,
    /// As the caller named it, with its qualifier.
    pub(crate) function_arn: String,
    pub(crate) payload: Bytes,
    pub(crate) request_id: RequestId,
    pub(crate) client_context: Option<String>,
    pub(crate) trace: Trace,
}

/// Who hears of an answer before the invocation is over.
#[derive(Debug, Default)]
pub(crate) struct Hearers {
    /// An answer that is streamed goes there, and is collected where there is nobody.
    pub(crate) stream: Option<mpsc::Sender<StreamPiece>>,
    pub(crate) answered: Option<mpsc::Sender<Result<Bytes, FunctionFault>>>,
}

impl Runner {
    /// What an account's functions sign with, if signatures are verified.
    fn credentials(&self, account: AccountId) -> Option<Credentials> {
        let pair = self.keys.of_functions(account)?;
        Some(Credentials {
            access_key_id: pair.access_key,
            secret_access_key: pair.secret,
            session_token: pair.session_token.unwrap_or_default(),
        })
    }

    /// Runs a function to its end. A dropped call ends the environment: see [`crate::detached`].
    pub(crate) async fn run(&self, run: Run) -> Result<InvokeReply, InvokeError> {
        self.run_to(run, Hearers::default()).await
    }

    /// The same, for those who hear of the answer first.
    pub(crate) async fn run_to(&self, mut run: Run, hearers: Hearers) -> Result<InvokeReply, InvokeError> {
        let span = run.trace.span(SpanKind::Invocation, "Invocation");
        run.trace = Trace::clone(&span);
        steps::began(&span, &run);
        self.run_admitted(&run, hearers).await.inspect_err(|error| steps::refused(&span, error))
    }

    async fn run_admitted(&self, run: &Run, hearers: Hearers) -> Result<InvokeReply, InvokeError> {
        let _running = self.running.token();
        let permit = Permit::admit(&run.function, &run.version, self.concurrency_max)?;
        run.trace
            .set("concurrent", i64::try_from(permit.counter().load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        if let Some(reply) = self.follow(run).await? {
            return Ok(reply);
        }
        let (warm, started, mut outcome) = self.serve(run, hearers).await?;
        let ended = self.clock.now();
        steps::ended(&run.trace, &outcome);
        let trace = run.trace.header();
        let invoked = invoked((&run.function, &run.version), (run.request_id, trace), (started, ended));
        let events = invoked.events(&mut outcome);
        steps::logged(&run.trace, &events);
        let log_tail = report::tail(&events);
        self.write((&run.function.scope, &run.version), &warm, events);
        if outcome.reusable {
            run.version.fleet.put_back(warm, ended);
        }
        drop(permit);
        Ok(reply(outcome.result, &run.version, log_tail))
    }

    /// Returns when the function has answered; its extensions may go on, and the environment is not free before they are
    /// done. The reply has no end of the log.
    pub(crate) async fn answer(self: &Arc<Self>, run: Run) -> Result<InvokeReply, InvokeError> {
        let settings = &run.version.record.settings;
        if settings.layers.is_empty() && !settings.runtime.starts_with("provided") {
            return self.run(run).await;
        }
        let (answered, mut answer) = mpsc::channel(1);
        let (runner, version) = (Arc::clone(self), run.version.clone());
        let hearers = Hearers { stream: None, answered: Some(answered) };
        // What is left to do goes on when this is dropped.
        let mut whole = Detached::new(Box::pin(async move { runner.run_to(run, hearers).await }));
        tokio::select! {
            biased;
            ended = &mut whole => ended,
            Some(result) = answer.recv() => Ok(reply(result, &version, Bytes::new())),
        }
    }

    /// The environment that served, when it began, and what came of it.
    async fn serve(
        &self,
        run: &Run,
        Hearers { stream, answered }: Hearers,
    ) -> Result<(Warm, Timestamp, Outcome), InvokeError> {
        let invocation = Invocation {
            request_id: run.request_id,
            payload: run.payload.clone(),
            deadline: None,
            function_arn: run.function_arn.clone(),
            client_context: run.client_context.clone(),
            trace: lineage::passed_on(&run.trace, &run.function.arn()),
            stream,
            answered,
        };
        loop {
            let (mut warm, is_new) = match run.version.fleet.take() {
                Some(warm) => (warm, false),
                None => {
                    let _span = run.trace.span(SpanKind::Environment, "Environment");
                    (self.launch(&run.function, &run.version, run.version.init_type()).await?, true)
                }
            };
            let started = self.clock.now();
            let mut outcome = warm.instance.invoke(invocation.clone()).await;
            if is_new || !outcome.unheard {
                return Ok((warm, started, outcome));
            }
            // It ended after its last answer; what it said then is all that there is to keep.
            let events = report::lines(&mut outcome.logs).collect();
            self.write((&run.function.scope, &run.version), &warm, events);
        }
    }

    fn write(&self, (scope, version): (&Scope, &Version), warm: &Warm, events: Vec<LogEvent>) {
        self.logs.write(LogBatch {
            scope: scope.clone(),
            group: version.log_group.clone(),
            stream: warm.log_stream.clone(),
            events,
        });
    }

    /// Functions of this version will start: processes for them are made ready.
    pub(crate) fn warm(&self, record: &VersionRecord) {
        let settings = &record.settings;
        self.executor.warm(&settings.runtime, settings.memory_mib, record.code.uses_sdk);
    }

    /// What extensions say when their environment ends stands in its log.
    fn late_lines(&self, (scope, version): (&Scope, &Version), stream: &Arc<str>) -> LateLines {
        let logs = self.logs.clone();
        let (scope, group, stream) = (scope.clone(), version.log_group.clone(), stream.clone());
        LateLines::new(move |mut lines| {
            let events = report::lines(&mut lines).collect();
            logs.write(LogBatch {
                scope: scope.clone(),
                group: group.clone(),
                stream: stream.clone(),
                events,
            });
        })
    }

    pub(crate) fn is_crowded(&self) -> bool {
        self.environments.load(Ordering::Acquire) > self.environments_max
    }

    /// Makes an environment ready before an invocation needs it, and whether that could be done.
    pub(crate) async fn prepare(
        &self,
        function: &Function,
        version: &Version,
        (init_type, place): (InitType, &mut Option<Place>),
    ) -> bool {
        let Ok(mut warm) = self.launch(function, version, init_type).await else { return false };
        if let Err(mut outcome) = warm.instance.initialize().await {
            let now = self.clock.now();
            let events = invoked((function, version), (RequestId(0), ""), (now, now)).inits(&mut outcome);
            self.write((&function.scope, version), &warm, events);
            return false;
        }
        if let Some(mut place) = place.take() {
            place.fill();
            warm.place = Some(place);
            warm._counted = None;
        }
        version.fleet.put_back(warm, self.clock.now());
        true
    }

    async fn launch(
        &self,
        function: &Function,
        version: &Version,
        init_type: InitType,
    ) -> Result<Warm, InvokeError> {
        let record = &version.record;
        let settings = &record.settings;
        // Before the code is loaded: what is saved from now on is of another generation.
        let generation = version.fleet.generation();
        let code = self.codes.folder(&record.code).await.map_err(|error| {
            tracing::error!(function = %function.name, %error, "cannot bring a package to the disk");
            InvokeError::Internal("the function's package cannot be unpacked".to_owned())
        })?;
        let mut layers = Vec::with_capacity(settings.layers.len());
        for layer in &settings.layers {
            layers.push(self.codes.folder(&layer.code).await.map_err(|error| {
                tracing::error!(function = %function.name, layer = %layer.arn, %error, "cannot bring a layer to the disk");
                InvokeError::Internal("a layer of the function cannot be unpacked".to_owned())
            })?);
        }
        let log_stream: Arc<str> = stream_name(self.clock.now(), &version.text).into();
        let environment = settings.environment.iter().flatten();
        let inspect = self.inspect_port(function, version);
        let timeout_ms = match inspect {
            Some(_) => INSPECTED_TIMEOUT_MS,
            None => u64::from(settings.timeout_s) * 1000,
        };
        let spec = Arc::new(FunctionSpec {
            scope: function.scope.clone(),
            name: function.name.clone(),
            version: version.text.clone(),
            runtime: settings.runtime.clone(),
            handler: settings.handler.clone(),
            code_dir: code.path().to_owned(),
            package: record.code.folder.is_none().then(|| record.code.sha256_hex()),
            layers: layers.iter().map(|layer| layer.path().to_owned()).collect(),
            uses_sdk: record.code.uses_sdk,
            init_type,
            env: environment
                .map(|(name, value)| (name.clone(), value.clone()))
                .chain(settings.logging.variables())
                .collect(),
            memory_mib: settings.memory_mib,
            timeout_ms,
            ephemeral_mib: settings.ephemeral_mib,
            log_group: version.log_group.clone(),
            log_stream: log_stream.clone(),
            credentials: self.credentials(function.scope.account),
            inspect,
            late_lines: Some(self.late_lines((&function.scope, version), &log_stream)),
        });
        let instance = self.executor.launch(spec).await.map_err(|error| {
            tracing::error!(function = %function.name, %error, "cannot start an environment");
            match error {
                LaunchError::Mount(_) | LaunchError::Io(_) => InvokeError::Internal(error.to_string()),
                LaunchError::UnknownRuntime(_)
                | LaunchError::InterpreterMissing { .. }
                | LaunchError::LayersMissing(_) => InvokeError::Unavailable(error.to_string()),
            }
        })?;
        let counted = Counted::new(&self.environments);
        if self.is_crowded() {
            self.crowded.notify_one();
        }
        Ok(Warm {
            instance,
            log_stream,
            generation,
            _code: code,
            _layers: layers,
            _counted: Some(counted),
            place: None,
        })
    }
}

fn reply(result: Result<Bytes, FunctionFault>, version: &Version, log_tail: Bytes) -> InvokeReply {
    let (payload, function_error) = match result {
        Ok(payload) => (payload, None),
        Err(fault) => (fault.body, Some("Unhandled")),
    };
    InvokeReply { payload, function_error, executed_version: version.text.clone(), log_tail }
}

/// What the lines of an invocation say beside its outcome.
fn invoked<'a>(
    (function, version): (&'a Function, &'a Version),
    (request_id, trace): (RequestId, &'a str),
    (started, ended): (Timestamp, Timestamp),
) -> Invoked<'a> {
    let settings = &version.record.settings;
    Invoked {
        request_id,
        version: &version.text,
        memory_mib: settings.memory_mib,
        timeout_ms: u64::from(settings.timeout_s) * 1000,
        json: settings.logging.json,
        level: SystemLevel::of(settings.logging.system_level.as_deref()),
        runtime: &settings.runtime,
        function: &function.name,
        trace,
        started,
        ended,
    }
}

/// `2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef`: one stream an environment.
fn stream_name(now: Timestamp, version: &str) -> String {
    let (year, month, day, ..) = now.civil();
    format!("{year:04}/{month:02}/{day:02}/[{version}]{}", random_hex(32))
}

/// A place among the invocations that may run at a time.
#[derive(Debug)]
enum Permit {
    Reserved(Arc<Load>),
    Unreserved(Arc<Load>),
    /// Of the version's own, which were set aside when they were provisioned.
    Provisioned(Arc<Provision>),
}

impl Permit {
    /// # Errors
    /// [`InvokeError::Throttled`] with AWS's reason.
    fn admit(function: &Function, version: &Version, account_max: usize) -> Result<Self, InvokeError> {
        let load = &function.load;
        let (permit, max, reason) = match function.reserved {
            Some(max) => {
                let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
                (Self::Reserved(load.clone()), max as usize, reason)
            }
            None => {
                let provisioned = version.provision.wanted();
                if provisioned > 0 {
                    let permit = Self::Provisioned(version.provision.clone());
                    if permit.counter().fetch_add(1, Ordering::AcqRel) < provisioned {
                        return Ok(permit);
                    }
                }
                let max = account_max.saturating_sub(load.account.reserved.load(Ordering::Relaxed));
                (Self::Unreserved(load.clone()), max, "ConcurrentInvocationLimitExceeded")
            }
        };
        // A permit that is not given is dropped, which takes it off the counter.
        let running = permit.counter().fetch_add(1, Ordering::AcqRel);
        if running < max { Ok(permit) } else { Err(InvokeError::Throttled(reason.to_owned())) }
    }

    fn counter(&self) -> &AtomicUsize {
        match self {
            Self::Reserved(load) => &load.function,
            Self::Unreserved(load) => &load.account.unreserved,
            Self::Provisioned(provision) => &provision.busy,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.counter().fetch_sub(1, Ordering::AcqRel);
    }
}
