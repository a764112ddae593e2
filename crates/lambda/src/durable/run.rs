//! Runs durable executions: invokes the function whenever there is something for it to do, until the execution is over.

use std::sync::Arc;
use std::time::Duration;

use base::{RequestId, Scope, Timestamp, Trace, random_hex};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ports::{InvokeError, InvokeReply};
use store::KvError;

use super::envelope::{self, Answer};
use super::operation::{ErrorRecord, Kind, Status};
use super::shelf::{Current, Execution};
use super::state::{Changes, ExecutionRecord, ExecutionStatus, State};
use crate::Lambda;
use crate::function::version_text;
use crate::invoke::Target;
use crate::name::{FunctionRef, function_arn};
use crate::runner::Run;

/// Between tries of an invocation that ended without an answer: doubled each time, up to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// Between tries to reach a store that is away.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// What AWS takes for an execution's time and its record's when the function does not say.
const RETENTION_DAYS: u32 = 14;
const TIMEOUT_S: u32 = 86_400;

/// Whoever waits for an execution waits no longer than for any other function.
const SYNCHRONOUS_S_MAX: u32 = 900;

const DAY_MS: i64 = 86_400_000;

/// How an execution begins, or was found begun.
#[derive(Debug)]
pub(crate) enum Begun {
    Execution(Arc<Execution>),
    /// Another one has its name, with another input.
    Taken,
}

/// What is to be done next.
enum Step {
    Invoke { event: Bytes, record: Box<ExecutionRecord> },
    Wait(i64),
    Over,
}

impl Lambda {
    /// Begins an execution. One of this name that was begun with the same input is found again.
    pub(crate) async fn begin_execution(
        &self,
        target: &Target,
        name: Option<String>,
        input: &Bytes,
        trace: &Trace,
    ) -> Result<Begun, KvError> {
        let scope = &target.function.scope;
        let named = name.is_some();
        let id = RequestId::random().to_string();
        let name = name.unwrap_or_else(|| id.clone());
        let input = String::from_utf8_lossy(input).into_owned();
        if named && let Some(found) = self.executions.find(scope, &name).await? {
            return Ok(same(found, target, &input).await);
        }
        let durable = target.version.record.settings.durable.as_ref();
        let timeout_s = durable.and_then(|durable| durable.execution_timeout_s).unwrap_or(TIMEOUT_S);
        let retention_days = durable.map_or(RETENTION_DAYS, |durable| durable.retention_days);
        let now = self.config.clock.now().0;
        let record = ExecutionRecord {
            id,
            name: name.clone(),
            function: target.function.name.clone(),
            version: target.version.record.number,
            status: ExecutionStatus::Running,
            started_ms: now,
            ended_ms: None,
            timeout_s,
            retention_days,
            expires_ms: now.saturating_add(i64::from(timeout_s) * 1000),
            trace: trace.passed_on().into_owned(),
            pause: None,
            last_event: 0,
            failures: 0,
            called: target.arn.clone(),
        };
        let (state, changes) = State::new(record, input.clone());
        match self.executions.create(scope, state, &changes).await? {
            Some(execution) => {
                self.drive(scope.clone(), name);
                Ok(Begun::Execution(execution))
            }
            None => match self.executions.find(scope, &name).await? {
                Some(found) => Ok(same(found, target, &input).await),
                None => Err(KvError::Contended),
            },
        }
    }

