//! From a request to a WebSocket: the connection leaves the chain and its slot, and is served on by the session that the
//! backend gave. Knows the handshake's framing, no frames and no message.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::answer::Reply;
use crate::backends::{Session, Socket, SocketReply};
use crate::pulse::Observed;

/// The WebSockets of a server.
#[derive(Debug)]
pub(crate) struct Sockets {
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    killed: CancellationToken,
}

/// A session that waits for its socket.
pub(crate) struct Accepted {
    session: Session,
    slot: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accepted")
    }
}

impl Sockets {
    pub(crate) fn new(sockets_max: usize, tasks: TaskTracker, killed: CancellationToken) -> Self {
        Self { slots: Arc::new(Semaphore::new(sockets_max.min(Semaphore::MAX_PERMITS))), tasks, killed }
    }

    /// A place for one more, if there is one.
    pub(crate) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// Serves on, once the answer has gone.
    pub(crate) fn serve(&self, accepted: Accepted, upgrade: Option<OnUpgrade>) {
        let killed = self.killed.clone();
        self.tasks.spawn(async move {
            let Accepted { session, slot } = accepted;
            let socket = match upgrade {
                Some(upgrade) => upgrade.await.map(bare),
                None => return,
            };
            let socket = socket.inspect_err(|error| debug!(%error, "a WebSocket's client left")).ok();
            tokio::select! {
                () = session(socket) => {}
                () = killed.cancelled_owned() => {}
            }
            drop(slot);
        });
    }
}

/// Whether a request asks for a WebSocket.
pub(crate) fn is_wanted(head: &Parts) -> bool {
    let has = |name, token: &str| {
        let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|known| known.trim().eq_ignore_ascii_case(token))
    };
    head.version == Version::HTTP_11
        && head.method == Method::GET
        && has(UPGRADE, "websocket")
        && has(CONNECTION, "upgrade")
}

/// What hyper gives when the answer has gone.
pub(crate) fn wait_for(request: &mut Request<Incoming>) -> Option<OnUpgrade> {
    (request.version() == Version::HTTP_11 && request.headers().contains_key(UPGRADE))
        .then(|| hyper::upgrade::on(request))
}

pub(crate) fn reply(answer: SocketReply, slot: OwnedSemaphorePermit) -> Reply {
    match answer {
        SocketReply::Refused(reply) => Reply::from_parts(reply.status, reply.headers, reply.body),
        SocketReply::Accepted { headers, session } => {
            let mut reply = Reply::from_parts(101, headers, Bytes::new().into());
            reply.accepted = Some(Accepted { session, slot });
            reply
        }
    }
}

/// Headers without which the answer 101 is none.
pub(crate) fn set_headers(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// The bare socket, without hyper's buffers around it: an idle WebSocket holds nothing that it does not need.
fn bare(upgraded: Upgraded) -> (Box<dyn Socket>, Bytes) {
    match downcast::<TokioIo<Observed>>(upgraded) {
        Ok(parts) => (Box::new(parts.io.into_inner().stream), parts.read_buf),
        Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}
