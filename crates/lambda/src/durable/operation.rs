//! An operation of a durable execution (a step, a wait, a callback ...) as it is kept in the store, as AWS prints it, and
//! as the function is told of it. Plain data; knows no transition.

use api::lambda as shapes;
use base::Timestamp;
use minicbor::{Decode, Encode};
use wire::json::{WriteJson as _, Writer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Kind {
    #[n(0)]
    Execution,
    #[n(1)]
    Context,
    #[n(2)]
    Step,
    #[n(3)]
    Wait,
    #[n(4)]
    Callback,
    #[n(5)]
    ChainedInvoke,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Status {
    #[n(0)]
    Started,
    #[n(1)]
    Pending,
    #[n(2)]
    Ready,
    #[n(3)]
    Succeeded,
    #[n(4)]
    Failed,
    #[n(5)]
    Cancelled,
    #[n(6)]
    TimedOut,
    #[n(7)]
    Stopped,
}

impl Status {
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Started | Self::Pending | Self::Ready)
    }
}

/// An error as a function or a caller tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ErrorRecord {
    #[n(0)]
    pub(crate) message: Option<String>,
    #[n(1)]
    pub(crate) kind: Option<String>,
    #[n(2)]
    pub(crate) data: Option<String>,
    #[n(3)]
    pub(crate) stack: Option<Vec<String>>,
}

impl ErrorRecord {
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), kind: Some(kind.to_owned()), ..Self::default() }
    }

    pub(crate) fn describe(&self) -> shapes::ErrorObject {
        shapes::ErrorObject {
            error_message: self.message.clone(),
            error_type: self.kind.clone(),
            error_data: self.data.clone(),
            stack_trace: self.stack.clone(),
        }
    }
}

