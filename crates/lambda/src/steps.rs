//! What traces tell of an invocation: the environment that was made for it, its init, its handler, and why it failed.
//! Knows no ring and no page.

use std::time::Duration;

use base::Trace;
use base::trace::SpanKind;
use ports::{InvokeError, LogEvent};
use sandbox::{FaultKind, FunctionFault, Outcome};

use crate::event::error_message;
use crate::runner::Run;

/// Whose it is and what goes in.
pub(crate) fn began(trace: &Trace, run: &Run) {
    if !trace.is_recorded() {
        return;
    }
    trace.belongs_to(run.function.scope.account);
    trace.set_resource("lambda", &run.function.name);
    trace.set("requestId", run.request_id.to_string());
    trace.set("version", run.version.text.clone());
    trace.set_request(&run.payload);
}

/// What came of it, and what its time went to.
pub(crate) fn ended(trace: &Trace, outcome: &Outcome) {
    if !trace.is_recorded() {
        return;
    }
    let mut ago = outcome.phases.extension_overhead.unwrap_or_default() + outcome.duration;
    for init in outcome.inits.iter().rev() {
        let step = trace.past(SpanKind::Init, "Init", (init.duration, ago));
        if let Err(fault) = &init.end {
            blame(&step, fault);
        }
        ago += init.duration;
    }
    if let Some(took) = outcome.restore_duration {
        trace.past(SpanKind::Init, "Restore", (took, ago));
    }
    let overhead = outcome.phases.extension_overhead.unwrap_or_default();
    let handler = trace.past(SpanKind::Handler, "Handler", (outcome.duration, overhead));
    if overhead > Duration::ZERO {
        trace.past(SpanKind::Handler, "Extensions", (overhead, Duration::ZERO));
    }
    trace.set("coldStart", !outcome.inits.is_empty());
    trace.set("billedMs", i64::try_from(outcome.billed_ms).unwrap_or(i64::MAX));
    trace.set("maxMemoryMiB", i64::from(outcome.max_memory_mib));
    match &outcome.result {
        Ok(answer) => trace.set_response(answer),
        Err(fault) => {
            trace.set_response(&fault.body);
            blame(&handler, fault);
            blame(trace, fault);
        }
    }
}

/// All that stands in the log of it.
pub(crate) fn logged(trace: &Trace, events: &[LogEvent]) {
    if !trace.is_recorded() {
        return;
    }
    let mut text = Vec::with_capacity(events.iter().map(|event| event.message.len() + 1).sum());
    for event in events {
        text.extend_from_slice(&event.message);
        if !event.message.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    trace.set_log(&text);
}

/// It did not come to run.
pub(crate) fn refused(trace: &Trace, error: &InvokeError) {
    let code = match error {
        InvokeError::NotFound(_) => "ResourceNotFoundException",
        InvokeError::AccessDenied(_) => "AccessDeniedException",
        InvokeError::Throttled(_) => "TooManyRequestsException",
        InvokeError::TooLarge(_) => "RequestTooLargeException",
        InvokeError::BadPayload(_) => "InvalidRequestContentException",
        InvokeError::Unavailable(_) => "ResourceNotReadyException",
        InvokeError::Internal(_) => "ServiceException",
    };
    trace.fail(code, error);
}

fn blame(trace: &Trace, fault: &FunctionFault) {
    let code = match fault.kind {
        FaultKind::Handler => "Unhandled",
        FaultKind::Init => "Runtime.InitError",
        FaultKind::Timeout => "Sandbox.Timedout",
        FaultKind::Exit => "Runtime.ExitError",
        FaultKind::OutOfMemory => "Runtime.OutOfMemory",
        FaultKind::ResponseTooLarge => "Function.ResponseSizeTooLarge",
    };
    trace.fail(code, error_message(&fault.body));
}
