//! The seam to what runs functions. Knows no HTTP and no jail.

use std::fmt;
use std::pin::Pin;

use base::{RequestId, Scope, Trace};
use bytes::Bytes;
use futures_util::Stream;

use crate::BoxFuture;

/// Runs a function. Implemented by `lambda`; called by `gateway` and by the command line.
pub trait Invoke: Send + Sync + fmt::Debug {
    /// Runs the function `call` names, to its end (or accepts it, for [`InvokeKind::Event`]).
    fn invoke<'a>(&'a self, call: InvokeCall) -> BoxFuture<'a, Result<InvokeReply, InvokeError>>;

    /// As [`invoke`](Self::invoke), but an answer that the function streams is given as it comes. An event is accepted
    /// all the same. Who goes away does not stop the function.
    fn invoke_streamed<'a>(&'a self, call: InvokeCall) -> BoxFuture<'a, Result<InvokeAnswer, InvokeError>> {
        Box::pin(async move { self.invoke(call).await.map(InvokeAnswer::Whole) })
    }
}

/// One invocation.
#[derive(Debug, Clone)]
pub struct InvokeCall {
    pub scope: Scope,
    /// Name, `name:qualifier`, partial or whole ARN.
    pub function: String,
    pub payload: Bytes,
    pub kind: InvokeKind,
    /// The service and resource that calls: asked of the function's resource policy.
    pub source: Option<InvokeSource>,
    pub request_id: RequestId,
    pub trace: Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvokeKind {
    RequestResponse,
    Event,
}

/// A service principal and the resource for which it acts.
#[derive(Debug, Clone)]
pub struct InvokeSource {
    /// Such as `apigateway.amazonaws.com`.
    pub service: &'static str,
    pub source_arn: String,
}

/// What a function answered.
#[derive(Debug, Clone)]
pub struct InvokeReply {
    /// JSON of the result, or of the error when `function_error` is set. Empty for an accepted event.
    pub payload: Bytes,
    /// `Unhandled` or `Handled`, as in `X-Amz-Function-Error`.
    pub function_error: Option<&'static str>,
    /// The version that ran: `$LATEST` or a number.
    pub executed_version: String,
    /// The last 4 KB of the invocation's log.
    pub log_tail: Bytes,
}

/// What a function answers a caller that takes streams.
#[derive(Debug)]
pub enum InvokeAnswer {
    /// It answered whole, or failed before it said anything.
    Whole(InvokeReply),
    Streamed(InvokeStream),
}

/// An answer of which the first byte is there.
pub struct InvokeStream {
    /// The media type, as the function set it. With `application/vnd.awslambda.http-integration-response` the pieces
    /// begin with JSON of status, headers and cookies and eight zero bytes.
    pub content_type: String,
    /// The version that runs: `$LATEST` or a number.
    pub executed_version: String,
    pub pieces: InvokePieces,
}

/// Taking them slowly slows the function down.
pub type InvokePieces = Pin<Box<dyn Stream<Item = InvokePiece> + Send>>;

#[derive(Debug, Clone)]
pub enum InvokePiece {
    Data(Bytes),
    /// Comes last: whether the function failed after its first byte, and how. A stream without it was cut off.
    End(InvokeReply),
}

impl fmt::Debug for InvokeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvokeStream").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Why an invocation did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeError {
    NotFound(String),
    AccessDenied(String),
    Throttled(String),
    TooLarge(String),
    BadPayload(String),
    /// The function cannot run here: no interpreter, broken package, state not Active.
    Unavailable(String),
    Internal(String),
}

impl fmt::Display for InvokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(m)
            | Self::AccessDenied(m)
            | Self::Throttled(m)
            | Self::TooLarge(m)
            | Self::BadPayload(m)
            | Self::Unavailable(m)
            | Self::Internal(m) => f.write_str(m),
        }
    }
}

impl std::error::Error for InvokeError {}
