//! The least HTTP/1.1 client that measures a server and not itself: one connection, whole requests as bytes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use base64::Engine;
use memchr::memmem;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer's status; its body is in the connection's buffer until the next call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    body_start: usize,
    end: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Sends a whole request and reads its whole answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(answer) = whole(&self.buffer)? {
                return Ok(answer);
            }
        }
    }

    pub(crate) fn body(&self, answer: Answer) -> &[u8] {
        &self.buffer[answer.body_start..answer.end]
    }
}

/// The answer at the front of `bytes`, once all of it is there.
fn whole(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(head_end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_end])?;
    let status = head.get(9..12).context("no status line")?.parse()?;
    let body_start = head_end + 4;
    let mut end = Some(body_start);
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            end = Some(body_start + value.trim().parse::<usize>()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            end = chunks_end(bytes, body_start)?;
        }
    }
    Ok(end.filter(|end| bytes.len() >= *end).map(|end| Answer { status, body_start, end }))
}

/// Where a body in chunks ends, once its last one is there. Of ours none is; what others send is counted, not read.
fn chunks_end(bytes: &[u8], mut at: usize) -> Result<Option<usize>> {
    while let Some(line) = bytes.get(at..).and_then(|rest| memmem::find(rest, b"\r\n")) {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..at + line])?, 16)?;
        at += line + 2 + size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// A POST of awsJson 1.0 with the headers that an SDK sends.
pub(crate) fn aws_json(target: &str, body: &str) -> Vec<u8> {
    let service = target.split('_').next().unwrap_or_default().to_lowercase();
    format!(
        "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: {target}\r\n\
         x-amz-date: 20260101T000000Z\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n{body}",
        authorization(&service),
        body.len()
    )
    .into_bytes()
}

/// A restJson request signed for `service`.
pub(crate) fn rest(service: &str, method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         x-amz-date: 20260101T000000Z\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n{body}",
        authorization(service),
        body.len()
    )
    .into_bytes()
}

/// A request as a browser or Express sends it, unsigned.
pub(crate) fn plain(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={}",
        "0".repeat(64)
    )
}

/// A set-up call: JSON in, JSON out, any status but success an error.
pub(crate) async fn set_up(address: SocketAddr, request: &[u8]) -> Result<Value> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.call(request).await?;
    let body = connection.body(answer);
    if !(200..300).contains(&answer.status) {
        bail!("set-up failed with {}: {}", answer.status, String::from_utf8_lossy(body));
    }
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(body)? })
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
