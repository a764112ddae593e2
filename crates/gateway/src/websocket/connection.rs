//! One open WebSocket: what it says is taken to the phases, what is said to it is written, until one side ends it, it is
//! silent for too long or it is too old. Idle, it holds a socket, a timer and who is at its other end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::ready;
use std::time::Duration;

use base::{Limits, Timestamp};
use bytes::Bytes;
use ports::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::Gateway;
use crate::websocket::context::Peer;
use crate::websocket::frame::{Bounds, Close, Decoder, Event, close_frame, pong_frame, text_frames};
use crate::websocket::phases;

/// What carries the frames.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Runs a WebSocket to its end. It is given the stream and what came behind the handshake already; none if the client
/// left before it was answered.
pub type Session = Box<dyn FnOnce(Option<(Box<dyn ByteStream>, Bytes)>) -> BoxFuture<'static, ()> + Send>;

/// Messages of a connection that are worked on at a time; further ones wait in its socket.
const MESSAGES_AT_A_TIME: usize = 32;
/// After the last frame, for the client to read it and close.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: Peer,
    /// None once nothing can be said any more.
    writer: Mutex<Option<WriteHalf<Box<dyn ByteStream>>>>,
    active_ms: AtomicI64,
    /// With what somebody here ends it.
    end: OnceLock<Close>,
    ended: Notify,
    room: Arc<Semaphore>,
}

impl std::fmt::Debug for dyn ByteStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByteStream")
    }
}

/// The client cannot be reached any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// How a connection ended.
#[derive(Debug)]
enum Ending {
    /// The client said goodbye.
    Client(Option<Close>),
    Here(Close),
    Broken,
}

type Reader = ReadHalf<Box<dyn ByteStream>>;

impl Connection {
    fn new(peer: Peer, writer: WriteHalf<Box<dyn ByteStream>>) -> Self {
        Self {
            active_ms: AtomicI64::new(peer.connected.as_millis()),
            peer,
            writer: Mutex::new(Some(writer)),
            end: OnceLock::new(),
            ended: Notify::new(),
            room: Arc::new(Semaphore::new(MESSAGES_AT_A_TIME)),
        }
    }

    pub(crate) fn last_active(&self) -> Timestamp {
        Timestamp(self.active_ms.load(Ordering::Relaxed))
    }

    fn touch(&self, now: Timestamp) {
        self.active_ms.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    /// When it has been silent or open for too long, if nothing happens until then.
    fn deadline(&self, limits: &Limits) -> Timestamp {
        let idle = self.last_active().plus(limits.websocket_idle);
        idle.min(self.peer.connected.plus(limits.websocket_life))
    }

    /// Says `text` to the client.
    pub(crate) async fn say(&self, gateway: &Gateway, text: &str) -> Result<(), Gone> {
        let frames = text_frames(text, gateway.limits.websocket_frame_bytes_max);
        self.write(&frames, gateway.limits.body_idle_timeout).await?;
        self.touch(gateway.clock.now());
        Ok(())
    }

    /// A client that does not read for `patience` is given up.
    async fn write(&self, frames: &[u8], patience: Duration) -> Result<(), Gone> {
        let mut place = self.writer.lock().await;
        let Some(writer) = place.as_mut() else { return Err(Gone) };
        let work = async {
            writer.write_all(frames).await?;
            writer.flush().await
        };
        if let Ok(Ok(())) = tokio::time::timeout(patience, work).await {
            return Ok(());
        }
        *place = None;
        self.hang_up(Close::abnormal());
        Err(Gone)
    }

    /// Ends it from here; who comes first says with what.
    pub(crate) fn hang_up(&self, close: Close) {
        if self.end.set(close).is_ok() {
            self.ended.notify_one();
        }
    }

    async fn hung_up(&self) -> Close {
        loop {
            if let Some(close) = self.end.get() {
                return close.clone();
            }
            self.ended.notified().await;
        }
    }
}

const NO_STATUS_REASON: &str = "Client-side close frame status not set";

impl Ending {
    /// What `$disconnect` is told.
    fn told(&self) -> Close {
        match self {
            Self::Client(Some(close)) | Self::Here(close) => close.clone(),
            Self::Client(None) => Close::new(Close::NO_STATUS, NO_STATUS_REASON),
            Self::Broken => Close::abnormal(),
        }
    }
}

/// Serves a connection that was accepted, to its end.
pub(crate) async fn run(gateway: Arc<Gateway>, peer: Peer, stream: Box<dyn ByteStream>, early: Bytes) {
    let (mut reader, writer) = tokio::io::split(stream);
    let connection = Arc::new(Connection::new(peer, writer));
    // Boxed, as what is done at the end: what is done once is not held by every open connection.
    let ending = match Box::pin(gateway.connections.enter(&gateway, &connection)).await {
        Ok(()) => listen(&gateway, &connection, &mut reader, early).await,
        Err(close) => Ending::Here(close),
    };
    Box::pin(async move {
        gateway.connections.leave(&connection).await;
        let told = ending.told();
        tokio::join!(
            part(&gateway, &connection, reader, ending),
            phases::disconnect(&gateway, &connection.peer, &told)
        );
    })
    .await;
}

async fn listen(
    gateway: &Arc<Gateway>,
    connection: &Arc<Connection>,
    reader: &mut Reader,
    early: Bytes,
) -> Ending {
    let mut decoder = Decoder::default();
    decoder.push(&early);
    drop(early);
    loop {
        if let Some(ending) = take_events(gateway, connection, &mut decoder).await {
            return ending;
        }
        let deadline = connection.deadline(&gateway.limits);
        tokio::select! {
            read = read_some(reader, &mut decoder) => match read {
                Ok(0) | Err(_) => return Ending::Broken,
                Ok(_) => {}
            },
            close = connection.hung_up() => return Ending::Here(close),
            () = gateway.clock.sleep_until(deadline) => {
                if gateway.clock.now() >= connection.deadline(&gateway.limits) {
                    return Ending::Here(Close::going_away());
                }
            }
        }
    }
}

/// Reads what is there into the decoder. The buffer lives while something is read, not while nothing comes.
async fn read_some(reader: &mut Reader, decoder: &mut Decoder) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut bytes = [0; 8 << 10];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *reader).poll_read(cx, &mut buffer))?;
        decoder.push(buffer.filled());
        Ok(buffer.filled().len()).into()
    })
    .await
}