    /// Invokes a durable function: begins an execution and, with `waits`, answers what comes of it. Gives its ARN too.
    pub(crate) async fn invoke_durable(
        &self,
        target: &Target,
        name: Option<String>,
        (payload, trace): (&Bytes, &Trace),
        waits: bool,
    ) -> Result<(InvokeReply, String), Refusal> {
        if target.arn == target.function.arn() {
            return Err(Refusal::Invalid("You cannot invoke a durable function using an unqualified ARN."));
        }
        let durable = target.version.record.settings.durable.as_ref();
        let timeout_s = durable.and_then(|durable| durable.execution_timeout_s).unwrap_or(TIMEOUT_S);
        if waits && timeout_s > SYNCHRONOUS_S_MAX {
            return Err(Refusal::Invalid(
                "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.",
            ));
        }
        let begun = self.begin_execution(target, name.clone(), payload, trace).await;
        let execution = match begun.map_err(Refusal::Store)? {
            Begun::Execution(execution) => execution,
            Begun::Taken => return Err(Refusal::Taken(name.unwrap_or_default())),
        };
        let arn = execution_arn(&execution.scope, &execution.state.lock().await.state.record);
        if waits {
            let reply = self.await_execution(&execution).await.map_err(Refusal::Invoke)?;
            return Ok((reply, arn));
        }
        let accepted = InvokeReply {
            payload: Bytes::new(),
            function_error: None,
            executed_version: target.version.text.clone(),
            log_tail: Bytes::new(),
        };
        Ok((accepted, arn))
    }

    /// Waits for the end of an execution and answers as its function would have.
    pub(crate) async fn await_execution(
        &self,
        execution: &Arc<Execution>,
    ) -> Result<InvokeReply, InvokeError> {
        let mut execution = Arc::clone(execution);
        loop {
            let mut changes = execution.changed.subscribe();
            {
                let current = execution.state.lock().await;
                if current.state.is_over() && !current.lost {
                    return Ok(reply(&current.state));
                }
            }
            let known = self.executions.find(&execution.scope, &execution.name).await;
            match known {
                Ok(Some(known)) if !Arc::ptr_eq(&known, &execution) => execution = known,
                Ok(Some(_)) => _ = changes.changed().await,
                Ok(None) => {
                    return Err(InvokeError::NotFound("The durable execution was deleted.".to_owned()));
                }
                Err(_) => self.config.clock.sleep(STORE_RETRY).await,
            }
        }
    }

