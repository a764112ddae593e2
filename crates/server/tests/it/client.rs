//! A client that sends any bytes at all and reads answers by their length.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A hang is a failed test, not a stuck one.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.expect("the server listens"), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// The next answer; `None` when the server closed the connection instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let head_end = self.read_until(|read| find(read, b"\r\n\r\n").map(|at| at + 4)).await?;
        let head = String::from_utf8_lossy(&self.read[..head_end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status line");
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let end =
            self.read_until(|read| (read.len() >= head_end + length).then_some(head_end + length)).await?;
        answer.body = String::from_utf8_lossy(&self.read[head_end..end]).into_owned();
        self.read.drain(..end);
        Some(answer)
    }

    /// Reads until `text` was received.
    pub(crate) async fn expect_text(&mut self, text: &str) {
        let found = self.read_until(|read| find(read, text.as_bytes())).await;
        assert!(found.is_some(), "no {text:?} in {:?}", String::from_utf8_lossy(&self.read));
    }

    /// Returns when the server has closed the connection; what it said before is dropped.
    pub(crate) async fn closed(&mut self) {
        self.read_until(|_| None).await;
    }

    async fn read_until(&mut self, done: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        loop {
            if let Some(at) = done(&self.read) {
                return Some(at);
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
            match read.expect("the server answers or closes in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

/// One request on a connection of its own.
pub(crate) async fn ask(addr: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut client = Client::connect(addr).await;
    client.send(request).await;
    client.answer().await.expect("an answer")
}
