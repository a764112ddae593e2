//! A request and an answer as plain data: what `server` hands to a service's dispatch and gets back.
//! Knows no socket.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

use crate::{Cut, Streamed};

/// A whole request, its body read.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// As received: percent-encoded, without the query.
    pub path: String,
    /// As received, without the question mark; empty if there is none.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer: whole, or the head of one whose body comes.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The body, where it is not known yet; `body` is empty then.
    pub stream: Option<Streamed<Result<Bytes, Cut>>>,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), stream: None }
    }

    /// Sets a header. A value that no header can carry (line breaks in an error's text) is left out.
    pub fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }
}