    /// Runs all executions that were running when the last process ended, and forgets those that are old enough.
    pub(crate) async fn resume_executions(&self) -> Result<(), KvError> {
        let now = self.config.clock.now().0;
        for (scope, record) in self.executions.all().await? {
            match record.ended_ms {
                None => self.drive(scope, record.name),
                Some(ended) if ended + i64::from(record.retention_days) * DAY_MS <= now => {
                    self.executions.remove(&scope, &record.name).await?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn drive(&self, scope: Scope, name: String) {
        let (me, stopping, clock) = (self.me.clone(), self.stopping.clone(), self.config.clock.clone());
        self.workers.spawn(async move {
            let mut fresh = true;
            loop {
                let Some(lambda) = me.upgrade() else { return };
                let driven = tokio::select! {
                    () = stopping.cancelled() => return,
                    driven = lambda.drive_once(&scope, &name, fresh) => driven,
                };
                match driven {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::debug!(%error, execution = name, "a durable execution waits for the store");
                        fresh = true;
                        clock.sleep(STORE_RETRY).await;
                    }
                }
            }
        });
    }

    /// Runs an execution to its end; `fresh` when no invocation of this process serves it yet.
    async fn drive_once(&self, scope: &Scope, name: &str, fresh: bool) -> Result<(), KvError> {
        let mut due = fresh;
        let Some(execution) = self.executions.find(scope, name).await? else { return Ok(()) };
        if fresh {
            let current = execution.state.lock().await;
            let waiting = |o: &&super::operation::Operation| {
                o.kind == Kind::ChainedInvoke && o.status == Status::Started
            };
            let places = current.state.operations.iter().filter(waiting).map(|o| o.place as usize).collect();
            self.invoke_chained(&execution, &current.state, places);
        }
        let mut changes = execution.changed.subscribe();
        let mut retry_at = None;
        loop {
            changes.borrow_and_update();
            let step = self.next_step(&execution, &mut due, retry_at).await?;
            match step {
                Step::Over => return Ok(()),
                Step::Wait(until) => {
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = self.config.clock.sleep_until(Timestamp(until)) => {}
                    }
                }
                Step::Invoke { event, record } => {
                    due = false;
                    let failures = self.call(&execution, &record, event).await?;
                    retry_at = failures.map(|count| {
                        let wait = FIRST_RETRY.saturating_mul(1 << count.saturating_sub(1).min(16));
                        self.config.clock.now().plus(wait.min(LAST_RETRY)).0
                    });
                }
            }
        }
    }

    async fn next_step(
        &self,
        execution: &Execution,
        due: &mut bool,
        retry_at: Option<i64>,
    ) -> Result<Step, KvError> {
        let now = self.config.clock.now().0;
        let mut current = execution.state.lock().await;
        if current.lost {
            return Err(KvError::Contended);
        }
        let changes = current.state.tick(now);
        if !changes.is_empty() {
            self.executions.keep(execution, &mut current, &changes).await?;
        }
        if current.state.is_over() {
            return Ok(Step::Over);
        }
        let wants = *due || current.state.has_untold() || retry_at.is_some_and(|at| at <= now);
        if current.state.record.pause.is_some() || !wants || retry_at.is_some_and(|at| at > now) {
            *due |= wants && retry_at.is_none();
            let due_at = current.state.next_due();
            return Ok(Step::Wait(retry_at.filter(|at| *at > now).map_or(due_at, |at| at.min(due_at))));
        }
        let token = new_token();
        current.token = Some(token.clone());
        let updated = current.state.take_untold();
        let arn = execution_arn(&execution.scope, &current.state.record);
        let event = envelope::event(&current.state, &arn, &token, &updated);
        Ok(Step::Invoke { event, record: Box::new(current.state.record.clone()) })
    }

    /// One invocation. Gives how many in a row have ended without an answer, if this one has.
    async fn call(
        &self,
        execution: &Arc<Execution>,
        record: &ExecutionRecord,
        event: Bytes,
    ) -> Result<Option<u32>, KvError> {
        let request_id = RequestId::random();
        let started = self.config.clock.now().0;
        let function = self.catalogue.get(&execution.scope, &record.function);
        let version = function.as_ref().and_then(|function| function.numbered(record.version)).cloned();
        let reply = match function.zip(version) {
            Some((function, version)) => {
                let run = Run {
                    function,
                    version,
                    function_arn: record.called.clone(),
                    payload: event,
                    request_id,
                    client_context: None,
                    trace: Trace::new(record.trace.as_str()),
                };
                self.runner.run(run).await
            }
            None => Ok(gone(record)),
        };
        let mut current = execution.state.lock().await;
        current.token = None;
        let now = self.config.clock.now().0;
        let mut changes = Changes::default();
        let state = &mut current.state;
        let error = match &reply {
            Ok(reply) if reply.function_error.is_some() => Some(envelope::function_error(&reply.payload)),
            Ok(_) => None,
            Err(error) => Some(ErrorRecord::new("Lambda.InvokeError", error.to_string())),
        };
        let failed = error.is_some();
        state.invoked(request_id.to_string(), (started, now), error, &mut changes);
        if let (Ok(reply), false) = (&reply, failed) {
            conclude(state, &reply.payload, now, &mut changes);
        }
        let failures = failed.then_some(state.record.failures);
        self.executions.keep(execution, &mut current, &changes).await?;
        Ok(failures)
    }

    /// Takes a checkpoint: the new token, and what has changed.
    pub(crate) async fn checkpoint(
        &self,
        execution: &Arc<Execution>,
        updates: Vec<api::lambda::OperationUpdate>,
        token: &str,
        client_token: Option<String>,
    ) -> Result<(Option<String>, Vec<api::lambda::Operation>), Checkpoint> {
        let mut current = execution.state.lock().await;
        if current.token.as_deref() != Some(token) || current.lost {
            let repeated = current
                .last
                .as_ref()
                .filter(|(client, old, _)| client_token.as_deref() == Some(client) && old == token);
            return match repeated.map(|(.., new)| new.clone()) {
                Some(new) => Ok((Some(new), Vec::new())),
                None => Err(Checkpoint::Refused("Invalid checkpoint token".to_owned())),
            };
        }
        let now = self.config.clock.now().0;
        let mut all = current.state.tick(now);
        if !current.state.is_over() {
            let arn = execution_arn(&execution.scope, &current.state.record);
            let callback = |id: &str| STANDARD.encode(format!("{arn}\n{id}\n{}", random_hex(16)));
            let changes = current.state.checkpoint(updates, now, callback);
            let changes = changes.map_err(|refused| Checkpoint::Refused(refused.0))?;
            all.operations.extend(changes.operations);
            all.events.extend(changes.events);
            all.invokes.extend(changes.invokes);
        }
        if !all.is_empty() {
            self.executions.keep(execution, &mut current, &all).await.map_err(Checkpoint::Store)?;
        }
        self.invoke_chained(execution, &current.state, all.invokes);
        Ok(answer(&mut current, token, client_token))
    }

    fn invoke_chained(&self, execution: &Arc<Execution>, state: &State, places: Vec<usize>) {
        for place in places {
            let operation = &state.operations[place];
            let (Some(function), Some(me)) = (operation.function.clone(), self.me.upgrade()) else {
                continue;
            };
            let (execution, id) = (Arc::clone(execution), operation.id.clone());
            let input = Bytes::from(operation.input.clone().unwrap_or_else(|| "{}".to_owned()));
            let name = format!("{}-{}", state.record.id, operation.place);
            let trace = Trace::new(state.record.trace.as_str());
            self.workers.spawn(async move {
                let stopping = me.stopping.clone();
                let outcome = tokio::select! {
                    () = stopping.cancelled() => return,
                    outcome = me.chained(&execution.scope, &function, name, (input, trace)) => outcome,
                };
                let status = if outcome.is_ok() { Status::Succeeded } else { Status::Failed };
                if let Err(error) =
                    me.complete((&execution.scope, &execution.name), &id, status, outcome).await
                {
                    // Invoked again when the execution is read from the store again.
                    tracing::warn!(%error, "what an invoked function answered could not be kept");
                }
            });
        }
    }

    async fn chained(
        &self,
        scope: &Scope,
        function: &str,
        name: String,
        (payload, trace): (Bytes, Trace),
    ) -> Result<Option<String>, ErrorRecord> {
        let failed = |error: InvokeError| ErrorRecord::new("Lambda.InvokeError", error.to_string());
        let request_id = RequestId::random();
        let reference = FunctionRef::parse(function, scope)
            .map_err(|error| ErrorRecord::new("InvalidParameterValueException", error.to_string()))?;
        let target = self.target(&reference, request_id).map_err(failed)?;
        let reply = if target.version.record.settings.durable.is_some() {
            let begun = self.begin_execution(&target, Some(name), &payload, &trace).await;
            match begun.map_err(|error| ErrorRecord::new("ServiceException", error.to_string()))? {
                Begun::Execution(execution) => self.await_execution(&execution).await,
                Begun::Taken => Err(InvokeError::Internal("the execution's name is taken".to_owned())),
            }
        } else {
            let Target { function, version, arn: function_arn } = target;
            let run =
                Run { function, version, function_arn, payload, request_id, client_context: None, trace };
            self.runner.run(run).await
        };
        let reply = reply.map_err(failed)?;
        if reply.function_error.is_some() {
            return Err(envelope::function_error(&reply.payload));
        }
        Ok(Some(String::from_utf8_lossy(&reply.payload).into_owned()))
    }

    /// What came from outside for an operation; whether there was still somebody to take it.
    pub(crate) async fn complete(
        &self,
        (scope, name): (&Scope, &str),
        id: &str,
        status: Status,
        outcome: Result<Option<String>, ErrorRecord>,
    ) -> Result<bool, KvError> {
        let Some(execution) = self.executions.find(scope, name).await? else { return Ok(false) };
        let mut current = execution.state.lock().await;
        let now = self.config.clock.now().0;
        let ticked = current.state.tick(now);
        if !ticked.is_empty() {
            self.executions.keep(&execution, &mut current, &ticked).await?;
        }
        let Some(changes) = current.state.complete(id, status, outcome, now) else { return Ok(false) };
        self.executions.keep(&execution, &mut current, &changes).await.map(|()| true)
    }
}

/// Why a durable function was not invoked.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Another execution has the name, with another input.
    Taken(String),
    /// AWS's message.
    Invalid(&'static str),
    Store(KvError),
    Invoke(InvokeError),
}

impl From<Refusal> for InvokeError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Taken(name) => Self::Internal(format!("the durable execution {name} exists")),
            Refusal::Invalid(message) => Self::Unavailable(message.to_owned()),
            Refusal::Store(error) => Self::Internal(error.to_string()),
            Refusal::Invoke(error) => error,
        }
    }
}

