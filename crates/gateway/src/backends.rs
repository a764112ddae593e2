//! The HTTP client behind every integration that calls a URL, and behind the key sets of issuers: one pool of
//! connections for all backends, https with the host's root certificates. Knows no API.

mod link;
mod pool;
mod tls;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use self::link::{Connector, Link, Unanswered};
use self::pool::{Place, Pool};
pub use self::tls::connector;
pub(crate) use self::tls::{Identity, Terms, Trust};
use crate::StageResponse;

/// Why a backend gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    /// It cannot be reached, or what it says is no HTTP.
    #[error("{0}")]
    Network(String),
    /// Its body breaks off, or is larger than may be.
    #[error("the backend's body: {0}")]
    Body(String),
}

/// The client.
#[derive(Default)]
pub(crate) struct Backends {
    /// Each is made when a backend is first called on its terms: who has no HTTP integration pays nothing for it.
    connectors: Mutex<HashMap<Terms, Connector>>,
    pool: Arc<Pool>,
}

/// Certificates come and go; what was made for them need not stay.
const CONNECTORS_MAX: usize = 64;

impl std::fmt::Debug for Backends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backends").finish_non_exhaustive()
    }
}

impl Backends {
    /// The document at `url`, if it is there and not larger than `bytes_max`: what issuers say of themselves.
    pub(crate) async fn get(&self, url: &str, bytes_max: usize) -> Result<Bytes, String> {
        let uri: Uri = url.parse().map_err(|error| format!("no URL: {error}"))?;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let response =
            self.exchange(request, &Terms::USUAL, bytes_max).await.map_err(|error| error.to_string())?;
        if response.status != 200 {
            return Err(format!("status {}", response.status));
        }
        Ok(response.body)
    }

    /// The whole answer to `request`. Redirects are answers.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        terms: &Terms,
        body_bytes_max: usize,
    ) -> Result<StageResponse, BackendError> {
        let (parts, body) = self.send(request, terms).await?.into_parts();
        let body = Limited::new(body, body_bytes_max).collect().await;
        let body = body.map_err(|error| BackendError::Body(error.to_string()))?.to_bytes();
        Ok(StageResponse::new(parts.status.as_u16(), parts.headers, body))
    }

    /// The answer to `request` as soon as its head is there, and its body as it comes.
    pub(crate) async fn open(
        &self,
        request: Request<Full<Bytes>>,
        terms: &Terms,
    ) -> Result<Response<Answer>, BackendError> {
        self.send(request, terms).await
    }

    /// A backend may close an idle connection in the moment in which it is used again. Then the request is sent
    /// once more, if nothing of it was sent or sending it twice means the same as sending it once.
    /// Source: <https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2>
    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        terms: &Terms,
    ) -> Result<Response<Answer>, BackendError> {
        let to = request.uri().clone();
        let place =
            Place::of(&to, terms).ok_or_else(|| BackendError::Network("the URL names no host".to_owned()))?;
        for_origin(&mut request);
        while let Some(link) = self.pool.take(&place) {
            let again = request.method().is_idempotent().then(|| request.clone());
            match self.ask(link, &place, request).await {
                Ok(response) => return Ok(response),
                Err(Unanswered { unsent: Some(unsent), .. }) => request = unsent,
                Err(Unanswered { went_away: true, error, .. }) => {
                    request = again.ok_or(error)?;
                    break;
                }
                Err(Unanswered { error, .. }) => return Err(error),
            }
        }
        let connector = self.connector(terms);
        // Rare, and its state would be a part of every answer's.
        let link = Box::pin(Link::open(connector, to)).await?;
        self.ask(link, &place, request).await.map_err(|unanswered| unanswered.error)
    }

    fn connector(&self, terms: &Terms) -> Connector {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = connectors.get(terms) {
            return made.clone();
        }
        if connectors.len() >= CONNECTORS_MAX {
            connectors.clear();
        }
        connectors.entry(terms.clone()).or_insert_with(|| tls::connector_on(terms)).clone()
    }

    async fn ask(
        &self,
        mut link: Link,
        place: &Place,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Answer>, Unanswered> {
        let (head, body) = link.send(request).await?.into_parts();
        let lent = Lent { link, place: place.clone(), pool: self.pool.clone() };
        Ok(Response::from_parts(head, Answer { body, lent: Some(lent) }))
    }
}

/// The body of a backend's answer. Whoever waits for it drives the connection.
pub(crate) struct Answer {
    body: Incoming,
    /// Until the body has ended.
    lent: Option<Lent>,
}

struct Lent {
    link: Link,
    place: Place,
    pool: Arc<Pool>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, lent } = self.get_mut();
        let Some(of) = lent else { return Poll::Ready(None) };
        let frame = ready!(of.link.poll_body(body, cx));
        if frame.is_none() {
            give_back(lent);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.lent.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is known to be at its end is not always asked for that.
impl Drop for Answer {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            give_back(&mut self.lent);
        }
    }
}

fn give_back(lent: &mut Option<Lent>) {
    if let Some(Lent { link, place, pool }) = lent.take() {
        pool.put(place, link);
    }
}

/// As a request goes to the server itself: the host in its header, path and query in its line.
/// Source: <https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1>
fn for_origin(request: &mut Request<Full<Bytes>>) {
    let uri = request.uri();
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = uri.host().unwrap_or_default();
    let host = match uri.port_u16().filter(|port| *port != usual) {
        Some(port) => HeaderValue::try_from(format!("{host}:{port}")),
        None => HeaderValue::try_from(host),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path.parse() } else { format!("/{path}").parse() };
    if let Ok(host) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    *request.uri_mut() = path.unwrap_or_default();
}

/// An error's own words say only which step failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text = format!("{text}: {found}");
        cause = found.source();
    }
    text
}
