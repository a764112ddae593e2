//! What came out of an invocation: result or fault in AWS's words, times, memory, log lines.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;

use crate::spec::InitType;

/// The end of one invocation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// JSON of the handler's result (what it streamed, if it did), or the fault.
    pub result: Result<Bytes, FunctionFault>,
    /// The answer went to [`crate::Invocation::stream`]: `result` is empty, or the fault after the first piece.
    pub streamed: bool,
    /// Whether the environment may serve another invocation. When false it has ended already.
    pub reusable: bool,
    /// The environment had ended before it took the event: nothing has happened, another may serve it.
    pub unheard: bool,
    /// The handler's time, init not included.
    pub duration: Duration,
    /// How long loading the handler took, unless that failed; only with an environment's first invocation.
    pub init_duration: Option<Duration>,
    /// How long bringing the environment back took that was initialised for SnapStart.
    pub restore_duration: Option<Duration>,
    /// The parts of the duration.
    pub phases: Phases,
    /// Duration (and init, as AWS bills it since 2025) in whole milliseconds, rounded up.
    pub billed_ms: u64,
    pub max_memory_mib: u32,
    /// First invocation only: how the handler was loaded. One that fails is begun again in a new process.
    pub inits: Vec<Init>,
    /// Lines written since the environment's last invocation. START, END and REPORT are the caller's to compose.
    pub logs: Vec<LogLine>,
}

/// One loading of a handler.
#[derive(Debug, Clone)]
pub struct Init {
    pub init_type: InitType,
    pub phase: InitPhase,
    pub duration: Duration,
    pub end: Result<(), FunctionFault>,
    /// Lines written meanwhile: they stand before START.
    pub logs: Vec<LogLine>,
}

/// Whose time a loading takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitPhase {
    /// Its own.
    Init,
    /// The invocation's: the one before it failed.
    Invoke,
}

impl InitPhase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Invoke => "invoke",
        }
    }
}

/// What an invocation's time went to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Until the first byte of the answer.
    pub response_latency: Duration,
    /// From there to its last.
    pub response_duration: Duration,
    /// From there until the runtime was ready for another event.
    pub runtime_overhead: Duration,
    /// From there until all extensions were; `None` without any.
    pub extension_overhead: Option<Duration>,
    pub produced_bytes: usize,
}

impl Phases {
    /// The runtime's share of the duration.
    pub fn runtime(&self) -> Duration {
        self.response_latency + self.response_duration + self.runtime_overhead
    }
}

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamPiece {
    /// Comes first: the media type, as the function set it. With
    /// `application/vnd.awslambda.http-integration-response` the data begins with JSON of status, headers and cookies
    /// and eight zero bytes.
    Head {
        content_type: String,
    },
    Data(Bytes),
}

/// One event of the log: a line of output, or one call of a logging function with all its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub timestamp: Timestamp,
    /// Without the final newline. May hold newlines; need not be UTF-8.
    pub bytes: Bytes,
}

/// A function's failure, as AWS answers it: status 200 with `X-Amz-Function-Error: Unhandled` and this body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFault {
    pub kind: FaultKind,
    /// JSON with at least `errorType` and `errorMessage`.
    pub body: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The handler threw, rejected or called back with an error; or its answer cannot be JSON.
    Handler,
    /// The handler could not be loaded.
    Init,
    /// `Sandbox.Timedout`.
    Timeout,
    /// The process ended: `Runtime.ExitError`.
    Exit,
    /// The process was ended for taking more memory than it has: `Runtime.ExitError`, signal: killed.
    OutOfMemory,
    /// The answer is over the limit: `Function.ResponseSizeTooLarge`.
    ResponseTooLarge,
}