impl From<shapes::ErrorObject> for ErrorRecord {
    fn from(error: shapes::ErrorObject) -> Self {
        Self {
            message: error.error_message,
            kind: error.error_type,
            data: error.error_data,
            stack: error.stack_trace,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Operation {
    #[n(0)]
    pub(crate) id: String,
    /// Its place among the execution's operations: the order of their beginnings.
    #[n(1)]
    pub(crate) place: u32,
    #[n(2)]
    pub(crate) kind: Kind,
    #[n(3)]
    pub(crate) status: Status,
    #[n(4)]
    pub(crate) parent: Option<String>,
    #[n(5)]
    pub(crate) name: Option<String>,
    #[n(6)]
    pub(crate) sub_type: Option<String>,
    #[n(7)]
    pub(crate) started_ms: i64,
    #[n(8)]
    pub(crate) ended_ms: Option<i64>,
    /// Of the execution or of an invocation of another function.
    #[n(9)]
    pub(crate) input: Option<String>,
    #[n(10)]
    pub(crate) result: Option<String>,
    #[n(11)]
    pub(crate) error: Option<ErrorRecord>,
    #[n(12)]
    pub(crate) attempt: u32,
    /// When a wait is over, a step may be tried again, or a callback has taken too long.
    #[n(13)]
    pub(crate) due_ms: Option<i64>,
    /// In seconds, as it was asked for.
    #[n(14)]
    pub(crate) duration_s: Option<i32>,
    #[n(15)]
    pub(crate) callback_id: Option<String>,
    #[n(16)]
    pub(crate) heartbeat_s: Option<i32>,
    /// When the callback must have been heard of.
    #[n(17)]
    pub(crate) heartbeat_due_ms: Option<i64>,
    #[n(18)]
    pub(crate) replay_children: Option<bool>,
    /// The function that is invoked.
    #[n(19)]
    pub(crate) function: Option<String>,
}

impl Operation {
    /// One that has begun, and of which no more is known.
    pub(crate) fn new(id: &str, place: u32, kind: Kind, started_ms: i64) -> Self {
        Self {
            id: id.to_owned(),
            place,
            kind,
            status: Status::Started,
            parent: None,
            name: None,
            sub_type: None,
            started_ms,
            ended_ms: None,
            input: None,
            result: None,
            error: None,
            attempt: 0,
            due_ms: None,
            duration_s: None,
            callback_id: None,
            heartbeat_s: None,
            heartbeat_due_ms: None,
            replay_children: None,
            function: None,
        }
    }

    /// The next moment at which time itself changes it.
    pub(crate) fn next_due(&self) -> Option<i64> {
        let waits = match self.kind {
            Kind::Wait | Kind::Callback => self.status == Status::Started,
            Kind::Step => self.status == Status::Pending,
            Kind::Execution | Kind::Context | Kind::ChainedInvoke => false,
        };
        let dues = [self.due_ms, self.heartbeat_due_ms].into_iter().flatten();
        if waits { dues.min() } else { None }
    }

    pub(crate) fn describe(&self) -> shapes::Operation {
        let (result, error) = (self.result.clone(), self.error.as_ref().map(ErrorRecord::describe));
        let mut shape = shapes::Operation {
            id: self.id.clone(),
            parent_id: self.parent.clone(),
            name: self.name.clone(),
            r#type: type_of(self.kind),
            sub_type: self.sub_type.clone(),
            start_timestamp: Timestamp(self.started_ms),
            end_timestamp: self.ended_ms.map(Timestamp),
            status: status_of(self.status),
            execution_details: None,
            context_details: None,
            step_details: None,
            wait_details: None,
            callback_details: None,
            chained_invoke_details: None,
        };
        match self.kind {
            Kind::Execution => {
                shape.execution_details =
                    Some(shapes::ExecutionDetails { input_payload: self.input.clone() });
            }
            Kind::Context => {
                let replay_children = self.replay_children;
                shape.context_details = Some(shapes::ContextDetails { replay_children, result, error });
            }
            Kind::Step => {
                let next_attempt_timestamp =
                    self.due_ms.filter(|_| self.status == Status::Pending).map(Timestamp);
                let attempt = i32::try_from(self.attempt).ok();
                shape.step_details =
                    Some(shapes::StepDetails { attempt, next_attempt_timestamp, result, error });
            }
            Kind::Wait => {
                let scheduled_end_timestamp = self.due_ms.map(Timestamp);
                shape.wait_details = Some(shapes::WaitDetails { scheduled_end_timestamp });
            }
            Kind::Callback => {
                let callback_id = self.callback_id.clone();
                shape.callback_details = Some(shapes::CallbackDetails { callback_id, result, error });
            }
            Kind::ChainedInvoke => {
                shape.chained_invoke_details = Some(shapes::ChainedInvokeDetails { result, error });
            }
        }
        shape
    }

    /// As the function's event has it: with times in milliseconds, where the API has seconds.
    pub(crate) fn write_event(&self, json: &mut Writer) {
        let shape = self.describe();
        json.begin_object();
        json.member("Id", &shape.id);
        json.optional("ParentId", &shape.parent_id);
        json.optional("Name", &shape.name);
        json.member("Type", &shape.r#type);
        json.optional("SubType", &shape.sub_type);
        json.member("StartTimestamp", &self.started_ms);
        json.optional("EndTimestamp", &self.ended_ms);
        json.member("Status", &shape.status);
        json.optional("ExecutionDetails", &shape.execution_details);
        json.optional("ContextDetails", &shape.context_details);
        json.optional("CallbackDetails", &shape.callback_details);
        json.optional("ChainedInvokeDetails", &shape.chained_invoke_details);
        if let Some(step) = &shape.step_details {
            json.key("StepDetails");
            json.begin_object();
            json.optional("Attempt", &step.attempt);
            json.optional("NextAttemptTimestamp", &step.next_attempt_timestamp.map(|at| at.0));
            json.optional("Result", &step.result);
            json.optional("Error", &step.error);
            json.end_object();
        }
        if shape.wait_details.is_some() {
            json.key("WaitDetails");
            json.begin_object();
            json.optional("ScheduledEndTimestamp", &self.due_ms);
            json.end_object();
        }
        json.end_object();
    }

    /// What it takes in an answer, about.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.input, &self.result, &self.name, &self.callback_id];
        let error = self.error.as_ref().map_or(0, |error| error.describe().to_json_len());
        300 + error + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

/// How long a shape is in JSON.
trait JsonLen {
    fn to_json_len(&self) -> usize;
}

impl JsonLen for shapes::ErrorObject {
    fn to_json_len(&self) -> usize {
        let mut json = Writer::new();
        self.write_json(&mut json);
        json.into_vec().len()
    }
}

pub(crate) fn kind_of(kind: &shapes::OperationType) -> Kind {
    match kind {
        shapes::OperationType::Execution => Kind::Execution,
        shapes::OperationType::Context => Kind::Context,
        shapes::OperationType::Step => Kind::Step,
        shapes::OperationType::Wait => Kind::Wait,
        shapes::OperationType::Callback => Kind::Callback,
        shapes::OperationType::ChainedInvoke => Kind::ChainedInvoke,
    }
}

fn type_of(kind: Kind) -> shapes::OperationType {
    match kind {
        Kind::Execution => shapes::OperationType::Execution,
        Kind::Context => shapes::OperationType::Context,
        Kind::Step => shapes::OperationType::Step,
        Kind::Wait => shapes::OperationType::Wait,
        Kind::Callback => shapes::OperationType::Callback,
        Kind::ChainedInvoke => shapes::OperationType::ChainedInvoke,
    }
}

fn status_of(status: Status) -> shapes::OperationStatus {
    match status {
        Status::Started => shapes::OperationStatus::Started,
        Status::Pending => shapes::OperationStatus::Pending,
        Status::Ready => shapes::OperationStatus::Ready,
        Status::Succeeded => shapes::OperationStatus::Succeeded,
        Status::Failed => shapes::OperationStatus::Failed,
        Status::Cancelled => shapes::OperationStatus::Cancelled,
        Status::TimedOut => shapes::OperationStatus::TimedOut,
        Status::Stopped => shapes::OperationStatus::Stopped,
    }
}
