//! A request and an answer as plain data: what `server` hands to a service's dispatch and gets back.
//! Knows no socket.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

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

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into() }
    }

    /// Sets a header. A value that no header can carry (line breaks in an error's text) is left out.
    pub fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }
}
