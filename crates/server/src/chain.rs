//! The chain: what happens to a request, in order. Read [`Front::steps`] as the table of contents.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use base::trace::{Span, SpanKind};
use base::{Clock, Cx, RequestId, Timestamp, Trace};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, Version};
use hyper::body::Incoming;
use sigv4::{Credential, Signature, SignatureError, Signed};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use crate::answer::{Envelope, Outgoing, Refusal, Reply, ReplyBody, strip_framing};
use crate::backends::{Backends, StageCall};
use crate::body::{self, BodyError, Bounds, Budget, Held};
use crate::caller::{self, Claim};
use crate::listen::ServerConfig;
use crate::metrics::Metrics;
use crate::origin::{self, Admission};
use crate::pulse::{self, Busy};
use crate::route::{self, Head, OwnPath, Route};
use crate::tls::{self, Secured};
use crate::upgrade::{self, Sockets};
use crate::{Service, observed, operation, own, refusal};
use wire::Spelling;

/// AWS's own bound on a DynamoDB request.
const DYNAMODB_BODY_BYTES_MAX: usize = 16 << 20;

/// All that the chain needs, shared by every connection.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) config: ServerConfig,
    pub(crate) backends: Arc<dyn Backends>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) stop: CancellationToken,
    pub(crate) loopback: bool,
    pub(crate) sockets: Sockets,
    pub(crate) bodies: Budget,
}

/// One request on its way: what is known of it, for the answer's headers, metrics and access log.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) id: RequestId,
    pub(crate) peer: SocketAddr,
    pub(crate) envelope: Envelope,
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    spelling: Spelling,
    secured: Option<Secured>,
    /// The record of it, if it has one.
    span: Option<Span>,
}

/// A whole request, and who signed it.
struct Arrived {
    head: Parts,
    body: Bytes,
    signature: Signature,
}

/// Who sent a request, and how it wrote it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) peer: SocketAddr,
    pub(crate) head: pulse::Head,
    /// None of who came in the clear.
    pub(crate) secured: Option<Secured>,
}

/// An answer that ends the chain early.
type Refused = Box<Reply>;

impl Front {
    /// The steps of a request.
    async fn steps(&self, exchange: &mut Exchange, head: Parts, body: Incoming) -> Result<Reply, Refused> {
        let is_domain = route::may_be_domain(host(&head)) && self.backends.has_domain(host(&head)).await;
        let (route, cx) = self.identify(exchange, &head, is_domain)?;
        self.demand_certificate(exchange, &route, host(&head))?;
        let page = self.admit_page(exchange, &route, &head)?;
        let mut held = self.bodies.hold();
        let body = self.read_body(exchange, &route, body, &mut held).await?;
        let route = settle_form(exchange, route, &head, &body)?;
        let signature = self.verify(exchange, &route, &head, &body)?;
        let arrived = Arrived { head, body, signature };
        let reply = self.dispatch(exchange, route, &cx, arrived).await;
        Ok(allow_page(reply, page))
    }

