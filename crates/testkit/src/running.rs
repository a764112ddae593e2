//! A server on a free port of the loopback address.

use std::net::SocketAddr;
use std::sync::Arc;

use base::{Clock, Limits};
use server::{Backends, Server, ServerConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server that answers from `backends`; it stops when this is dropped.
#[derive(Debug)]
pub struct Running<B> {
    pub addr: SocketAddr,
    pub backends: Arc<B>,
    /// Stops the server, as a signal would.
    pub stop: CancellationToken,
    /// Ends when the server has.
    pub ended: JoinHandle<()>,
}

impl<B: Backends> Running<B> {
    /// # Panics
    /// When there is no free port.
    pub async fn start(backends: B, limits: Limits) -> Self {
        Self::start_with(backends, ServerConfig { limits, ..ServerConfig::default() }).await
    }

    /// # Panics
    /// When there is no free port.
    pub async fn start_with(backends: B, config: ServerConfig) -> Self {
        let bound = Server::bind(config).await.expect("a free loopback port");
        let (addr, stop, backends) = (bound.addr(), CancellationToken::new(), Arc::new(backends));
        let ended = tokio::spawn(bound.serve(Arc::clone(&backends) as _, Clock::System, stop.clone()));
        Self { addr, backends, stop, ended }
    }
}

impl<B> Drop for Running<B> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