/// Does what the events that are there whole ask for.
async fn take_events(
    gateway: &Arc<Gateway>,
    connection: &Arc<Connection>,
    decoder: &mut Decoder,
) -> Option<Ending> {
    let limits = &gateway.limits;
    let bounds = Bounds {
        frame_bytes_max: limits.websocket_frame_bytes_max,
        message_bytes_max: limits.websocket_message_bytes_max,
    };
    loop {
        let event = match decoder.next(bounds) {
            Ok(Some(event)) => event,
            Ok(None) => return None,
            Err(close) => return Some(Ending::Here(close)),
        };
        connection.touch(gateway.clock.now());
        match event {
            Event::Text(text) => {
                let room = Arc::clone(&connection.room);
                let permit = tokio::select! {
                    permit = room.acquire_owned() => permit.ok()?,
                    close = connection.hung_up() => return Some(Ending::Here(close)),
                };
                let (gateway, connection) = (Arc::clone(gateway), Arc::clone(connection));
                tokio::spawn(async move {
                    phases::message(&gateway, &connection, &text).await;
                    drop(permit);
                });
            }
            Event::Ping(content) => {
                if connection.write(&pong_frame(&content), limits.body_idle_timeout).await.is_err() {
                    return Some(Ending::Broken);
                }
            }
            Event::Pong => {}
            Event::Close(close) => return Some(Ending::Client(close)),
        }
    }
}

/// The last frame; then waits a moment for the client to go, which else may not see that frame.
async fn part(gateway: &Gateway, connection: &Connection, mut reader: Reader, ending: Ending) {
    let close = match &ending {
        Ending::Client(close) => close.as_ref(),
        Ending::Here(close) => Some(close),
        Ending::Broken => return drop(connection.writer.lock().await.take()),
    };
    let patience = gateway.limits.body_idle_timeout.min(LINGER);
    let last = connection.write(&close_frame(close), patience).await;
    let Some(mut writer) = connection.writer.lock().await.take() else { return };
    if last.is_err() || writer.shutdown().await.is_err() {
        return;
    }
    let gone = async {
        let mut rest = Decoder::default();
        while read_some(&mut reader, &mut rest).await.is_ok_and(|read| read > 0) {
            rest = Decoder::default();
        }
    };
    // Whether it went or not, the connection is dropped now.
    _ = tokio::time::timeout(LINGER, gone).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand idle connections are to fit into less than 200 MB, of which the future is one part.
    #[test]
    fn an_open_connection_is_small() {
        fn size_of_run<F: Future>(_: impl Fn(Arc<Gateway>, Peer, Box<dyn ByteStream>, Bytes) -> F) -> usize {
            size_of::<F>()
        }
        let (future, kept) = (size_of_run(run), size_of::<Connection>());
        assert!(future <= 2048, "the future has {future} bytes");
        assert!(kept <= 512, "the connection has {kept} bytes");
    }
}
