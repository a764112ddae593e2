//! What traces tell of a request's way through the phases. Knows no ring and no page.

use std::fmt::{self, Display};

use base::Trace;
use base::trace::SpanKind;

/// Why a phase ended a request.
pub(crate) trait Blame: Display {
    /// The name of the gateway response that speaks for it.
    fn code(&self) -> &'static str;
}

/// A phase whose failure is a step of its own; of one that lets the request through, nothing is said.
pub(crate) fn checked<T, F: Blame>(trace: &Trace, phase: &'static str, result: Result<T, F>) -> Result<T, F> {
    result.inspect_err(|fault| blame(&trace.span(SpanKind::Phase, phase), fault))
}

/// This step is the one that failed.
pub(crate) fn blame(trace: &Trace, fault: &impl Blame) {
    trace.fail(fault.code(), fault);
}

/// What goes to an endpoint.
pub(crate) fn sending(trace: &Trace, uri: &impl Display, body: &[u8]) {
    if trace.is_recorded() {
        trace.set("uri", uri.to_string());
        trace.set_request(body);
    }
}

/// What comes from it.
pub(crate) fn answered(trace: &Trace, status: Option<u16>, body: &[u8]) {
    if let Some(status) = status {
        trace.set_status(status);
    }
    trace.set_response(body);
}

/// A stage, as a resource that requests are counted by.
pub(crate) struct Place<'a>(pub(crate) &'a str, pub(crate) &'a str);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}