    /// Answers one request: the steps, guarded against panics, and around them what every answer gets.
    pub(crate) async fn answer(
        &self,
        Client { peer, head: sent, secured }: Client,
        mut request: Request<Incoming>,
        busy: Busy,
    ) -> Response<Outgoing> {
        let begun = Instant::now();
        let in_flight = self.metrics.request();
        let id = RequestId::random();
        let mut exchange = Exchange {
            id,
            peer,
            envelope: Envelope::Json,
            service: "none",
            operation: "unknown",
            spelling: Spelling::default(),
            secured,
            span: None,
        };
        let is_ambiguous = request.version() < Version::HTTP_2 && sent.has_bare_line_feeds();
        exchange.spelling = sent.into_spelling();
        let socket = upgrade::wait_for(&mut request);
        let (head, body) = request.into_parts();
        let line = AccessLine::of(&head);

        let steps = async {
            match is_ambiguous {
                true => Err(Box::new(refusal::bare_line_feed(&exchange))),
                false => self.steps(&mut exchange, head, body).await,
            }
        };
        let mut reply = match AssertUnwindSafe(steps).catch_unwind().await {
            Ok(Ok(reply)) => reply,
            Ok(Err(refused)) => *refused,
            Err(_) => self.panicked(&exchange),
        };

        self.finish(&mut reply, &exchange);
        if let Some(accepted) = reply.accepted.take() {
            upgrade::set_headers(&mut reply.headers);
            self.sockets.serve(accepted, socket);
        }
        if let Some(span) = exchange.span.take() {
            observed::ended(&span, &exchange, &reply);
        }
        let (status, took) = (reply.status.as_u16(), begun.elapsed());
        self.metrics.count(exchange.service, exchange.operation, status, took);
        line.log(&exchange, status, took);
        let mut response =
            Response::new(Outgoing::new(reply.body, || self.stop.clone().cancelled_owned(), busy, in_flight));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    /// For whom, and who calls. `is_domain`: the host is a custom domain.
    fn identify(
        &self,
        exchange: &mut Exchange,
        head: &Parts,
        is_domain: bool,
    ) -> Result<(Route, Cx), Refused> {
        let (host, query) = (host(head), head.uri.query().unwrap_or_default());
        let signature = sigv4::parse(&head.headers, query);
        let credential = signature.as_ref().ok().and_then(Option::as_ref);
        let route = match is_domain {
            true => Route::Stage,
            false => route::find(&routing_head(head, host, credential)),
        };
        exchange.service = route.name();
        exchange.envelope = route.envelope(is_form(head));
        let claim = Claim {
            id: exchange.id,
            now: self.clock.now(),
            host,
            secure: exchange.secured.is_some(),
            source_ip: exchange.peer.ip(),
            headers: &head.headers,
            credential,
            keys: &self.config.keys,
            wording: self.config.wording,
        };
        let mut cx = caller::identify(&claim);
        if observed::is_wanted(&route, &head.headers) {
            let span = self.config.recorder.begin(&cx.trace, claim.now, (SpanKind::Request, route.name()));
            cx.trace = Trace::clone(&span);
            observed::began(&cx, &route, head);
            exchange.span = Some(span);
        }
        match signature {
            // A stage's own authorizers read the header as they like, and so do functions behind a URL.
            Err(error) if !matches!(route, Route::Stage | Route::FunctionUrl | Route::Own(_)) => {
                Err(Box::new(refusal::signature(exchange, &error)))
            }
            _ => Ok((route, cx)),
        }
    }

    /// Who asks for a host with a truststore has shown a certificate to it: not to another name, and not in the clear.
    fn demand_certificate(&self, exchange: &Exchange, route: &Route, host: &str) -> Result<(), Refused> {
        let certificates = self.config.certificates.as_ref();
        if !certificates.is_some_and(|certificates| certificates.demands_of(tls::name_of(host))) {
            return Ok(());
        }
        match exchange.secured.as_ref().and_then(|secured| secured.certificate_for(host)) {
            Some(_) => Ok(()),
            None => Err(Box::new(refusal::uncertified(exchange, route, host))),
        }
    }

    /// Web pages: preflights are answered here, foreign pages are turned away.
    fn admit_page(
        &self,
        exchange: &Exchange,
        route: &Route,
        head: &Parts,
    ) -> Result<Option<HeaderValue>, Refused> {
        if matches!(route, Route::Stage | Route::FunctionUrl) {
            return Ok(None);
        }
        // Who came by TLS has been shown a certificate for the name.
        let is_open = self.loopback && !self.config.auth_required && exchange.secured.is_none();
        if is_open && origin::may_be_rebound(host(head), &self.config.names) {
            return Err(Box::new(refusal::foreign_name(exchange, host(head))));
        }
        match origin::admit(&head.headers, host(head), self.loopback) {
            Admission::NoPage => Ok(None),
            Admission::Foreign(origin) => Err(Box::new(refusal::foreign_page(exchange, &origin))),
            Admission::Welcome(origin) if origin::is_preflight(&head.method, &head.headers) => {
                Err(Box::new(origin::preflight(&origin, &head.headers)))
            }
            Admission::Welcome(origin) => Ok(Some(origin)),
        }
    }

    async fn read_body(
        &self,
        exchange: &Exchange,
        route: &Route,
        body: Incoming,
        held: &mut Held<'_>,
    ) -> Result<Bytes, Refused> {
        let limits = &self.config.limits;
        let bytes_max = match route {
            Route::Stage => limits.gateway_body_bytes_max,
            Route::FunctionUrl => limits.invoke_sync_bytes_max,
            Route::Service(Service::DynamoDb | Service::DynamoDbStreams) => {
                DYNAMODB_BODY_BYTES_MAX.min(limits.body_bytes_max)
            }
            Route::Service(Service::Lambda | Service::ApiGateway | Service::ApiGatewayV2) => {
                limits.body_bytes_max
            }
            _ => (1 << 20).min(limits.body_bytes_max),
        };
        let bounds = Bounds { bytes_max, idle: limits.body_idle_timeout };
        let read = body::collect(body, bounds, held).await;
        read.map_err(|error: BodyError| Box::new(refusal::body(exchange, route, &error)))
    }

    /// Who signed the request. Calls of services are refused here if they must be signed; a stage or a function decides
    /// for itself what a signature means to it.
    fn verify(
        &self,
        exchange: &Exchange,
        route: &Route,
        head: &Parts,
        body: &[u8],
    ) -> Result<Signature, Refused> {
        let is_required = match route {
            Route::Stage | Route::FunctionUrl => false,
            Route::Service(_)
            | Route::Own(OwnPath::Metrics | OwnPath::LogsTail | OwnPath::TracesTail | OwnPath::Records)
                if self.config.auth_required =>
            {
                true
            }
            // What is under the other paths of our own is for everybody, or has a name that only those know who were told.
            _ => return Ok(Ok(None)),
        };
        let signed = Signed {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            host: host(head),
            headers: &head.headers,
            body,
        };
        let refused = match self.config.keys.signature(&signed, self.clock.now()) {
            Ok(None) if is_required => SignatureError::Missing,
            Err(error) if is_required => error,
            signature => return Ok(signature),
        };
        Err(Box::new(refusal::signature(exchange, &refused)))
    }

    async fn dispatch(&self, exchange: &mut Exchange, route: Route, cx: &Cx, arrived: Arrived) -> Reply {
        cx.trace.set_request(&arrived.body);
        match route {
            Route::Service(service) => {
                let request = wire_request(arrived.head, arrived.body);
                exchange.operation = operation::name(service, &request);
                let response = self.backends.call(service, cx, request).await;
                let pieces = response.stream.and_then(|stream| stream.take());
                let body = pieces.map_or_else(|| response.body.into(), ReplyBody::Stream);
                Reply::from_parts(response.status, response.headers, body)
            }
            Route::Stage if upgrade::is_wanted(&arrived.head) => {
                exchange.operation = "websocket";
                let Some(slot) = self.sockets.slot() else { return refusal::crowded(exchange) };
                upgrade::reply(self.backends.websocket(cx, stage_call(exchange, arrived)).await, slot)
            }
            Route::Stage => {
                exchange.operation = "stage";
                let reply = self.backends.stage(cx, stage_call(exchange, arrived)).await;
                Reply::from_parts(reply.status, reply.headers, reply.body)
            }
            Route::FunctionUrl => {
                exchange.operation = "function-url";
                let reply = self.backends.function_url(cx, stage_call(exchange, arrived)).await;
                Reply::from_parts(reply.status, reply.headers, reply.body)
            }
            Route::Own(own) => {
                exchange.operation = own.name();
                own::answer(self, own, cx, wire_request(arrived.head, arrived.body)).await
            }
            Route::Unserved(name) => refusal::unserved(exchange, &name),
            Route::Unknown if own::is_for_console(&arrived.head) => own::to_console(),
            Route::Form | Route::Unknown => refusal::unknown(exchange, &arrived.head, host(&arrived.head)),
        }
    }

    fn panicked(&self, exchange: &Exchange) -> Reply {
        self.metrics.panicked();
        error!(id = %exchange.id, service = exchange.service, operation = exchange.operation, "a handler panicked");
        let message = "The request failed because of an error in Rushlight itself. Its log has the cause.";
        Refusal { status: 500, code: "InternalFailure", message }.reply(exchange.envelope, exchange.id)
    }

    fn finish(&self, reply: &mut Reply, exchange: &Exchange) {
        const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
        strip_framing(&mut reply.headers);
        if !reply.headers.contains_key(REQUEST_ID)
            && let Ok(id) = HeaderValue::from_str(&exchange.id.to_string())
        {
            reply.headers.insert(REQUEST_ID, id);
        }
        if reply.close {
            reply.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// What the access log says of a request; empty when nobody reads it.
struct AccessLine(Option<(Method, String)>);

impl AccessLine {
    fn of(head: &Parts) -> Self {
        let read = tracing::enabled!(target: "access", tracing::Level::DEBUG);
        Self(read.then(|| (head.method.clone(), head.uri.path().to_owned())))
    }

    fn log(self, exchange: &Exchange, status: u16, took: std::time::Duration) {
        let Some((method, path)) = self.0 else { return };
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let Exchange { id, peer, service, operation, .. } = exchange;
        debug!(target: "access", %peer, %method, path, service, operation, status, us, %id);
    }
}

/// The service of a form is known only when it is read.
fn settle_form(exchange: &mut Exchange, route: Route, head: &Parts, body: &[u8]) -> Result<Route, Refused> {
    if route != Route::Form {
        return Ok(route);
    }
    match route::form_service(body) {
        Ok(service) => {
            exchange.service = service.name();
            Ok(Route::Service(service))
        }
        Err(error) => Err(Box::new(refusal::form(exchange, &error, host(head)))),
    }
}

fn allow_page(mut reply: Reply, page: Option<HeaderValue>) -> Reply {
    if let Some(origin) = page {
        origin::allow(&mut reply.headers, &origin);
    }
    reply
}

fn routing_head<'a>(head: &'a Parts, host: &'a str, credential: Option<&'a Credential<'a>>) -> Head<'a> {
    Head {
        method: &head.method,
        host,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        target: head.headers.get("x-amz-target").and_then(|value| value.to_str().ok()),
        signing_name: credential.map(|credential| credential.service.as_ref()),
        form: is_form(head),
    }
}

/// `Host` of HTTP/1.1, `:authority` of HTTP/2.
fn host(head: &Parts) -> &str {
    let header = head.headers.get(HOST).and_then(|value| value.to_str().ok());
    header.or_else(|| head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default()
}

fn is_form(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    kind.starts_with(b"application/x-www-form-urlencoded")
}

fn stage_call(exchange: &mut Exchange, Arrived { head, body, signature }: Arrived) -> StageCall {
    StageCall {
        signature,
        secure: exchange.secured.is_some(),
        client_certificate: exchange
            .secured
            .as_ref()
            .and_then(|secured| secured.certificate_for(host(&head))),
        host: host(&head).to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        protocol: if head.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" },
        method: head.method,
        headers: head.headers,
        spelling: std::mem::take(&mut exchange.spelling),
        body,
        source_ip: exchange.peer.ip(),
    }
}

fn wire_request(head: Parts, body: Bytes) -> wire::Request {
    wire::Request {
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        method: head.method,
        headers: head.headers,
        body,
    }
}
