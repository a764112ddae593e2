//! One connection to a backend, driven by whoever waits for its answer: it has no task of its own, so that an
//! exchange wakes nobody else. Knows no pool.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{BackendError, with_causes};

pub(super) type Connector = HttpsConnector<HttpConnector>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended. It is large, and moves between pool and answers.
    connection: Option<Box<Connection<Stream, Full<Bytes>>>>,
}

/// A request that got no answer.
pub(super) struct Unanswered {
    /// Nothing came from a connection that was there: it was closed meanwhile.
    pub(super) went_away: bool,
    /// The request, if not a byte of it was sent.
    pub(super) unsent: Option<Request<Full<Bytes>>>,
    pub(super) error: BackendError,
}

impl Link {
    pub(super) async fn open(mut connector: Connector, to: Uri) -> Result<Self, BackendError> {
        let stream = connector.call(to).await.map_err(|error| BackendError::Network(with_causes(&*error)))?;
        let (sender, connection) =
            http1::handshake(stream).await.map_err(|error| BackendError::Network(with_causes(&error)))?;
        Ok(Self { sender, connection: Some(Box::new(connection)) })
    }

    /// Goes on with the connection, whose next step wakes the task of `cx`.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            self.connection = None;
        }
    }

    /// Whether it is open and through with its last answer. Nobody is woken by what comes on it from here on.
    pub(super) fn rest(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }

    /// The head of the answer; its body comes with [`Link::poll_body`].
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let Self { sender, connection } = self;
        let mut answer = pin!(sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            if let Some(driven) = connection
                && Pin::new(driven).poll(cx).is_ready()
            {
                *connection = None;
            }
            // The connection alone makes answers, so that there is no need to be woken by one. An end is one too.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        answered.await.map_err(|mut failed| {
            let unsent = failed.take_message();
            let error = failed.into_error();
            Unanswered {
                went_away: closed(&error),
                unsent,
                error: BackendError::Network(with_causes(&error)),
            }
        })
    }

    /// What comes next of an answer's body.
    pub(super) fn poll_body(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // The body asks, the connection reads, and then the body has it: all of that may happen at once.
        for turn in 0..3 {
            if turn > 0 {
                self.drive(cx);
            }
            let waiting = &mut Context::from_waker(Waker::noop());
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(waiting) {
                return Poll::Ready(frame);
            }
        }
        Poll::Pending
    }
}

/// The connection ended without a byte of an answer.
fn closed(error: &hyper::Error) -> bool {
    let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let reset = io.is_some_and(|error| {
        matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)
    });
    error.is_incomplete_message() || error.is_canceled() || reset
}
