//! The HTTP API inside an environment: Runtime API (2018-06-01) and Extensions API (2020-01-01), for one environment
//! alone. Facts: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. Knows no process and no jail.
//!
//! - `http` reads and writes the protocol, `connection` serves one client, `routes` knows the paths.
//! - `state` is what the runtime and the extensions of an environment are doing; it decides what each may do next.

mod connection;
mod delivery;
mod extension;
mod extension_routes;
mod http;
mod peer;
mod routes;
mod state;
mod telemetry;

use std::io;
use std::net::TcpListener as StdTcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Clock, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

pub(crate) use self::delivery::Road;
use self::extension::Extension;
pub(crate) use self::peer::Guests;
use self::state::State;
pub(crate) use self::telemetry::{Audience, Category, Telemetry};
use crate::config::SandboxConfig;
use crate::frame::FromRuntime;
use crate::platform;
use crate::spec::{FunctionSpec, Invocation};

/// Clients of one environment at a time; more wait until one has gone.
const CONNECTIONS_MAX: usize = 128;

/// Events that wait for the environment to hear them; a runtime that says more waits itself.
const EVENTS_MAX: usize = 16;

/// What an environment's API is used for.
#[derive(Debug)]
pub(crate) struct Role {
    /// The runtime itself uses it; otherwise only extensions do.
    pub(crate) speaks: bool,
    /// How subscribers to telemetry are reached.
    pub(crate) road: Road,
    pub(crate) guests: Guests,
}

/// One environment's API. Dropping it closes every connection.
#[derive(Debug)]
pub(crate) struct Api {
    shared: Arc<Shared>,
    events: mpsc::Receiver<FromRuntime>,
    server: JoinHandle<()>,
    address: String,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    spec: Arc<FunctionSpec>,
    response_bytes_max: usize,
    state: Mutex<State>,
    events: mpsc::Sender<FromRuntime>,
    telemetry: Arc<Telemetry>,
    clock: Clock,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the environment; waits while it has not heard what was said before.
    async fn tell(&self, event: Option<FromRuntime>) {
        if let Some(event) = event {
            // The environment that is gone wants to know nothing.
            let _ = self.events.send(event).await;
        }
    }
}

impl Api {
    /// Serves on `listener`, which only this environment's processes can reach.
    pub(crate) fn serve(
        listener: StdTcpListener,
        spec: Arc<FunctionSpec>,
        config: &SandboxConfig,
        role: Role,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        let listener = TcpListener::from_std(listener)?;
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let json = spec.env.iter().any(|(name, value)| name == "AWS_LAMBDA_LOG_FORMAT" && value == "JSON");
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(role.speaks)),
            telemetry: Arc::new(Telemetry::new(role.road, json, config.clock.clone())),
            response_bytes_max: config.response_bytes_max,
            clock: config.clock.clone(),
            events: sender,
            spec,
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared), role.guests));
        Ok(Self { shared, events, server, address })
    }

    /// As `AWS_LAMBDA_RUNTIME_API` has it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn telemetry(&self) -> &Arc<Telemetry> {
        &self.shared.telemetry
    }

    /// The environment is initialised: says what became of its extensions; nobody may subscribe any more.
    pub(crate) fn close_init(&self) {
        let now = self.shared.clock.now();
        if self.shared.telemetry.is_wanted() {
            for extension in &self.shared.lock().extensions {
                let (state, error) = (extension.state.name(), None);
                let said = platform::extension(now, &extension.name, state, &extension.events(), error);
                self.shared.telemetry.platform(Audience::Both, said);
            }
        }
        self.shared.telemetry.close();
    }

    pub(crate) async fn next(&mut self) -> FromRuntime {
        match self.events.recv().await {
            Some(event) => event,
            // Cannot be: `shared` holds a sender.
            None => std::future::pending().await,
        }
    }

    /// What has been said and not been heard yet.
    pub(crate) fn next_said(&mut self) -> Option<FromRuntime> {
        self.events.try_recv().ok()
    }

    /// Gives the event to the runtime (if it speaks here) and to the extensions that want it.
    pub(crate) fn invoke(&self, invocation: &Invocation, request_id: &str, deadline: Timestamp) {
        self.shared.lock().begin(invocation, request_id, deadline);
    }

    /// Whether the runtime has been sent the event.
    pub(crate) fn is_heard(&self) -> bool {
        self.shared.lock().is_heard()
    }

    /// A runtime that speaks elsewhere is ready, or done with the invocation: whether all the others are as well.
    pub(crate) fn note_runtime_done(&self) -> bool {
        self.shared.lock().note_runtime_done()
    }

    /// These extensions are started: the environment is told when all of them have registered.
    pub(crate) fn expect_extensions(&self, names: &[String]) {
        let mut state = self.shared.lock();
        state.extensions = names.iter().map(|name| Extension::new(name, true)).collect();
    }

    pub(crate) fn has_extensions(&self) -> bool {
        !self.shared.lock().extensions.is_empty()
    }

    /// Tells the extensions that want to know that the environment ends; gives the indexes of the external
    /// ones among them.
    pub(crate) fn shut_down(&self, reason: &str, deadline: Timestamp) -> Vec<u32> {
        self.shared.lock().shut_down(reason, deadline)
    }

    /// Nothing more may be said of the invocation.
    /// Gives when the runtime was done.
    pub(crate) fn finish(&self) -> Option<Instant> {
        self.shared.lock().finish()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Ends all connections when it is dropped.
async fn accept(listener: TcpListener, shared: Arc<Shared>, guests: Guests) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(receive(stream, Arc::clone(&shared), guests));
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection to the Runtime API failed");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn receive(stream: TcpStream, shared: Arc<Shared>, guests: Guests) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    if guests != Guests::All {
        let has = tokio::task::spawn_blocking(move || guests.has(peer, local)).await;
        if !has.unwrap_or(false) {
            tracing::warn!(%peer, function = shared.spec.name, "a stranger at an environment's Runtime API was turned away");
            return;
        }
    }
    connection::serve(stream, shared).await;
}
