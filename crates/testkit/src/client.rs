//! A client that sends any bytes at all and reads answers by their length. Knows no service.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A hang is a failed test, not a stuck one.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Client {
    /// # Panics
    /// As all of this client: when the server does not do what the test needs of it.
    pub async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.expect("the server listens"), read: Vec::new() }
    }

    /// Any bytes at all.
    ///
    /// # Panics
    /// When the server closes the connection meanwhile.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// The next answer; `None` when the server closed the connection instead.
    ///
    /// # Panics
    /// When neither comes within 20 seconds, or it is no HTTP.
    pub async fn answer(&mut self) -> Option<Answer> {
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
    ///
    /// # Panics
    /// When it does not come.
    pub async fn expect_text(&mut self, text: &str) {
        let found = self.read_until(|read| find(read, text.as_bytes())).await;
        assert!(found.is_some(), "no {text:?} in {:?}", String::from_utf8_lossy(&self.read));
    }

    /// Returns when the server has closed the connection; what it said before is dropped.
    pub async fn closed(&mut self) {
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
///
/// # Panics
/// When it is not answered.
pub async fn ask(addr: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut client = Client::connect(addr).await;
    client.send(request).await;
    client.answer().await.expect("an answer")
}