/// Why a checkpoint was not taken.
#[derive(Debug)]
pub(crate) enum Checkpoint {
    Refused(String),
    Store(KvError),
}

/// The execution's ARN.
pub(crate) fn execution_arn(scope: &Scope, record: &ExecutionRecord) -> String {
    let function = function_arn(scope, &record.function);
    let version = version_text(record.version);
    format!("{function}:{version}/durable-execution/{}/{}", record.name, record.id)
}

async fn same(found: Arc<Execution>, target: &Target, input: &str) -> Begun {
    let current = found.state.lock().await;
    let state = &current.state;
    let same =
        state.execution().input.as_deref() == Some(input) && state.record.function == target.function.name;
    drop(current);
    if same { Begun::Execution(found) } else { Begun::Taken }
}

fn new_token() -> String {
    STANDARD.encode(random_hex(32))
}

/// The checkpoint's answer. An execution that is over takes no more checkpoints.
fn answer(
    current: &mut Current,
    old: &str,
    client_token: Option<String>,
) -> (Option<String>, Vec<api::lambda::Operation>) {
    let new = (!current.state.is_over()).then(new_token);
    current.token.clone_from(&new);
    current.last = client_token.zip(new.clone()).map(|(client, new)| (client, old.to_owned(), new));
    let told = current.state.take_untold();
    (new, told.into_iter().map(|place| current.state.operations[place].describe()).collect())
}

