//! The data plane of WebSocket APIs: what a handshake, a message and an end go through, in AWS's order.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, Method};
use ports::BoxFuture;
use wire::json::Writer;

use crate::rest::access::Judged;
use crate::rest::fault::Fault;
use crate::rest::phases::refuse_large_headers;
use crate::rest::{headers, usage};
use crate::steps::{blame, checked};
use crate::websocket::authorize::authorize;
use crate::websocket::connection::{self, Connection, Session};
use crate::websocket::context::{Act, Peer, Turn, new_id};
use crate::websocket::execution_log;
use crate::websocket::frame::Close;
use crate::websocket::handshake::{self, HandshakeError};
use crate::websocket::integrate::{Outcome, integrate};
use crate::websocket::live::SocketStage;
use crate::websocket::program::{CONNECT, DISCONNECT, Program, Route};
use crate::{Gateway, StageRequest, StageResponse};

const PROTOCOL: &str = "sec-websocket-protocol";

/// The answer to who asks for a WebSocket.
pub enum Handshake {
    Refused(StageResponse),
    /// The headers of the answer 101, and what goes on behind it.
    Accepted {
        headers: HeaderMap,
        session: Session,
    },
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(response) => f.debug_tuple("Refused").field(response).finish(),
            Self::Accepted { headers, .. } => f.debug_tuple("Accepted").field(headers).finish(),
        }
    }
}

/// Why a client gets no WebSocket.
#[derive(Debug)]
enum Refusal {
    Fault(Fault),
    NoHandshake(HandshakeError),
    /// `$connect` says so.
    Answer(Outcome),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Gateway {
    /// Answers a request for a WebSocket.
    pub fn connect(self: &Arc<Self>, request: StageRequest) -> BoxFuture<'_, Handshake> {
        Box::pin(self.shake_hands(request))
    }

    async fn shake_hands(self: &Arc<Self>, request: StageRequest) -> Handshake {
        match find_stage(self, &request.api_id, &request.stage).await {
            Ok(None) => Handshake::Refused(self.serve(request).await),
            Ok(Some(stage)) => {
                let peer = Peer::new(&request, self.clock.now());
                let accepted = accept(self, &request, stage.as_deref(), &peer).await;
                finish(self, peer, accepted)
            }
            Err(fault) => {
                let peer = Peer::new(&request, self.clock.now());
                Handshake::Refused(refuse(&peer, Refusal::Fault(fault)))
            }
        }
    }
}

/// A request to a WebSocket API that asks for none: `@connections`, or a mistake. None if the URL names no such API.
pub(crate) async fn serve(gateway: &Gateway, request: &StageRequest) -> Option<StageResponse> {
    let stage = match find_stage(gateway, &request.api_id, &request.stage).await {
        Ok(stage) => stage?,
        Err(fault) => return Some(fault.answer()),
    };
    let stage = stage.filter(|stage| is_management(&request.path) && is_open(stage, request));
    if let Some(stage) = &stage {
        return Some(super::management::serve(gateway, request, stage).await);
    }
    Some(refuse(&Peer::new(request, gateway.clock.now()), Refusal::Fault(Fault::Forbidden)))
}

/// An API's own endpoint may be closed; its custom domains stay open.
fn is_open(stage: &SocketStage, request: &StageRequest) -> bool {
    !stage.closed || request.base_path.is_some()
}

fn is_management(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(first).decode_utf8_lossy() == "@connections"
}

/// The outer none: no WebSocket API; the inner: no such stage of it.
async fn find_stage(
    gateway: &Gateway,
    api_id: &str,
    name: &str,
) -> Result<Option<Option<Arc<SocketStage>>>, Fault> {
    let found = gateway.websocket.find(&gateway.store, api_id, name).await;
    found.map_err(|error| Fault::Internal(error.to_string()))
}

/// The phases of a handshake.
async fn accept(
    gateway: &Gateway,
    request: &StageRequest,
    stage: Option<&SocketStage>,
    peer: &Peer,
) -> Result<HeaderMap, Refusal> {
    let stage = stage.filter(|stage| is_open(stage, request)).ok_or(Fault::Forbidden)?;
    let program = stage.program.as_deref().ok_or(Fault::Forbidden)?;
    if request.method != Method::GET || !matches!(request.path.as_str(), "" | "/") {
        return Err(Fault::Forbidden.into());
    }
    refuse_large_headers(gateway, request)?;
    let accept = handshake::accept(&request.headers).map_err(Refusal::NoHandshake)?;
    let mut headers = HeaderMap::new();
    headers.insert("sec-websocket-accept", accept);
    let Some(route) = program.own(CONNECT) else { return Ok(headers) };
    let mut turn = Turn::new(stage, peer, Act::Connect(request), CONNECT, peer.connected);
    turn.describe();
    execution_log::began(gateway, &mut turn);
    let opened = open(gateway, program, &turn, (route, request)).await;
    let (status, fault) = match &opened {
        Ok(_) => (101, None),
        Err(Refusal::Fault(fault)) => (fault.answer().status, Some(fault)),
        Err(Refusal::Answer(outcome)) => (outcome.status, None),
        Err(Refusal::NoHandshake(_)) => (400, None),
    };
    execution_log::ended(gateway, &turn, status, fault);
    log_access(gateway, &turn, status, fault);
    headers.extend(opened?.map(|protocol| (HeaderName::from_static(PROTOCOL), protocol)));
    Ok(headers)
}

