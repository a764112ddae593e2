//! One extension of an environment: what it registered for and what it is doing.

use base::random_hex;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::http::Reply;
use super::state::{Wait, Waiter};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtensionState {
    Started,
    Registered,
    Ready,
    Running,
    InitError,
    ExitError,
}

impl ExtensionState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InitError => "InitError",
            Self::ExitError => "ExitError",
        }
    }
}

#[derive(Debug)]
pub(super) struct Extension {
    pub(super) name: String,
    /// As the extension names itself in each request: a UUID.
    pub(super) id: String,
    /// A process of its own, started from /opt/extensions; otherwise a part of the runtime's.
    pub(super) external: bool,
    pub(super) state: ExtensionState,
    pub(super) on_invoke: bool,
    pub(super) on_shutdown: bool,
    waiter: Option<Waiter>,
    /// An event that came while nobody waited.
    pending: Option<Reply>,
}

impl Extension {
    pub(super) fn new(name: &str, external: bool) -> Self {
        let hex = random_hex(32);
        Self {
            name: name.to_owned(),
            id: format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]),
            external,
            state: ExtensionState::Started,
            on_invoke: false,
            on_shutdown: false,
            waiter: None,
            pending: None,
        }
    }

    /// What it registered for.
    pub(super) fn events(&self) -> Vec<&'static str> {
        let all = [(self.on_invoke, "INVOKE"), (self.on_shutdown, "SHUTDOWN")];
        all.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect()
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == ExtensionState::Ready
    }

    pub(super) fn wants_invocations(&self) -> bool {
        self.on_invoke && self.state == ExtensionState::Ready
    }

    /// Asks for the next event.
    pub(super) fn next(&mut self) -> Result<Wait, ExtensionState> {
        match self.state {
            ExtensionState::Registered | ExtensionState::Running | ExtensionState::Ready => {}
            other => return Err(other),
        }
        self.state = ExtensionState::Ready;
        let (waiter, wait) = oneshot::channel();
        self.waiter = Some(waiter);
        if let Some(event) = self.pending.take() {
            self.send(event);
        }
        Ok(wait)
    }

    /// Gives it an event, now or when it asks.
    pub(super) fn give(&mut self, event: Bytes) {
        let identifier = Self::new("", false).id;
        let fields =
            [("Content-Type", "application/json"), ("Lambda-Extension-Event-Identifier", &identifier)];
        self.send(Reply::new(200, &fields, event));
    }

    fn send(&mut self, event: Reply) {
        self.state = ExtensionState::Running;
        let unsent = match self.waiter.take() {
            Some(waiter) => waiter.send(event).err(),
            None => Some(event),
        };
        self.pending = unsent;
    }
}