/// What the function's answer means for its execution.
fn conclude(state: &mut State, payload: &[u8], now: i64, changes: &mut Changes) {
    let failure = |message: &str| Some(ErrorRecord::new("Lambda.InvalidInvocationOutput", message));
    match envelope::answer(payload) {
        // A result too large for an answer was told by a checkpoint before.
        Answer::Succeeded(result) => state.end(Status::Succeeded, (result, None), now, changes),
        Answer::Failed(error) => state.end(Status::Failed, (None, Some(error)), now, changes),
        Answer::Pending if state.is_waiting() || state.has_untold() => {}
        Answer::Pending => {
            let error = failure("Cannot return PENDING status with no pending operations.");
            state.end(Status::Failed, (None, error), now, changes);
        }
        Answer::Strange => {
            let error = failure("Invalid Status in invocation output.");
            state.end(Status::Failed, (None, error), now, changes);
        }
    }
}

/// The answer of an execution whose function was deleted.
fn gone(record: &ExecutionRecord) -> InvokeReply {
    let message = format!("Function not found: {}:{}", record.function, version_text(record.version));
    let error = ErrorRecord::new("ResourceNotFoundException", message);
    let mut json = wire::json::Writer::new();
    json.begin_object();
    json.key("Status");
    json.string("FAILED");
    json.member("Error", &error.describe());
    json.end_object();
    InvokeReply {
        payload: json.into_bytes(),
        function_error: None,
        executed_version: version_text(record.version),
        log_tail: Bytes::new(),
    }
}

fn reply(state: &State) -> InvokeReply {
    let execution = state.execution();
    let succeeded = execution.status == Status::Succeeded;
    let payload = if succeeded {
        Bytes::from(execution.result.clone().unwrap_or_else(|| "null".to_owned()))
    } else {
        envelope::error_payload(&execution.error.clone().unwrap_or_default())
    };
    InvokeReply {
        payload,
        function_error: (!succeeded).then_some("Unhandled"),
        executed_version: version_text(state.record.version),
        log_tail: Bytes::new(),
    }
}
