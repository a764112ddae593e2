//! One client of the API: reads requests, sends answers, lets the client wait for an event. Knows no path.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Shared;
use super::http::{Body, BodyKind, Head, Piece, Reply};
use super::routes;
use super::state::Wait;

/// Bytes read at a time.
const PIECE: usize = 16 * 1024;

/// A body that nobody wants is read up to this size, so that the connection can go on; after it the connection ends.
const UNWANTED_BYTES_MAX: usize = 32 << 20;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    inbox: BytesMut,
    pub(super) shared: Arc<Shared>,
    /// Told once that a body is wanted.
    owes_continue: bool,
}

/// A body that was to be read whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Body(Bytes),
    TooLarge,
    /// The client went away before its end.
    Truncated,
}

pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // A wait for more to send would cost the other side its milliseconds.
    let _ = stream.set_nodelay(true);
    let inbox = BytesMut::with_capacity(PIECE);
    let mut connection = Connection { stream, inbox, shared, owes_continue: false };
    // What ends it is the client's doing, and is seen by the environment where it matters.
    let _ = connection.run().await;
}

impl Connection {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let Some(head) = self.read_head().await? else { return Ok(()) };
            self.owes_continue = head.expects_continue;
            let mut body = Body::new(head.body);
            match routes::answer(self, &head, &mut body).await? {
                routes::Answer::Now(reply) => {
                    let clean = self.skip(&mut body).await?;
                    self.send(&reply).await?;
                    if !clean {
                        return Ok(());
                    }
                }
                routes::Answer::Later(wait) => {
                    self.skip(&mut body).await?;
                    let Some(reply) = self.wait(wait).await? else { return Ok(()) };
                    self.send(&reply).await?;
                }
            }
            if head.closes {
                return Ok(());
            }
        }
    }

    async fn read_head(&mut self) -> io::Result<Option<Head>> {
        loop {
            match Head::parse(&mut self.inbox).map_err(|_| io::ErrorKind::InvalidData)? {
                Some(head) => return Ok(Some(head)),
                None if self.fill().await? => {}
                None => return Ok(None),
            }
        }
    }

    /// False at the end of the stream.
    async fn fill(&mut self) -> io::Result<bool> {
        self.inbox.reserve(PIECE);
        Ok(self.stream.read_buf(&mut self.inbox).await? > 0)
    }

    /// The next bytes of a body; `None` at its end. An error when the client goes away before that.
    pub(super) async fn read_piece(&mut self, body: &mut Body) -> io::Result<Option<Bytes>> {
        loop {
            match body.next(&mut self.inbox).map_err(|_| io::ErrorKind::InvalidData)? {
                Piece::Data(data) => return Ok(Some(data)),
                Piece::End => return Ok(None),
                Piece::NeedsMore => {
                    self.send_continue().await?;
                    if !self.fill().await? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    async fn send_continue(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.owes_continue) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        Ok(())
    }

    pub(super) async fn read_whole(&mut self, head: &Head, body: &mut Body, bytes_max: usize) -> Whole {
        let mut all = BytesMut::new();
        if let BodyKind::Length(len) = head.body {
            if len > bytes_max {
                return Whole::TooLarge;
            }
            // So that it is one piece, which needs no copy.
            while self.inbox.len() < len {
                self.inbox.reserve(len - self.inbox.len());
                if self.send_continue().await.is_err() || !self.fill().await.unwrap_or(false) {
                    return Whole::Truncated;
                }
            }
        }
        loop {
            match self.read_piece(body).await {
                Ok(Some(data)) if all.len() + data.len() > bytes_max => return Whole::TooLarge,
                Ok(Some(data)) if data.len() == content_length(head) => return Whole::Body(data),
                Ok(Some(data)) => all.extend_from_slice(&data),
                Ok(None) => return Whole::Body(all.freeze()),
                Err(_) => return Whole::Truncated,
            }
        }
    }

    /// Reads what is left of a body; false when it is too much.
    async fn skip(&mut self, body: &mut Body) -> io::Result<bool> {
        let mut skipped = 0;
        while let Some(data) = self.read_piece(body).await? {
            skipped += data.len();
            if skipped > UNWANTED_BYTES_MAX {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        self.stream.write_all(&reply.head).await?;
        if !reply.body.is_empty() {
            self.stream.write_all(&reply.body).await?;
        }
        Ok(())
    }

    /// Waits for the event; `None` when the client has gone, or there will be none.
    async fn wait(&mut self, wait: Wait) -> io::Result<Option<Reply>> {
        let mut first = [0];
        let gone = async {
            match self.stream.peek(&mut first).await {
                // The next request already: it waits for its turn, and its client's end is not seen meanwhile.
                Ok(1..) => std::future::pending().await,
                end => end,
            }
        };
        tokio::select! {
            biased;
            reply = wait => Ok(reply.ok()),
            end = gone => end.map(|_| None),
        }
    }
}

fn content_length(head: &Head) -> usize {
    match head.body {
        BodyKind::Length(len) => len,
        BodyKind::Chunked => usize::MAX,
    }
}