/// The phases of `$connect`, and the protocol that it chooses.
async fn open(
    gateway: &Gateway,
    program: &Program,
    turn: &Turn<'_>,
    (route, request): (&Route, &StageRequest),
) -> Result<Option<HeaderValue>, Refusal> {
    let trace = &turn.trace;
    checked(trace, "Authorization", authorize(gateway, turn, route, request).await)?;
    if route.wants_api_key {
        let at = (turn.stage.api_id.as_str(), turn.stage.name.as_str());
        let key = program.key_selection.select(|name| turn.variable(name));
        let caller = usage::admit_socket(gateway, (&turn.stage.scope, at), key.as_deref()).await;
        let caller = checked(trace, "Usage plan", caller)?;
        turn.peer.caller.get_or_init(|| Box::new(caller));
    }
    checked(trace, "Throttling", throttle(gateway, turn))?;
    let Some(integration) = &route.integration else { return Ok(None) };
    let outcome = integrate(gateway, turn, integration).await?;
    match outcome.status {
        200..300 => Ok(outcome.headers.get(PROTOCOL).cloned()),
        _ => Err(Refusal::Answer(outcome)),
    }
}

/// AWS counts the values of all headers together.
fn throttle(gateway: &Gateway, turn: &Turn<'_>) -> Result<(), Fault> {
    let Some((bucket, rate)) = turn.stage.limit(&turn.route_key) else { return Ok(()) };
    if gateway.http_buckets.take(&bucket, rate, turn.received) { Ok(()) } else { Err(Fault::Throttled) }
}

fn finish(gateway: &Arc<Gateway>, peer: Peer, accepted: Result<HeaderMap, Refusal>) -> Handshake {
    let headers = match accepted {
        Ok(headers) => headers,
        Err(refusal) => return Handshake::Refused(refuse(&peer, refusal)),
    };
    let gateway = Arc::clone(gateway);
    let session: Session = Box::new(move |stream| {
        Box::pin(async move {
            match stream {
                Some((stream, early)) => connection::run(gateway, peer, stream, early).await,
                // Boxed: every open connection holds what its future may become.
                None => Box::pin(disconnect(&gateway, &peer, &Close::abnormal())).await,
            }
        })
    });
    Handshake::Accepted { headers, session }
}

/// An answer that is no WebSocket, with the ids that AWS puts into those of WebSocket APIs.
fn refuse(peer: &Peer, refusal: Refusal) -> StageResponse {
    let request_id = new_id();
    let mut response = match refusal {
        Refusal::Fault(fault) => {
            log(peer, CONNECT, &fault);
            let message = fault.message();
            let message = message.as_deref().unwrap_or("Internal server error");
            StageResponse { body: complaint(peer, &request_id, message), ..fault.answer() }
        }
        Refusal::NoHandshake(error) => {
            let (status, message) = match error {
                HandshakeError::Version => (426, "Upgrade Required"),
                HandshakeError::Key => (400, "Bad Request"),
            };
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if error == HandshakeError::Version {
                headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
            }
            StageResponse::new(status, headers, complaint(peer, &request_id, message))
        }
        Refusal::Answer(Outcome { status, headers, body }) => {
            let mut response = StageResponse::new(status, headers, body);
            headers::remap(&mut response.headers, headers::Origin::Integration);
            response
        }
    };
    headers::set(&mut response.headers, headers::APIGW_ID, &request_id);
    response
}

/// `{"message": "Forbidden", "connectionId":"..", "requestId":".."}`, byte for byte.
fn complaint(peer: &Peer, request_id: &str, message: &str) -> Bytes {
    let text = |text: &str| {
        let mut w = Writer::new();
        w.string(text);
        w.into_bytes()
    };
    let parts: [&[u8]; 7] = [
        b"{\"message\": ",
        &text(message),
        b", \"connectionId\":",
        &text(&peer.id),
        b", \"requestId\":",
        &text(request_id),
        b"}",
    ];
    parts.concat().into()
}

/// What the client is not told, the log is.
fn log(peer: &Peer, route: &str, fault: &Fault) {
    let (api, stage, connection) = (&peer.api_id, &peer.stage, &peer.id);
    match fault {
        Fault::Forbidden | Fault::Throttled => {
            tracing::debug!(%api, %stage, %connection, route, %fault, "refused")
        }
        _ => {
            tracing::warn!(%api, %stage, %connection, route, %fault, "the gateway answered for the integration")
        }
    }
}

