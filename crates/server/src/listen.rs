//! The socket: bind, accept up to the bound on connections, stop gracefully.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::trace::Recorder;
use base::{Clock, Limits, Wording};
use sigv4::Keys;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::backends::{Backends, BoxFuture};
use crate::body::Budget;
use crate::certificates::Certificates;
use crate::chain::Front;
use crate::connection;
use crate::crowd::Crowd;
use crate::metrics::Metrics;
use crate::pulse::Pulse;
use crate::tls::{self, Wire};
use crate::upgrade::Sockets;

/// How long a renewed certificate waits to be taken up.
const CERTIFICATES_REREAD: Duration = Duration::from_secs(3);

/// How long a connection that finds no room waits before others are closed for it.
const CROWD_RECOUNT: Duration = Duration::from_millis(50);

/// How many connections may wait to be accepted, if the kernel lets that many (`net.core.somaxconn`).
const WAITING_MAX: u32 = 4096;

#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub limits: Limits,
    pub wording: Wording,
    /// Who may sign. Signatures for stages and functions' URLs are verified if any keys are known.
    pub keys: Arc<Keys>,
    /// Whether calls of services must be signed.
    pub auth_required: bool,
    /// Names of this machine, besides those that everybody knows: a loopback server whose callers need not sign answers
    /// to no other.
    pub names: Vec<String>,
    /// With some the port speaks TLS too.
    pub certificates: Option<Arc<Certificates>>,
    /// Who is told what is done for requests.
    pub recorder: Recorder,
    /// Printed by the health answers.
    pub version: &'static str,
}

impl Default for ServerConfig {
    /// A free port of the loopback address: what tests want.
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 0).into(),
            limits: Limits::default(),
            wording: Wording::default(),
            keys: Arc::default(),
            auth_required: false,
            names: Vec::new(),
            certificates: None,
            recorder: Recorder::default(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    pub listen: SocketAddr,
    pub source: io::Error,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot listen on {}: {}", self.listen, self.source)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[derive(Debug)]
pub struct Server;

impl Server {
    /// Takes the address. From now on clients may connect; they are answered once [`Bound::serve`] runs.
    pub async fn bind(config: ServerConfig) -> Result<Bound, BindError> {
        let listen = config.listen;
        let listener = bind(listen).map_err(|source| BindError { listen, source })?;
        let addr = listener.local_addr().map_err(|source| BindError { listen, source })?;
        Ok(Bound { config, listener, addr })
    }
}

/// The standard library lets 128 wait to be accepted; the kernel drops who comes then, and they try again a second
/// later: a burst of some thousand connections took 20 seconds.
fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again finds connections of the one before on their way out.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(WAITING_MAX)
}

/// A listening socket that nobody serves yet.
#[derive(Debug)]
pub struct Bound {
    config: ServerConfig,
    listener: TcpListener,
    addr: SocketAddr,
}

impl Bound {
    /// With the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop`; then accepts no more, lets requests in flight finish within `Limits::stop_grace`,
    /// and drops what is left.
    pub fn serve(
        self,
        backends: Arc<dyn Backends>,
        clock: Clock,
        stop: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        Box::pin(self.accept_all(backends, clock, stop))
    }

    async fn accept_all(self, backends: Arc<dyn Backends>, clock: Clock, stop: CancellationToken) {
        let Self { config, listener, addr } = self;
        let grace = config.limits.stop_grace;
        let slots = Arc::new(Semaphore::new(config.limits.connections_max.min(Semaphore::MAX_PERMITS)));
        let builder = Arc::new(connection::builder(&config.limits));
        let connections = TaskTracker::new();
        let killed = CancellationToken::new();
        let sockets = Sockets::new(config.limits.websockets_max, connections.clone(), killed.clone());
        let bodies = Budget::new(config.limits.bodies_bytes_max);
        let front = Arc::new(Front {
            bodies,
            config,
            backends,
            metrics: Metrics::new(),
            started: clock.now(),
            clock,
            stop: stop.clone(),
            loopback: addr.ip().is_loopback(),
            sockets,
        });
        let watching =
            front.config.certificates.clone().map(|certificates| tokio::spawn(watch(certificates)));
        let crowd = Arc::new(Crowd::default());
        while let Some((permit, (stream, peer))) =
            next(&listener, &slots, &stop, || crowd.thin(&front.config.limits)).await
        {
            let (front, builder, killed) = (Arc::clone(&front), Arc::clone(&builder), killed.clone());
            let pulse = Pulse::new();
            let place = crowd.join(Arc::clone(&pulse));
            let number = place.number();
            let task = connections.spawn(async move {
                let _counted = (permit, front.metrics.connection(), place);
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%peer, %error, "TCP_NODELAY refused");
                }
                tokio::select! {
                    () = greet(front, builder, (stream, peer), pulse) => {}
                    () = killed.cancelled() => {}
                }
            });
            crowd.runs(number, task.abort_handle());
        }
        drop(listener);
        if let Some(watching) = watching {
            watching.abort();
        }
        connections.close();
        if tokio::time::timeout(grace, connections.wait()).await.is_err() {
            warn!(left = connections.len(), "requests did not finish in time and are dropped");
            killed.cancel();
            connections.wait().await;
        }
    }
}

/// Serves a connection once it is known whether it is encrypted.
async fn greet(
    front: Arc<Front>,
    builder: Arc<hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>>,
    (stream, peer): (TcpStream, SocketAddr),
    pulse: Arc<Pulse>,
) {
    let Some(certificates) = front.config.certificates.clone() else {
        return connection::serve(front, builder, (Wire::Plain(stream), None), peer, pulse).await;
    };
    // Boxed, so that it takes no room of the connection that it leads to.
    let accept = Box::pin(tls::accept(&certificates, stream));
    let greeting = tokio::select! {
        greeting = tokio::time::timeout(front.config.limits.head_timeout, accept) => greeting,
        () = front.stop.cancelled() => return,
    };
    match greeting {
        Ok(Ok(accepted)) => connection::serve(front, builder, accepted, peer, pulse).await,
        Ok(Err(error)) => debug!(%peer, %error, "no TLS came about"),
        Err(_) => debug!(%peer, "the handshake took too long"),
    }
}

/// Takes up certificates that were renewed. Each complaint is logged once for as long as it lasts.
async fn watch(certificates: Arc<Certificates>) {
    let mut told = Vec::new();
    loop {
        tokio::time::sleep(CERTIFICATES_REREAD).await;
        let certificates = Arc::clone(&certificates);
        let Ok(errors) = tokio::task::spawn_blocking(move || certificates.refresh()).await else { return };
        for error in errors.iter().filter(|error| !told.contains(*error)) {
            warn!(%error, "what was in use before stays so");
        }
        told = errors;
    }
}

/// The next connection, when there is room for one, which `make_room` is asked for while there is none; `None` once the
/// server stops.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
    make_room: impl Fn() -> usize,
) -> Option<(tokio::sync::OwnedSemaphorePermit, (TcpStream, SocketAddr))> {
    let accepting = async {
        let accepted = loop {
            match listener.accept().await {
                Ok(accepted) => break accepted,
                Err(error) => {
                    // Out of file descriptors, or a client that left already: the listener itself is sound.
                    warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        loop {
            match tokio::time::timeout(CROWD_RECOUNT, Arc::clone(slots).acquire_owned()).await {
                Ok(permit) => return Some((permit.ok()?, accepted)),
                Err(_) => {
                    let closed = make_room();
                    debug!(closed, "all connections are taken and another waits");
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        accepted = accepting => accepted,
    }
}
