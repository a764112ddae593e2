//! A durable execution: its operations and how they change, by what the function checkpoints, by time, and by what comes
//! from outside. Pure: the clock is given, what changed is told, so that the caller can keep it.

use std::collections::{BTreeSet, HashMap};

use api::lambda::{ErrorObject, OperationAction, OperationUpdate};
use minicbor::{Decode, Encode};

use super::history::{EventRecord, What};
use super::operation::{ErrorRecord, Kind, Operation, Status, kind_of};

/// AWS's bound of an error in a checkpoint.
const ERROR_BYTES_MAX: usize = 32_768;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum ExecutionStatus {
    #[n(0)]
    Running,
    #[n(1)]
    Succeeded,
    #[n(2)]
    Failed,
    #[n(3)]
    TimedOut,
    #[n(4)]
    Stopped,
    #[n(5)]
    Paused,
}

/// A pause that somebody asked for.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Pause {
    #[n(0)]
    pub(crate) requested_ms: i64,
    #[n(1)]
    pub(crate) reason: Option<String>,
    /// Time does not run against the execution's timeout meanwhile.
    #[n(2)]
    pub(crate) timeout_paused: bool,
}

/// An execution, without its operations and history, which have rows of their own.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct ExecutionRecord {
    /// The last part of its ARN, and the id of its first operation.
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: String,
    #[n(2)]
    pub(crate) function: String,
    /// 0 is `$LATEST`.
    #[n(3)]
    pub(crate) version: u64,
    #[n(4)]
    pub(crate) status: ExecutionStatus,
    #[n(5)]
    pub(crate) started_ms: i64,
    #[n(6)]
    pub(crate) ended_ms: Option<i64>,
    #[n(7)]
    pub(crate) timeout_s: u32,
    #[n(8)]
    pub(crate) retention_days: u32,
    /// When it has run for too long.
    #[n(9)]
    pub(crate) expires_ms: i64,
    #[n(10)]
    pub(crate) trace: String,
    #[n(11)]
    pub(crate) pause: Option<Pause>,
    #[n(12)]
    pub(crate) last_event: i32,
    /// Invocations in a row that ended without an answer.
    #[n(13)]
    pub(crate) failures: u32,
    /// As the caller named the function, qualifier included.
    #[n(14)]
    pub(crate) called: String,
}

/// Why an update is refused: AWS's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

type Done = Result<(), Refused>;

fn refuse<T>(message: &str) -> Result<T, Refused> {
    Err(Refused(message.to_owned()))
}

/// What must be made durable before anybody is told of it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) operations: BTreeSet<usize>,
    pub(crate) events: Vec<EventRecord>,
    /// Functions to be invoked, by the places of their operations.
    pub(crate) invokes: Vec<usize>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.events.is_empty()
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) record: ExecutionRecord,
    /// By place; the first is the execution itself.
    pub(crate) operations: Vec<Operation>,
    by_id: HashMap<String, usize>,
    /// Changed since the function was last told.
    untold: BTreeSet<usize>,
}

impl State {
    pub(crate) fn new(record: ExecutionRecord, input: String) -> (Self, Changes) {
        let operation = Operation {
            name: Some(record.name.clone()),
            input: Some(input),
            ..Operation::new(&record.id, 0, Kind::Execution, record.started_ms)
        };
        let what = What::ExecutionStarted {
            input: operation.input.clone(),
            timeout_s: i32::try_from(record.timeout_s).unwrap_or(i32::MAX),
        };
        let now = record.started_ms;
        let mut state = Self::restored(record, vec![operation]);
        let mut changes = Changes::default();
        changes.operations.insert(0);
        state.event(0, what, now, &mut changes);
        (state, changes)
    }

    /// As it was kept, operations in any order.
    pub(crate) fn restored(record: ExecutionRecord, mut operations: Vec<Operation>) -> Self {
        operations.sort_by_key(|operation| operation.place);
        let by_id = operations.iter().enumerate().map(|(place, o)| (o.id.clone(), place)).collect();
        Self { record, operations, by_id, untold: BTreeSet::new() }
    }

