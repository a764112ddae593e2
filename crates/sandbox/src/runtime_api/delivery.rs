//! Brings records to one subscriber inside the environment: over HTTP in batches, over TCP line by line. Knows no
//! subscription.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::time::Instant;

use super::telemetry::Queued;

/// A subscriber that takes this long is given up for the batch.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// How often a batch is tried.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// How a subscriber wants its records.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) destination: Destination,
    pub(super) items_max: usize,
    pub(super) bytes_max: usize,
    pub(super) timeout: Duration,
}

impl Default for Order {
    /// AWS's.
    fn default() -> Self {
        Self {
            destination: Destination::Tcp { port: 0 },
            items_max: 10_000,
            bytes_max: 262_144,
            timeout: Duration::from_secs(1),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Http { port: u16, host: String, path: String },
    Tcp { port: u16 },
}

/// How the ports of an environment are reached from here.
#[derive(Debug, Clone)]
pub(crate) enum Road {
    /// Its loopback is the host's.
    Host,
    /// It has a network of its own: by a socket that was made in it, used for one connection after another.
    Own(Arc<Mutex<OwnedFd>>),
    /// It has a network of its own, and there is no way into it.
    None,
}

impl Road {
    /// `socket`: made in the environment's own network.
    pub(crate) fn own(socket: Option<OwnedFd>) -> Self {
        socket.map_or(Self::None, |socket| Self::Own(Arc::new(Mutex::new(socket))))
    }
}

/// A connection; the socket is free for the next one when it is dropped.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    _borrowed: Option<OwnedMutexGuard<OwnedFd>>,
}

impl Road {
    async fn connect(&self, port: u16) -> io::Result<Connection> {
        let there = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match self {
            Self::Host => Ok(Connection { stream: TcpStream::connect(there).await?, _borrowed: None }),
            Self::Own(socket) => {
                let socket = Arc::clone(socket).lock_owned().await;
                // Whatever it was connected to before, it is no more.
                rustix::net::connect_unspec(socket.as_fd())?;
                match rustix::net::connect(socket.as_fd(), &there) {
                    Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
                    Err(error) => return Err(error.into()),
                }
                let stream = TcpStream::from_std(std::net::TcpStream::from(socket.try_clone()?))?;
                stream.writable().await?;
                if let Some(error) = stream.take_error()? {
                    return Err(error);
                }
                Ok(Connection { stream, _borrowed: Some(socket) })
            }
            Self::None => Err(io::ErrorKind::NetworkUnreachable.into()),
        }
    }
}

/// Delivers until there are no more records.
pub(super) async fn deliver(order: Order, road: Road, mut records: mpsc::Receiver<Queued>) {
    let mut batch = Vec::new();
    while let Some(first) = records.recv().await {
        let mut bytes = first.json.len();
        batch.push(first);
        let due = Instant::now() + order.timeout;
        while batch.len() < order.items_max && bytes < order.bytes_max {
            match tokio::time::timeout_at(due, records.recv()).await {
                Ok(Some(record)) => {
                    bytes += record.json.len();
                    batch.push(record);
                }
                Ok(None) | Err(_) => break,
            }
        }
        for attempt in 1..=TRIES {
            let sent = tokio::time::timeout(ANSWER_TIME, send(&order.destination, &road, &batch)).await;
            match sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(()) => break,
                Err(error) => tracing::debug!(%error, attempt, "telemetry was not delivered"),
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        batch.clear();
    }
}

async fn send(destination: &Destination, road: &Road, batch: &[Queued]) -> io::Result<()> {
    match destination {
        Destination::Http { port, host, path } => {
            let mut connection = road.connect(*port).await?;
            post(&mut connection.stream, host, path, batch).await
        }
        Destination::Tcp { port } => {
            let mut connection = road.connect(*port).await?;
            let mut lines = Vec::new();
            for record in batch {
                lines.extend_from_slice(&record.json);
                lines.push(b'\n');
            }
            connection.stream.write_all(&lines).await?;
            connection.stream.shutdown().await
        }
    }
}

/// A list of records in one request, on a connection of its own.
async fn post(stream: &mut TcpStream, host: &str, path: &str, batch: &[Queued]) -> io::Result<()> {
    let bytes: usize = batch.iter().map(|record| record.json.len() + 1).sum();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n[",
        bytes + 1
    )
    .into_bytes();
    for (at, record) in batch.iter().enumerate() {
        if at > 0 {
            request.push(b',');
        }
        request.extend_from_slice(&record.json);
    }
    request.push(b']');
    stream.write_all(&request).await?;
    let mut answer = Vec::new();
    // To its end: closing before would look like a failure to the other side.
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..3));
    if status == Some(b"2") { Ok(()) } else { Err(io::Error::other("the subscriber did not accept")) }
}
