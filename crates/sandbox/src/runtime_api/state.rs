//! What the runtime and the extensions of an environment are doing, and what each may do next: the states and names
//! of AWS's own interface emulator. Pure but for the answers it gives to those who wait.

use std::collections::VecDeque;
use std::fmt::Write as _;

use base::Timestamp;
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::extension::{Extension, ExtensionState};
use super::http::Reply;
use crate::fault::push_json_text;
use crate::frame::FromRuntime;
use crate::spec::Invocation;

/// Gives the event that a client waits for; ends without one when there will be none.
pub(super) type Wait = oneshot::Receiver<Reply>;
pub(super) type Waiter = oneshot::Sender<Reply>;

/// The runtime's state, by the names of AWS's emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuntimeState {
    Started,
    InitError,
    Ready,
    Running,
    InvocationResponse,
    InvocationErrorResponse,
    ResponseSent,
    Restoring,
    RestoreError,
}

impl RuntimeState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::InitError => "InitError",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InvocationResponse => "InvocationResponse",
            Self::InvocationErrorResponse => "InvocationErrorResponse",
            Self::ResponseSent => "RuntimeResponseSentState",
            Self::Restoring => "Restoring",
            Self::RestoreError => "RestoreError",
        }
    }
}

/// A step that the present state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAllowed {
    pub(super) from: RuntimeState,
    pub(super) to: RuntimeState,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) runtime: RuntimeState,
    /// Whether the runtime uses this API; otherwise it only says by other means when it is done.
    speaks: bool,
    /// The runtime's requests for the next event, the longest waiting first.
    waiters: VecDeque<Waiter>,
    current: Option<Current>,
    pub(super) extensions: Vec<Extension>,
    /// The runtime is ready for the first time: no extension may register any more.
    pub(super) registration_closed: bool,
    /// Whether it has been told that all who were started have registered.
    registered_told: bool,
    /// Whether the end of the init has been told.
    init_told: bool,
    /// When the runtime was done at last.
    ready_at: Option<Instant>,
    /// When the programs were started.
    began: Instant,
}

/// The invocation that runs.
#[derive(Debug)]
struct Current {
    id: String,
    /// For a runtime that speaks here.
    event: Option<Reply>,
    /// The runtime has it.
    heard: bool,
}

impl State {
    pub(super) fn new(speaks: bool) -> Self {
        Self {
            runtime: RuntimeState::Started,
            speaks,
            waiters: VecDeque::new(),
            current: None,
            extensions: Vec::new(),
            registration_closed: false,
            registered_told: false,
            init_told: false,
            ready_at: None,
            began: Instant::now(),
        }
    }

    /// The runtime asks for the next event.
    pub(super) fn next(&mut self) -> Result<(Wait, Option<FromRuntime>), NotAllowed> {
        use RuntimeState as S;
        let (waiter, wait) = oneshot::channel();
        let from = self.runtime;
        match from {
            S::Started | S::Restoring | S::ResponseSent => {
                self.runtime = S::Ready;
                self.ready_at = Some(Instant::now());
                self.registration_closed = true;
            }
            // Asked again without an answer, or by another thread: the same event.
            S::Running | S::Ready => {}
            _ => return Err(NotAllowed { from, to: S::Ready }),
        }
        match &self.current {
            Some(Current { event: Some(event), .. }) if from == S::Running => {
                // Its client waits for it: it is there at once.
                let _ = waiter.send(event.clone());
            }
            Some(current) if !current.heard => self.hand_over(waiter),
            _ => {
                self.waiters.retain(|waiter| !waiter.is_closed());
                self.waiters.push_back(waiter);
            }
        }
        let event = if matches!(from, S::Running | S::Ready) { None } else { self.all_done() };
        Ok((wait, event))
    }

    fn hand_over(&mut self, waiter: Waiter) {
        let Some(current) = &mut self.current else { return };
        let Some(event) = &current.event else { return };
        if waiter.send(event.clone()).is_ok() {
            current.heard = true;
            self.runtime = RuntimeState::Running;
        }
    }

    /// What there is to tell when the runtime and every extension that was asked are done.
    pub(super) fn all_done(&mut self) -> Option<FromRuntime> {
        let extensions_done = self.extensions.iter().all(Extension::is_done);
        if self.runtime != RuntimeState::Ready || !extensions_done {
            return None;
        }
        if !self.init_told {
            self.init_told = true;
            let init_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            return Some(FromRuntime::Ready { max_rss_kib: 0, init_us });
        }
        self.current.as_ref().filter(|current| current.heard).map(|_| FromRuntime::Done)
    }

