//! What happened in a durable execution: its events, as they are kept and as AWS prints them. Plain data.

use api::lambda as shapes;
use base::Timestamp;
use minicbor::{Decode, Encode};

use super::operation::{ErrorRecord, Kind, Operation, Status};

/// What an event tells, beside whose it is.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) enum What {
    #[n(0)]
    ExecutionStarted {
        #[n(0)]
        input: Option<String>,
        #[n(1)]
        timeout_s: i32,
    },
    /// An operation, or the execution itself, has come to its end.
    #[n(1)]
    Ended {
        #[n(0)]
        kind: Kind,
        #[n(1)]
        status: Status,
        #[n(2)]
        result: Option<String>,
        #[n(3)]
        error: Option<ErrorRecord>,
        /// Of a step.
        #[n(4)]
        attempt: u32,
        /// Of a step that is tried again, or of a wait: seconds.
        #[n(5)]
        delay_s: Option<i32>,
    },
    #[n(2)]
    Started {
        #[n(0)]
        kind: Kind,
        /// Of a wait or a callback: seconds.
        #[n(1)]
        duration_s: Option<i32>,
        #[n(2)]
        due_ms: Option<i64>,
        #[n(3)]
        callback_id: Option<String>,
        #[n(4)]
        heartbeat_s: Option<i32>,
        #[n(5)]
        function: Option<String>,
        #[n(6)]
        input: Option<String>,
    },
    #[n(3)]
    InvocationCompleted {
        #[n(0)]
        request_id: String,
        #[n(1)]
        started_ms: i64,
        #[n(2)]
        ended_ms: i64,
        #[n(3)]
        error: Option<ErrorRecord>,
    },
    #[n(4)]
    Paused {
        #[n(0)]
        requested_ms: i64,
        #[n(1)]
        reason: Option<String>,
        #[n(2)]
        timeout_paused: bool,
    },
    #[n(5)]
    Resumed {
        #[n(0)]
        requested_ms: i64,
        #[n(1)]
        reason: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct EventRecord {
    #[n(0)]
    pub(crate) number: i32,
    #[n(1)]
    pub(crate) at_ms: i64,
    /// Of the operation; events of invocations have none.
    #[n(2)]
    pub(crate) id: Option<String>,
    #[n(3)]
    pub(crate) name: Option<String>,
    #[n(4)]
    pub(crate) parent: Option<String>,
    #[n(5)]
    pub(crate) sub_type: Option<String>,
    #[n(6)]
    pub(crate) what: What,
}

impl What {
    pub(crate) fn started(operation: &Operation) -> Self {
        Self::Started {
            kind: operation.kind,
            duration_s: operation.duration_s,
            due_ms: operation.due_ms,
            callback_id: operation.callback_id.clone(),
            heartbeat_s: operation.heartbeat_s,
            function: operation.function.clone(),
            input: operation.input.clone(),
        }
    }

    /// `delay_s` until the step is tried again.
    pub(crate) fn ended(operation: &Operation, status: Status, delay_s: Option<i32>) -> Self {
        Self::Ended {
            kind: operation.kind,
            status,
            result: operation.result.clone(),
            error: operation.error.clone(),
            attempt: operation.attempt,
            delay_s: if operation.kind == Kind::Wait { operation.duration_s } else { delay_s },
        }
    }
}

impl EventRecord {
    /// Payloads only `with_data`; else they are said to be left out.
    pub(crate) fn describe(&self, with_data: bool) -> shapes::Event {
        let payload = |payload: &Option<String>| payload.clone().filter(|_| with_data);
        let truncated = Some(!with_data);
        let input = |input: &Option<String>| shapes::EventInput { payload: payload(input), truncated };
        let mut event = shapes::Event {
            sub_type: self.sub_type.clone(),
            event_id: Some(self.number),
            id: self.id.clone(),
            name: self.name.clone(),
            event_timestamp: Some(Timestamp(self.at_ms)),
            parent_id: self.parent.clone(),
            ..shapes::Event::default()
        };
        match &self.what {
            What::ExecutionStarted { input: given, timeout_s } => {
                event.event_type = Some(shapes::EventType::ExecutionStarted);
                event.execution_started_details = Some(shapes::ExecutionStartedDetails {
                    input: input(given),
                    execution_timeout: *timeout_s,
                });
            }
            What::Started { .. } => self.describe_start(&mut event, input),
            What::Ended { .. } => self.describe_end(&mut event, with_data),
            What::InvocationCompleted { request_id, started_ms, ended_ms, error } => {
                event.event_type = Some(shapes::EventType::InvocationCompleted);
                event.invocation_completed_details = Some(shapes::InvocationCompletedDetails {
                    start_timestamp: Timestamp(*started_ms),
                    end_timestamp: Timestamp(*ended_ms),
                    request_id: request_id.clone(),
                    error: error.as_ref().map(|error| told(error, with_data)),
                });
            }
            What::Paused { requested_ms, reason, timeout_paused } => {
                event.event_type = Some(shapes::EventType::ExecutionPaused);
                let reason = reason.as_ref();
                event.execution_paused_details = Some(shapes::ExecutionPausedDetails {
                    pause_request_timestamp: Timestamp(*requested_ms),
                    reason: reason.map(|_| shapes::EventPauseReason {
                        payload: reason.cloned().filter(|_| with_data),
                        truncated,
                    }),
                    execution_timeout_paused: *timeout_paused,
                });
            }
            What::Resumed { requested_ms, reason } => {
                event.event_type = Some(shapes::EventType::ExecutionResumed);
                let reason = reason.as_ref();
                event.execution_resumed_details = Some(shapes::ExecutionResumedDetails {
                    resume_request_timestamp: Timestamp(*requested_ms),
                    reason: reason.map(|_| shapes::EventResumeReason {
                        payload: reason.cloned().filter(|_| with_data),
                        truncated,
                    }),
                });
            }
        }
        event
    }

    fn describe_start(
        &self,
        event: &mut shapes::Event,
        told_input: impl Fn(&Option<String>) -> shapes::EventInput,
    ) {
        let What::Started { kind, duration_s, due_ms, callback_id, heartbeat_s, function, input } =
            &self.what
        else {
            return;
        };
        event.event_type = Some(match kind {
            Kind::Execution => shapes::EventType::ExecutionStarted,
            Kind::Context => shapes::EventType::ContextStarted,
            Kind::Step => shapes::EventType::StepStarted,
            Kind::Wait => shapes::EventType::WaitStarted,
            Kind::Callback => shapes::EventType::CallbackStarted,
            Kind::ChainedInvoke => shapes::EventType::ChainedInvokeStarted,
        });
        match kind {
            Kind::Execution => {}
            Kind::Context => event.context_started_details = Some(shapes::ContextStartedDetails {}),
            Kind::Step => event.step_started_details = Some(shapes::StepStartedDetails {}),
            Kind::Wait => {
                event.wait_started_details = Some(shapes::WaitStartedDetails {
                    duration: duration_s.unwrap_or(0),
                    scheduled_end_timestamp: Timestamp(due_ms.unwrap_or(self.at_ms)),
                });
            }
            Kind::Callback => {
                event.callback_started_details = Some(shapes::CallbackStartedDetails {
                    callback_id: callback_id.clone().unwrap_or_default(),
                    heartbeat_timeout: *heartbeat_s,
                    timeout: *duration_s,
                });
            }
            Kind::ChainedInvoke => {
                event.chained_invoke_started_details = Some(shapes::ChainedInvokeStartedDetails {
                    function_name: function.clone().unwrap_or_default(),
                    tenant_id: None,
                    input: Some(told_input(input)),
                    executed_version: None,
                    durable_execution_arn: None,
                });
            }
        }
    }

    fn describe_end(&self, event: &mut shapes::Event, with_data: bool) {
        let What::Ended { kind, status, result, error, attempt, delay_s } = &self.what else { return };
        let end = End {
            status: *status,
            result: shapes::EventResult {
                payload: result.clone().filter(|_| with_data),
                truncated: Some(!with_data),
            },
            error: told(&error.clone().unwrap_or_default(), with_data),
            retry: shapes::RetryDetails {
                current_attempt: i32::try_from(*attempt).ok(),
                next_attempt_delay_seconds: *delay_s,
            },
        };
        match kind {
            Kind::Execution => end.of_execution(event),
            Kind::Context => end.of_context(event),
            Kind::Step => end.of_step(event),
            Kind::Wait => end.of_wait(event),
            Kind::Callback => end.of_callback(event),
            Kind::ChainedInvoke => end.of_chained_invoke(event),
        }
    }
}

/// How something came to its end, in AWS's shapes.
struct End {
    status: Status,
    result: shapes::EventResult,
    error: shapes::EventError,
    retry: shapes::RetryDetails,
}

/// Sets an event's type and its details.
macro_rules! ended {
    ($event:ident, $kind:ident, $details:ident, $shape:ident { $($field:ident: $value:expr),* }) => {{
        $event.event_type = Some(shapes::EventType::$kind);
        $event.$details = Some(shapes::$shape { $($field: $value),* });
    }};
}

impl End {
    fn of_execution(self, event: &mut shapes::Event) {
        let Self { status, result, error, .. } = self;
        match status {
            Status::Succeeded => {
                ended!(
                    event,
                    ExecutionSucceeded,
                    execution_succeeded_details,
                    ExecutionSucceededDetails { result: result }
                );
            }
            Status::TimedOut => {
                ended!(
                    event,
                    ExecutionTimedOut,
                    execution_timed_out_details,
                    ExecutionTimedOutDetails { error: Some(error) }
                );
            }
            Status::Stopped => {
                ended!(
                    event,
                    ExecutionStopped,
                    execution_stopped_details,
                    ExecutionStoppedDetails { error: error }
                );
            }
            _ => ended!(
                event,
                ExecutionFailed,
                execution_failed_details,
                ExecutionFailedDetails { error: error }
            ),
        }
    }

    fn of_context(self, event: &mut shapes::Event) {
        let Self { status, result, error, .. } = self;
        match status {
            Status::Succeeded => {
                ended!(
                    event,
                    ContextSucceeded,
                    context_succeeded_details,
                    ContextSucceededDetails { result: result }
                );
            }
            _ => ended!(event, ContextFailed, context_failed_details, ContextFailedDetails { error: error }),
        }
    }

    fn of_step(self, event: &mut shapes::Event) {
        let Self { status, result, error, retry } = self;
        match status {
            Status::Succeeded => ended!(
                event,
                StepSucceeded,
                step_succeeded_details,
                StepSucceededDetails { result: result, retry_details: retry }
            ),
            _ => ended!(
                event,
                StepFailed,
                step_failed_details,
                StepFailedDetails { error: error, retry_details: retry }
            ),
        }
    }

    fn of_wait(self, event: &mut shapes::Event) {
        let Self { status, error, retry, .. } = self;
        match status {
            Status::Succeeded => ended!(
                event,
                WaitSucceeded,
                wait_succeeded_details,
                WaitSucceededDetails { duration: retry.next_attempt_delay_seconds }
            ),
            _ => ended!(
                event,
                WaitCancelled,
                wait_cancelled_details,
                WaitCancelledDetails { error: Some(error) }
            ),
        }
    }

    fn of_callback(self, event: &mut shapes::Event) {
        let Self { status, result, error, .. } = self;
        match status {
            Status::Succeeded => {
                ended!(
                    event,
                    CallbackSucceeded,
                    callback_succeeded_details,
                    CallbackSucceededDetails { result: result }
                );
            }
            Status::TimedOut => {
                ended!(
                    event,
                    CallbackTimedOut,
                    callback_timed_out_details,
                    CallbackTimedOutDetails { error: error }
                );
            }
            _ => {
                ended!(event, CallbackFailed, callback_failed_details, CallbackFailedDetails { error: error })
            }
        }
    }

    fn of_chained_invoke(self, event: &mut shapes::Event) {
        let Self { status, result, error, .. } = self;
        match status {
            Status::Succeeded => {
                ended!(
                    event,
                    ChainedInvokeSucceeded,
                    chained_invoke_succeeded_details,
                    ChainedInvokeSucceededDetails { result: result }
                );
            }
            Status::TimedOut => {
                ended!(
                    event,
                    ChainedInvokeTimedOut,
                    chained_invoke_timed_out_details,
                    ChainedInvokeTimedOutDetails { error: error }
                );
            }
            Status::Stopped => {
                ended!(
                    event,
                    ChainedInvokeStopped,
                    chained_invoke_stopped_details,
                    ChainedInvokeStoppedDetails { error: error }
                );
            }
            _ => ended!(
                event,
                ChainedInvokeFailed,
                chained_invoke_failed_details,
                ChainedInvokeFailedDetails { error: error }
            ),
        }
    }
}

fn told(error: &ErrorRecord, with_data: bool) -> shapes::EventError {
    shapes::EventError { payload: with_data.then(|| error.describe()), truncated: Some(!with_data) }
}
