//! The seam to everything behind the server. Implemented by `rushlight`'s wiring; one box a request.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use base::Cx;
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::Service;
use crate::answer::ReplyBody;
use wire::Spelling;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Chunks of newline-delimited JSON, until the sender ends it.
pub type TailStream = mpsc::Receiver<Bytes>;

/// What the server hands requests to.
pub trait Backends: Send + Sync + fmt::Debug + 'static {
    /// One operation of a control or data API, errors included in the answer.
    fn call<'a>(
        &'a self,
        service: Service,
        cx: &'a Cx,
        request: wire::Request,
    ) -> BoxFuture<'a, wire::Response>;

    /// Whether a host (`name[:port]`) is a custom domain: then what is sent to it is for a stage.
    fn has_domain<'a>(&'a self, host: &'a str) -> BoxFuture<'a, bool>;

    /// A request to a deployed stage.
    fn stage<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, StageReply>;

    /// A request to a deployed stage that asks for a WebSocket.
    fn websocket<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, SocketReply>;

    /// A request to a function's URL.
    fn function_url<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, StageReply>;

    /// The log lines of `group` (of all groups when empty) from now on.
    fn tail(&self, cx: &Cx, group: &str) -> TailStream;

    /// What is done for requests from now on, of the resource that the query may name; none if it is not recorded.
    fn trace_tail(&self, cx: &Cx, query: &str) -> Option<TailStream>;

    /// What else is under `/_rushlight/` and `/_console/`; `None` if there is no such thing.
    fn resource<'a>(&'a self, cx: &'a Cx, request: wire::Request) -> BoxFuture<'a, Option<wire::Response>>;

    /// For the health answers.
    fn engine(&self) -> Engine;

    /// Whether what is kept can be read now.
    fn is_well(&self) -> BoxFuture<'_, bool>;
}

/// What stands behind the server, as health answers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// `memory`, `local`, ...
    pub store: &'static str,
    /// Services that answer.
    pub services: Vec<Service>,
}

/// A request to a stage URL or a function's URL, as it came.
#[derive(Debug, Clone)]
pub struct StageCall {
    pub method: Method,
    /// `host[:port]`, empty if the request named none. It may name the API or function.
    pub host: String,
    /// Whole and percent-encoded.
    pub path: String,
    /// Raw, without the question mark.
    pub query: String,
    /// Names in order of arrival, every value of a repeated name in order.
    pub headers: HeaderMap,
    /// How the client wrote their names.
    pub spelling: Spelling,
    pub body: Bytes,
    pub source_ip: IpAddr,
    /// Who signed it: verified, if keys are known.
    pub signature: sigv4::Signature,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: &'static str,
    /// It came by TLS.
    pub secure: bool,
    /// The client's, in DER, verified; where the name it called has a truststore.
    pub client_certificate: Option<Bytes>,
}

/// A stage's or function's answer.
#[derive(Debug)]
pub struct StageReply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: ReplyBody,
}

/// What carries the frames of a WebSocket.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// The answer to who asks for a WebSocket.
pub enum SocketReply {
    Refused(StageReply),
    /// The headers of the answer 101, and what goes on behind it.
    Accepted {
        headers: HeaderMap,
        session: Session,
    },
}

/// Runs a WebSocket to its end. It is given the socket and what came behind the handshake already; none if the client
/// left before it was answered.
pub type Session = Box<dyn FnOnce(Option<(Box<dyn Socket>, Bytes)>) -> BoxFuture<'static, ()> + Send>;

impl fmt::Debug for SocketReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reply) => f.debug_tuple("Refused").field(reply).finish(),
            Self::Accepted { headers, .. } => f.debug_tuple("Accepted").field(headers).finish(),
        }
    }
}