    /// What there is to tell when every extension that was started has registered.
    pub(super) fn all_registered(&mut self) -> Option<FromRuntime> {
        let mut external = self.extensions.iter().filter(|extension| extension.external).peekable();
        if self.registered_told || external.peek().is_none() {
            return None;
        }
        self.registered_told = external.all(|extension| extension.state != ExtensionState::Started);
        self.registered_told.then_some(FromRuntime::Registered)
    }

    pub(super) fn shut_down(&mut self, reason: &str, deadline: Timestamp) -> Vec<u32> {
        let deadline_ms = deadline.as_millis();
        let event = Bytes::from(format!(
            "{{\"eventType\":\"SHUTDOWN\",\"deadlineMs\":{deadline_ms},\"shutdownReason\":\"{reason}\"}}"
        ));
        let mut told = Vec::new();
        for (index, extension) in (1..).zip(&mut self.extensions) {
            if extension.external && extension.on_shutdown {
                extension.give(event.clone());
                told.push(index);
            }
        }
        told
    }

    pub(super) fn begin(&mut self, invocation: &Invocation, request_id: &str, deadline: Timestamp) {
        let deadline_ms = deadline.as_millis().to_string();
        for extension in self.extensions.iter_mut().filter(|extension| extension.wants_invocations()) {
            extension.give(invoke_event(invocation, request_id, &deadline_ms));
        }
        let event = self.speaks.then(|| runtime_event(invocation, request_id, &deadline_ms));
        self.current = Some(Current { id: request_id.to_owned(), event, heard: !self.speaks });
        if !self.speaks {
            self.runtime = RuntimeState::Running;
            return;
        }
        while self.runtime == RuntimeState::Ready
            && let Some(waiter) = self.waiters.pop_front()
        {
            self.hand_over(waiter);
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.heard)
    }

    /// For a runtime that speaks elsewhere: it is ready, or done. Whether everybody is.
    pub(super) fn note_runtime_done(&mut self) -> bool {
        self.runtime = RuntimeState::Ready;
        self.ready_at = Some(Instant::now());
        self.registration_closed = true;
        self.all_done().is_some()
    }

    /// Gives when the runtime was done.
    pub(super) fn finish(&mut self) -> Option<Instant> {
        self.current.take();
        self.ready_at.take()
    }

    /// Whether `id` is the invocation that runs.
    pub(super) fn is_current(&self, id: &str) -> bool {
        self.current.as_ref().is_some_and(|current| current.id == id)
    }

    /// The runtime begins to answer: `to` is one of the two kinds of answers.
    pub(super) fn answer(&mut self, to: RuntimeState) -> Result<(), NotAllowed> {
        self.step(RuntimeState::Running, to)
    }

    pub(super) fn answered(&mut self) {
        self.runtime = RuntimeState::ResponseSent;
    }

    pub(super) fn init_error(&mut self) -> Result<(), NotAllowed> {
        self.step(RuntimeState::Started, RuntimeState::InitError)
    }

    /// The runtime has nothing left to do before it could be restored. What is restored here was never taken away.
    pub(super) fn restore(&mut self) -> Result<(), NotAllowed> {
        self.step(RuntimeState::Started, RuntimeState::Restoring)
    }

    pub(super) fn restore_error(&mut self) -> Result<(), NotAllowed> {
        self.step(RuntimeState::Restoring, RuntimeState::RestoreError)
    }

    fn step(&mut self, from: RuntimeState, to: RuntimeState) -> Result<(), NotAllowed> {
        if self.runtime != from {
            return Err(NotAllowed { from: self.runtime, to });
        }
        self.runtime = to;
        Ok(())
    }
}

fn runtime_event(invocation: &Invocation, request_id: &str, deadline_ms: &str) -> Reply {
    let mut fields = vec![
        ("Content-Type", "application/json"),
        ("Lambda-Runtime-Aws-Request-Id", request_id),
        ("Lambda-Runtime-Deadline-Ms", deadline_ms),
        ("Lambda-Runtime-Invoked-Function-Arn", &invocation.function_arn),
        ("Lambda-Runtime-Trace-Id", &invocation.trace),
    ];
    if let Some(context) = &invocation.client_context {
        fields.push(("Lambda-Runtime-Client-Context", context));
    }
    Reply::new(200, &fields, invocation.payload.clone())
}

fn invoke_event(invocation: &Invocation, request_id: &str, deadline_ms: &str) -> Bytes {
    let mut out = String::with_capacity(256);
    write!(out, "{{\"eventType\":\"INVOKE\",\"deadlineMs\":{deadline_ms},\"requestId\":\"{request_id}\"")
        .expect("writing to a String cannot fail");
    out.push_str(",\"invokedFunctionArn\":");
    push_json_text(&mut out, &invocation.function_arn);
    out.push_str(",\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":");
    push_json_text(&mut out, &invocation.trace);
    out.push_str("}}");
    Bytes::from(out)
}
