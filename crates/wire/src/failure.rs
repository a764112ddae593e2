//! What every operation of every service returns when it does not succeed. Knows no protocol: the envelopes
//! are written where the protocol is known.

use std::borrow::Cow;

use bytes::Bytes;

/// Whose fault a failure is; the query and restJson protocols print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    Client,
    Server,
}

/// An AWS error: a code of the model (or one of AWS's common codes), an HTTP status, and what the caller reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Such as `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    pub status: u16,
    pub message: String,
    /// Further members of the error's shape, each with its value as JSON text.
    pub members: Vec<(&'static str, Bytes)>,
    pub fault: Fault,
}

impl Failure {
    /// An error that the caller can mend.
    pub fn client(code: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> Self {
        Self { code: code.into(), status, message: message.into(), members: Vec::new(), fault: Fault::Client }
    }

    /// An error that the caller cannot mend. `message` is for the caller: log the cause where it is known.
    pub fn server(code: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> Self {
        Self { fault: Fault::Server, ..Self::client(code, status, message) }
    }

    /// `InternalServerError`, 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::server("InternalServerError", 500, message)
    }

    /// `ServiceUnavailable`, 503: one of AWS's common errors, which its SDKs try again.
    pub fn unavailable() -> Self {
        let message = "The request has failed due to a temporary failure of the server.";
        Self::server("ServiceUnavailable", 503, message)
    }

    /// An operation of AWS's that this server does not serve (yet): 501, naming it.
    pub fn not_implemented(service: &str, operation: &str) -> Self {
        let message = format!("Rushlight does not implement {service} {operation} (see docs/coverage.md)");
        Self::server("NotImplemented", 501, message)
    }

    /// Adds a member of the error's shape; `raw_json` is its value as JSON text.
    #[must_use]
    pub fn with(mut self, name: &'static str, raw_json: impl Into<Bytes>) -> Self {
        self.members.push((name, raw_json.into()));
        self
    }
}