    pub(crate) fn execution(&self) -> &Operation {
        &self.operations[0]
    }

    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.by_id.get(id).map(|&place| &self.operations[place])
    }

    pub(crate) fn is_over(&self) -> bool {
        self.record.ended_ms.is_some()
    }

    pub(crate) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The ids of what changed since this was last asked.
    pub(crate) fn take_untold(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.untold).into_iter().collect()
    }

    /// Whether anything will change it without the function: else an answer of PENDING would never end.
    pub(crate) fn is_waiting(&self) -> bool {
        self.operations.iter().any(|operation| match operation.kind {
            Kind::Wait | Kind::Callback | Kind::ChainedInvoke => operation.status == Status::Started,
            Kind::Step => matches!(operation.status, Status::Pending | Status::Ready),
            Kind::Execution | Kind::Context => false,
        })
    }

    /// When time changes it next; the end of its own time included.
    pub(crate) fn next_due(&self) -> i64 {
        let dues = self.operations.iter().filter_map(Operation::next_due);
        dues.chain([self.expires_ms()]).min().unwrap_or(i64::MAX)
    }

    fn expires_ms(&self) -> i64 {
        let stopped = self.record.pause.as_ref().is_some_and(|pause| pause.timeout_paused);
        if stopped { i64::MAX } else { self.record.expires_ms }
    }

    /// What time has done until `now`.
    pub(crate) fn tick(&mut self, now: i64) -> Changes {
        let mut changes = Changes::default();
        if self.is_over() {
            return changes;
        }
        if self.expires_ms() <= now {
            let error = ErrorRecord::new("Execution.TimedOut", "The durable execution timed out.");
            self.end(Status::TimedOut, (None, Some(error)), now, &mut changes);
            return changes;
        }
        for place in 0..self.operations.len() {
            let operation = &mut self.operations[place];
            if operation.next_due().is_none_or(|due| due > now) {
                continue;
            }
            match operation.kind {
                Kind::Wait => self.finish(place, Status::Succeeded, now, &mut changes),
                Kind::Step => {
                    operation.status = Status::Ready;
                    self.changed(place, &mut changes);
                }
                Kind::Callback => {
                    let silent = operation.due_ms.is_none_or(|due| due > now);
                    let (kind, message) = if silent {
                        ("Callback.Heartbeat", "Callback timed out on heartbeat")
                    } else {
                        ("Callback.Timeout", "Callback timed out")
                    };
                    operation.error = Some(ErrorRecord::new(kind, message));
                    self.finish(place, Status::TimedOut, now, &mut changes);
                }
                Kind::Execution | Kind::Context | Kind::ChainedInvoke => {}
            }
        }
        changes
    }

    /// Takes what a function says of its progress: all of it, or nothing.
    pub(crate) fn checkpoint(
        &mut self,
        updates: Vec<OperationUpdate>,
        now: i64,
        callback_id: impl Fn(&str) -> String,
    ) -> Result<Changes, Refused> {
        self.check(&updates)?;
        let mut changes = Changes::default();
        for update in updates {
            self.apply(update, now, &callback_id, &mut changes);
        }
        Ok(changes)
    }

    fn check(&self, updates: &[OperationUpdate]) -> Done {
        let executions = updates.iter().filter(|u| kind_of(&u.r#type) == Kind::Execution).count();
        if executions > 1 {
            return refuse("Cannot checkpoint multiple EXECUTION updates.");
        }
        if executions == 1 && updates.last().is_some_and(|u| kind_of(&u.r#type) != Kind::Execution) {
            return refuse("EXECUTION checkpoint must be the last update.");
        }
        let mut seen: HashMap<&str, &OperationUpdate> = HashMap::new();
        for update in updates {
            let id = update.id.as_str();
            if let Some(earlier) = seen.get(id) {
                let twice = matches!(kind_of(&earlier.r#type), Kind::Step | Kind::Context)
                    && earlier.action == OperationAction::Start
                    && update.action != OperationAction::Start;
                if !twice {
                    return refuse("Cannot update the same operation twice in a single request.");
                }
            }
            self.check_parent(update, &seen)?;
            let began_now = seen.contains_key(id);
            check_update(update, self.by_id.get(id).map(|&place| &self.operations[place]), began_now)?;
            seen.insert(id, update);
        }
        Ok(())
    }

    fn check_parent(&self, update: &OperationUpdate, seen: &HashMap<&str, &OperationUpdate>) -> Done {
        let Some(parent) = update.parent_id.as_deref() else { return Ok(()) };
        let kind = match (seen.get(parent), self.by_id.get(parent)) {
            (Some(update), _) => Some(kind_of(&update.r#type)),
            (None, Some(&place)) => Some(self.operations[place].kind),
            (None, None) => None,
        };
        if kind == Some(Kind::Context) { Ok(()) } else { refuse("Invalid parent operation id.") }
    }

    fn apply(
        &mut self,
        update: OperationUpdate,
        now: i64,
        callback_id: &impl Fn(&str) -> String,
        changes: &mut Changes,
    ) {
        let kind = kind_of(&update.r#type);
        let error = update.error.map(ErrorRecord::from);
        if kind == Kind::Execution {
            let status =
                if update.action == OperationAction::Succeed { Status::Succeeded } else { Status::Failed };
            return self.end(status, (update.payload, error), now, changes);
        }
        let is_new = !self.by_id.contains_key(&update.id);
        let place = self.place_of(&update.id, kind, now);
        let operation = &mut self.operations[place];
        if is_new {
            operation.parent.clone_from(&update.parent_id);
            operation.name.clone_from(&update.name);
            operation.sub_type.clone_from(&update.sub_type);
        }
        let seconds_later = |seconds: i32| now.saturating_add(i64::from(seconds) * 1000);
        match update.action {
            OperationAction::Start => {
                operation.status = Status::Started;
                if let Some(wait) = update.wait_options {
                    operation.duration_s = wait.wait_seconds;
                    operation.due_ms = Some(seconds_later(wait.wait_seconds.unwrap_or(0)));
                }
                if kind == Kind::Callback {
                    operation.callback_id = Some(callback_id(&update.id));
                    let options = update.callback_options.unwrap_or_default();
                    let limit = |seconds: Option<i32>| seconds.filter(|seconds| *seconds > 0);
                    operation.duration_s = limit(options.timeout_seconds);
                    operation.due_ms = operation.duration_s.map(seconds_later);
                    operation.heartbeat_s = limit(options.heartbeat_timeout_seconds);
                    operation.heartbeat_due_ms = operation.heartbeat_s.map(seconds_later);
                }
                if let Some(options) = update.chained_invoke_options {
                    operation.function = Some(options.function_name);
                    operation.input = update.payload;
                    changes.invokes.push(place);
                }
                if let Some(options) = update.context_options {
                    operation.replay_children = options.replay_children;
                }
                let what = What::started(operation);
                self.changed(place, changes);
                self.event(place, what, now, changes);
            }
            OperationAction::Succeed | OperationAction::Fail => {
                operation.result = update.payload;
                operation.error = error;
                operation.attempt += u32::from(kind == Kind::Step);
                if let Some(options) = update.context_options.filter(|o| o.replay_children.is_some()) {
                    operation.replay_children = options.replay_children;
                }
                let succeeded = update.action == OperationAction::Succeed;
                let status = if succeeded { Status::Succeeded } else { Status::Failed };
                self.finish(place, status, now, changes);
            }
            OperationAction::Retry => {
                let delay_s = update.step_options.and_then(|options| options.next_attempt_delay_seconds);
                operation.result = update.payload;
                operation.error = error;
                operation.attempt += 1;
                operation.status = Status::Pending;
                operation.due_ms = Some(seconds_later(delay_s.unwrap_or(0)));
                let failed = operation.error.is_some();
                let outcome = if failed { Status::Failed } else { Status::Succeeded };
                let what = What::ended(operation, outcome, delay_s);
                self.changed(place, changes);
                self.event(place, what, now, changes);
            }
            OperationAction::Cancel => self.finish(place, Status::Cancelled, now, changes),
        }
    }

    fn place_of(&mut self, id: &str, kind: Kind, now: i64) -> usize {
        if let Some(&place) = self.by_id.get(id) {
            return place;
        }
        let place = self.operations.len();
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        let operation = Operation::new(id, number, kind, now);
        self.operations.push(operation);
        self.by_id.insert(id.to_owned(), place);
        place
    }

    /// What comes from outside for the operation `id`: a callback's answer, or an invoked function's. `None` when it is
    /// over already.
    pub(crate) fn complete(
        &mut self,
        id: &str,
        status: Status,
        outcome: Result<Option<String>, ErrorRecord>,
        now: i64,
    ) -> Option<Changes> {
        let place = *self.by_id.get(id)?;
        let operation = &mut self.operations[place];
        if operation.status.is_final() || self.record.ended_ms.is_some() {
            return None;
        }
        match outcome {
            Ok(result) => operation.result = result,
            Err(error) => operation.error = Some(error),
        }
        let mut changes = Changes::default();
        self.finish(place, status, now, &mut changes);
        Some(changes)
    }

    /// The callback `id` was heard of. `None` when it is over already.
    pub(crate) fn heartbeat(&mut self, id: &str, now: i64) -> Option<Changes> {
        let place = *self.by_id.get(id)?;
        let operation = &mut self.operations[place];
        if operation.status.is_final() || self.record.ended_ms.is_some() {
            return None;
        }
        operation.heartbeat_due_ms = operation.heartbeat_s.map(|s| now.saturating_add(i64::from(s) * 1000));
        let mut changes = Changes::default();
        changes.operations.insert(place);
        Some(changes)
    }

    /// Ends the execution, unless it is over already.
    pub(crate) fn end(
        &mut self,
        status: Status,
        (result, error): (Option<String>, Option<ErrorRecord>),
        now: i64,
        changes: &mut Changes,
    ) {
        if self.is_over() {
            return;
        }
        self.operations[0].result = result;
        self.operations[0].error = error;
        self.record.ended_ms = Some(now);
        self.record.pause = None;
        self.record.status = match status {
            Status::Succeeded => ExecutionStatus::Succeeded,
            Status::TimedOut => ExecutionStatus::TimedOut,
            Status::Stopped => ExecutionStatus::Stopped,
            _ => ExecutionStatus::Failed,
        };
        self.finish(0, status, now, changes);
    }

    /// An invocation of the function is over: when it began and ended, and why it had no answer.
    pub(crate) fn invoked(
        &mut self,
        request_id: String,
        (started_ms, ended_ms): (i64, i64),
        error: Option<ErrorRecord>,
        changes: &mut Changes,
    ) {
        self.record.failures = if error.is_some() { self.record.failures + 1 } else { 0 };
        let what = What::InvocationCompleted { request_id, started_ms, ended_ms, error };
        self.record.last_event += 1;
        changes.events.push(EventRecord {
            number: self.record.last_event,
            at_ms: ended_ms,
            id: None,
            name: None,
            parent: None,
            sub_type: None,
            what,
        });
    }

    pub(crate) fn pause(&mut self, pause: Pause, now: i64) -> Changes {
        let mut changes = Changes::default();
        let what = What::Paused {
            requested_ms: pause.requested_ms,
            reason: pause.reason.clone(),
            timeout_paused: pause.timeout_paused,
        };
        self.record.pause = Some(pause);
        self.record.status = ExecutionStatus::Paused;
        self.event(0, what, now, &mut changes);
        changes
    }

    pub(crate) fn resume(&mut self, reason: Option<String>, now: i64) -> Changes {
        let mut changes = Changes::default();
        if let Some(pause) = self.record.pause.take().filter(|pause| pause.timeout_paused) {
            self.record.expires_ms += now - pause.requested_ms;
        }
        self.record.status = ExecutionStatus::Running;
        self.event(0, What::Resumed { requested_ms: now, reason }, now, &mut changes);
        changes
    }

    fn finish(&mut self, place: usize, status: Status, now: i64, changes: &mut Changes) {
        let operation = &mut self.operations[place];
        operation.status = status;
        operation.ended_ms = Some(now);
        let what = What::ended(operation, status, None);
        self.changed(place, changes);
        self.event(place, what, now, changes);
    }

    fn changed(&mut self, place: usize, changes: &mut Changes) {
        changes.operations.insert(place);
        self.untold.insert(place);
    }

    fn event(&mut self, place: usize, what: What, now: i64, changes: &mut Changes) {
        let operation = &self.operations[place];
        self.record.last_event += 1;
        changes.events.push(EventRecord {
            number: self.record.last_event,
            at_ms: now,
            id: Some(operation.id.clone()),
            name: operation.name.clone(),
            parent: operation.parent.clone(),
            sub_type: operation.sub_type.clone(),
            what,
        });
    }
}

/// Whether an update fits the operation as it is; `began_now` in the same request.
fn check_update(update: &OperationUpdate, now: Option<&Operation>, began_now: bool) -> Done {
    use OperationAction::{Cancel, Fail, Retry, Start, Succeed};

    if update.error.as_ref().is_some_and(|error| size(error) > ERROR_BYTES_MAX) {
        return Err(Refused(format!("Error object size must be less than {ERROR_BYTES_MAX} bytes.")));
    }
    let kind = kind_of(&update.r#type);
    let permitted: &[OperationAction] = match kind {
        Kind::Step => &[Start, Fail, Retry, Succeed],
        Kind::Context => &[Start, Fail, Succeed],
        Kind::Wait | Kind::Callback | Kind::ChainedInvoke => &[Start, Cancel],
        Kind::Execution => &[Succeed, Fail],
    };
    if !permitted.contains(&update.action) {
        return refuse("Invalid action for the given operation type.");
    }
    if now.is_some_and(|operation| operation.kind != kind) {
        return refuse("Operation type mismatch.");
    }
    let status = if began_now { Some(Status::Started) } else { now.map(|operation| operation.status) };
    let name = update.r#type.as_str();
    match (kind, &update.action) {
        (Kind::Step, Start) if status.is_some_and(|status| status != Status::Ready) => {
            refuse("Invalid current STEP state to start.")
        }
        (Kind::Step, Start) | (Kind::Execution, _) => Ok(()),
        (_, Start) if status.is_some() => Err(Refused(format!("Cannot start a {name} that already exists."))),
        (Kind::Wait, Start) if update.wait_options.as_ref().and_then(|o| o.wait_seconds).is_none() => {
            refuse("Invalid WaitOptions for the given action.")
        }
        (Kind::ChainedInvoke, Start) if update.chained_invoke_options.is_none() => {
            refuse("Invalid ChainedInvokeOptions for the given action.")
        }
        (_, Start) => Ok(()),
        (_, Cancel) if status != Some(Status::Started) => {
            Err(Refused(format!("Cannot cancel a {name} that does not exist or has already completed.")))
        }
        (Kind::Step, Succeed | Fail)
            if status.is_some_and(|status| !matches!(status, Status::Started | Status::Ready)) =>
        {
            refuse("Invalid current STEP state to close.")
        }
        (Kind::Context, Succeed | Fail) if status.is_some_and(|status| status != Status::Started) => {
            refuse("Invalid current CONTEXT state to close.")
        }
        (_, Fail) if update.payload.is_some() => refuse("Cannot provide a Payload for FAIL action."),
        (_, Succeed) if update.error.is_some() => refuse("Cannot provide an Error for SUCCEED action."),
        (_, Retry) if status.is_some_and(|status| !matches!(status, Status::Started | Status::Ready)) => {
            refuse("Invalid current STEP state to re-attempt.")
        }
        (_, Retry) if update.step_options.is_none() => refuse("Invalid StepOptions for the given action."),
        (_, Retry) if update.error.is_some() && update.payload.is_some() => {
            refuse("Cannot provide both error and payload to RETRY a STEP.")
        }
        _ => Ok(()),
    }
}

fn size(error: &ErrorObject) -> usize {
    let texts = [&error.error_message, &error.error_type, &error.error_data];
    let stack = error.stack_trace.iter().flatten().map(String::len).sum::<usize>();
    stack + texts.into_iter().flatten().map(String::len).sum::<usize>()
}