/// The phases of a message; what comes of it is said to the client if the route is a two-way one, what goes wrong in
/// any case.
pub(crate) async fn message(gateway: &Gateway, connection: &Connection, text: &str) {
    let peer = &connection.peer;
    let now = gateway.clock.now();
    let (request_id, route, done) = match find_stage(gateway, &peer.api_id, &peer.stage).await {
        Ok(stage) => match stage.flatten() {
            Some(stage) => answer(gateway, &stage, peer, text, now).await,
            None => (new_id(), String::new(), Err(Fault::Forbidden)),
        },
        Err(fault) => (new_id(), String::new(), Err(fault)),
    };
    let said = match done {
        Ok(None) => return,
        Ok(Some(body)) => connection.say(gateway, &String::from_utf8_lossy(&body)).await,
        Err(fault) => {
            log(peer, &route, &fault);
            let message = fault.message();
            let message = message.as_deref().unwrap_or("Internal server error");
            let complaint = complaint(peer, &request_id, message);
            connection.say(gateway, &String::from_utf8_lossy(&complaint)).await
        }
    };
    if said.is_err() {
        tracing::debug!(connection = %peer.id, "the client left before it was answered");
    }
}

/// The id of the request, the key of the route, and what the client is told.
async fn answer(
    gateway: &Gateway,
    stage: &SocketStage,
    peer: &Peer,
    text: &str,
    now: Timestamp,
) -> (String, String, Result<Option<Bytes>, Fault>) {
    let mut turn = Turn::new(stage, peer, Act::Message(text), "", now);
    let _span = turn.record(&gateway.recorder);
    let Some(program) = stage.program.as_deref() else {
        return (turn.request_id, turn.route_key, Err(Fault::Forbidden));
    };
    let Some(route) = select(program, &turn) else {
        turn.describe();
        blame(&turn.trace, &Fault::Forbidden);
        execution_log::began(gateway, &mut turn);
        execution_log::ended(gateway, &turn, 403, Some(&Fault::Forbidden));
        log_access(gateway, &turn, 403, Some(&Fault::Forbidden));
        return (turn.request_id, turn.route_key, Err(Fault::Forbidden));
    };
    turn.route_key.clone_from(&route.key);
    turn.describe();
    execution_log::began(gateway, &mut turn);
    let done = work(gateway, &turn, route).await;
    let fault = done.as_ref().err();
    let status = fault.map_or(200, |fault| fault.answer().status);
    execution_log::ended(gateway, &turn, status, fault);
    log_access(gateway, &turn, status, fault);
    (turn.request_id, turn.route_key, done)
}

fn select<'p>(program: &'p Program, turn: &Turn<'_>) -> Option<&'p Route> {
    let selected = program.selection.select(|name| turn.variable(name));
    program.route(selected.as_deref())
}

async fn work(gateway: &Gateway, turn: &Turn<'_>, route: &Route) -> Result<Option<Bytes>, Fault> {
    checked(&turn.trace, "Throttling", throttle(gateway, turn))?;
    let Some(integration) = &route.integration else { return Ok(None) };
    let outcome = integrate(gateway, turn, integration).await?;
    Ok((route.is_two_way && !outcome.body.is_empty()).then_some(outcome.body))
}

/// Tells the API that a connection has ended, if it wants to know.
pub(crate) async fn disconnect(gateway: &Gateway, peer: &Peer, close: &Close) {
    let stage = match find_stage(gateway, &peer.api_id, &peer.stage).await {
        Ok(stage) => stage.flatten(),
        Err(fault) => return log(peer, DISCONNECT, &fault),
    };
    let program = stage.as_ref().and_then(|stage| Some((stage, stage.program.as_deref()?)));
    let Some((stage, route)) = program.and_then(|(stage, program)| Some((stage, program.own(DISCONNECT)?)))
    else {
        return;
    };
    let Some(integration) = &route.integration else { return };
    let mut turn = Turn::new(stage, peer, Act::Disconnect(close), DISCONNECT, gateway.clock.now());
    let _span = turn.record(&gateway.recorder);
    turn.describe();
    execution_log::began(gateway, &mut turn);
    let fault = integrate(gateway, &turn, integration).await.err();
    if let Some(fault) = &fault {
        log(peer, DISCONNECT, fault);
    }
    let status = fault.as_ref().map_or(200, |fault| fault.answer().status);
    execution_log::ended(gateway, &turn, status, fault.as_ref());
    log_access(gateway, &turn, status, fault.as_ref());
}

/// The line of a turn in the stage's access log, if it keeps one.
fn log_access(gateway: &Gateway, turn: &Turn<'_>, status: u16, fault: Option<&Fault>) {
    let Some(access) = &turn.stage.access else { return };
    let ended = gateway.clock.now();
    let judged = Judged {
        fault,
        status,
        // Who was let in is asked once, when he connects.
        granted: turn
            .peer
            .grant
            .get()
            .filter(|_| matches!(turn.act, Act::Connect(_)))
            .map(|granted| &**granted),
        request_id: turn.invocation_id,
    };
    let value = |name: &str| match name {
        "status" => Some(status.to_string().into()),
        "responseLatency" => Some(ended.since(turn.received).as_millis().to_string().into()),
        "awsEndpointRequestId" => turn.integration.get()?.context(name),
        _ if name.starts_with("integration") => turn.integration.get()?.context(name),
        name => judged.context(name).or_else(|| turn.context(name)),
    };
    access.write(&*gateway.logs, (&turn.stage.scope, ended), value);
}
