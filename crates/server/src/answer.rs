//! Answers that the server itself gives, in the words and envelope that the caller's client can read, and the body
//! type of every answer. Knows no operation.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use base::RequestId;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio_util::sync::WaitForCancellationFutureOwned;
use wire::json::Writer;
use wire::{Cut, Pieces};

use crate::metrics::InFlight;
use crate::pulse::Busy;
use crate::upgrade::Accepted;

/// What an answer carries.
pub enum ReplyBody {
    Full(Bytes),
    /// Sent as it comes, to its end: a stop of the server waits for it as for every request.
    Stream(Pieces),
    /// Has no end of its own: ends when the sender is dropped or the server stops.
    Tail(mpsc::Receiver<Bytes>),
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Stream(_) => "Stream",
            Self::Tail(_) => "Tail",
        })
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Full(bytes)
    }
}

/// An answer on its way through the chain.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
    /// The connection is of no use after this answer.
    pub(crate) close: bool,
    /// What goes on when this answer was sent, on the same connection.
    pub(crate) accepted: Option<Accepted>,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: ReplyBody::Full(body.into()), close: false, accepted: None }
    }

    pub(crate) fn from_parts(status: u16, headers: HeaderMap, body: ReplyBody) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body, close: false, accepted: None }
    }

    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// How the client reads errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `__type` and `message`: DynamoDB, logs; also the form for whom nothing is known.
    Json,
    /// `x-amzn-ErrorType` and `message`: Lambda, API Gateway.
    Rest,
    /// `<ErrorResponse>`: the query protocol.
    Query,
    /// `<Error>`: S3.
    S3,
}

/// An error of the server's own.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    /// Without `Exception`.
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

impl Refusal<'_> {
    pub(crate) fn reply(&self, envelope: Envelope, id: RequestId) -> Reply {
        let Self { status, code, message } = *self;
        match envelope {
            Envelope::Json => Reply::new(status, "application/x-amz-json-1.0", self.json(true)),
            Envelope::Rest => {
                let mut reply = Reply::new(status, "application/json", self.json(false));
                if let Ok(value) = HeaderValue::from_str(&format!("{code}Exception")) {
                    reply.headers.insert("x-amzn-errortype", value);
                }
                reply
            }
            Envelope::Query => {
                let (code, message) = (xml_text(code), xml_text(message));
                let side = if status < 500 { "Sender" } else { "Receiver" };
                let body = format!(
                    "<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>{id}</RequestId></ErrorResponse>"
                );
                Reply::new(status, "text/xml", body)
            }
            Envelope::S3 => {
                let (code, message) = (xml_text(code), xml_text(message));
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                     <Message>{message}</Message><RequestId>{id}</RequestId></Error>"
                );
                Reply::new(status, "application/xml", body)
            }
        }
    }

    fn json(&self, typed: bool) -> Bytes {
        let mut json = Writer::new();
        json.begin_object();
        if typed {
            json.key("__type");
            json.string(&format!("com.amazon.coral.service#{}Exception", self.code));
        }
        json.key("message");
        json.string(self.message);
        json.end_object();
        json.into_bytes()
    }
}

fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A body as hyper sends it. The request counts as in progress until it is dropped.
pub(crate) struct Outgoing {
    content: Content,
    _busy: Busy,
    _in_flight: InFlight,
}

enum Content {
    Full(Bytes),
    Stream { pieces: Pieces, is_cut: bool },
    Tail { chunks: mpsc::Receiver<Bytes>, stop: Pin<Box<WaitForCancellationFutureOwned>> },
}

impl Outgoing {
    pub(crate) fn new(
        body: ReplyBody,
        stop: impl FnOnce() -> WaitForCancellationFutureOwned,
        busy: Busy,
        in_flight: InFlight,
    ) -> Self {
        let content = match body {
            ReplyBody::Full(bytes) => Content::Full(bytes),
            ReplyBody::Stream(pieces) => Content::Stream { pieces, is_cut: false },
            ReplyBody::Tail(chunks) => Content::Tail { chunks, stop: Box::pin(stop()) },
        };
        Self { content, _busy: busy, _in_flight: in_flight }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    /// Cuts the connection, so that the client sees that something is missing.
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.content {
            Content::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Stream { is_cut: true, .. } => Poll::Ready(Some(Err(Cut))),
            Content::Stream { pieces, is_cut } => match pieces.as_mut().poll_next(cx) {
                // What came before goes out first: hyper forgets what it holds of a body that breaks.
                Poll::Ready(Some(Err(Cut))) => {
                    *is_cut = true;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                other => other.map(|piece| piece.map(|piece| piece.map(Frame::data))),
            },
            Content::Tail { chunks, stop } => {
                if stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                chunks.poll_recv(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream { .. } | Content::Tail { .. } => SizeHint::default(),
        }
    }
}

/// Headers that hyper sets itself: a service's own would be doubled or wrong.
pub(crate) fn strip_framing(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, http::header::TRANSFER_ENCODING, http::header::CONNECTION] {
        headers.remove(name);
    }
}
