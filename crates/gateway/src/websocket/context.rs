//! What happens on a connection, as integrations, templates and selection expressions see it. Knows no integration.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use base::trace::{Recorder, Span, SpanKind};
use base::{RequestId, Timestamp, Trace};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderMap;
use vtl::{Data, Message, Params};

use crate::StageRequest;
use crate::access_log::IntegrationFacts;
use crate::rest::call::{header_values, request_time};
use crate::rest::event::event_entries;
use crate::rest::execution_log::Journal;
use crate::rest::grant::Granted;
use crate::rest::mapping::Source;
use crate::rest::usage::Caller;
use crate::steps::Place;
use crate::websocket::frame::Close;
use crate::websocket::live::SocketStage;
use crate::websocket::selection::find_in_body;

/// An id as AWS makes those of connections, messages and requests of WebSocket APIs: `L0SM9cOFvHcCIhw=`.
pub(crate) fn new_id() -> String {
    let entropy = RequestId::random().0.to_be_bytes();
    URL_SAFE.encode(&entropy[..11])
}

/// Whether a text may be the id of a connection.
pub(crate) fn is_id(text: &str) -> bool {
    URL_SAFE.decode(text).is_ok_and(|bytes| bytes.len() == 11)
}

/// Who is at the other end of a connection. Kept as long as that is open, so that it is small.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: Box<str>,
    pub(crate) api_id: Box<str>,
    pub(crate) stage: Box<str>,
    pub(crate) connected: Timestamp,
    pub(crate) source_ip: IpAddr,
    pub(crate) user_agent: Option<Box<str>>,
    pub(crate) domain: Box<str>,
    /// Who was let in, if somebody was asked.
    pub(crate) grant: OnceLock<Arc<Granted>>,
    /// By the API key, where $connect wants one.
    pub(crate) caller: OnceLock<Box<Caller>>,
}

impl Peer {
    pub(crate) fn new(request: &StageRequest, now: Timestamp) -> Self {
        Self {
            id: new_id().into(),
            api_id: request.api_id.as_str().into(),
            stage: request.stage.as_str().into(),
            connected: now,
            source_ip: request.source_ip,
            user_agent: request.header("user-agent").map(Box::from),
            domain: request.host_name().into(),
            grant: OnceLock::new(),
            caller: OnceLock::new(),
        }
    }
}

/// What the client did.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act<'a> {
    Connect(&'a StageRequest),
    Message(&'a str),
    Disconnect(&'a Close),
}

/// An act of a client, on its way through the phases.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) stage: &'a SocketStage,
    pub(crate) peer: &'a Peer,
    pub(crate) act: Act<'a>,
    pub(crate) route_key: String,
    /// `requestId` and `extendedRequestId`, which are one in WebSocket APIs.
    pub(crate) request_id: String,
    pub(crate) message_id: String,
    pub(crate) received: Timestamp,
    pub(crate) invocation_id: RequestId,
    pub(crate) trace: Trace,
    /// What came of the integration, if it came to that.
    pub(crate) integration: OnceLock<IntegrationFacts>,
    /// Where the steps are written, if somebody reads them.
    pub(crate) journal: Option<Journal>,
    /// Below which the integration's steps are, once it is its turn.
    pub(crate) integrating: OnceLock<Trace>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        stage: &'a SocketStage,
        peer: &'a Peer,
        act: Act<'a>,
        route_key: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            stage,
            peer,
            act,
            route_key: route_key.to_owned(),
            request_id: new_id(),
            message_id: new_id(),
            received: now,
            invocation_id: RequestId::random(),
            trace: match act {
                Act::Connect(request) => request.trace.clone(),
                Act::Message(_) | Act::Disconnect(_) => Trace::at(now),
            },
            integration: OnceLock::new(),
            journal: None,
            integrating: OnceLock::new(),
        }
    }

    /// Begins the record of what comes over an open connection; the handshake is a part of its request's.
    pub(crate) fn record(&mut self, recorder: &Recorder) -> Span {
        let span = recorder.begin(&self.trace, self.received, (SpanKind::Message, self.event_type()));
        self.trace = Trace::clone(&span);
        span.set_request(self.body().as_bytes());
        span.set("connectionId", self.peer.id.to_string());
        span
    }

    /// Tells its record to which stage and route it came.
    pub(crate) fn describe(&self) {
        if self.trace.is_recorded() {
            let stage = self.stage;
            self.trace.belongs_to(stage.scope.account);
            self.trace.set_resource("apigateway", &Place(&stage.api_id, &stage.name).to_string());
            self.trace.set("route", self.route_key.clone());
        }
    }

    /// Below which the next step is.
    pub(crate) fn trace(&self) -> &Trace {
        self.integrating.get().unwrap_or(&self.trace)
    }

    pub(crate) fn event_type(&self) -> &'static str {
        match self.act {
            Act::Connect(_) => "CONNECT",
            Act::Message(_) => "MESSAGE",
            Act::Disconnect(_) => "DISCONNECT",
        }
    }

    pub(crate) fn body(&self) -> &'a str {
        match self.act {
            Act::Message(text) => text,
            Act::Connect(_) | Act::Disconnect(_) => "",
        }
    }

    pub(crate) fn request_time(&self) -> String {
        request_time(self.received)
    }

    fn request(&self) -> Option<&'a StageRequest> {
        match self.act {
            Act::Connect(request) => Some(request),
            Act::Message(_) | Act::Disconnect(_) => None,
        }
    }

    /// The value of a variable of a selection expression, of the message.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let (root, rest) = name.split_once('.')?;
        match (root, rest.split_once('.')) {
            ("request", Some(("body", path))) => find_in_body(self.body(), path),
            ("request", Some(("header", name))) => header_values(&self.request()?.headers, name).pop(),
            ("request", Some(("querystring", name))) => self.query(name).pop(),
            ("context", _) if rest == "authorizer.usageIdentifierKey" => {
                self.peer.grant.get()?.grant.usage_key.clone()
            }
            ("context", _) => self.context(rest).map(Cow::into_owned),
            ("stageVariables", _) => self.stage.variables.get(rest).cloned(),
            _ => None,
        }
    }

    fn query(&self, name: &str) -> Vec<String> {
        let query = self.request().map_or("", |request| &request.query);
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// The values of a parameter mapping's source.
    pub(crate) fn values(&self, source: &Source) -> Vec<String> {
        let none = HeaderMap::new();
        let headers = self.request().map_or(&none, |request| &request.headers);
        match source {
            Source::Literal(text) => vec![text.clone()],
            Source::Path(_) => Vec::new(),
            Source::Query(name) => self.query(name).pop().into_iter().collect(),
            Source::MultiQuery(name) => self.query(name),
            Source::Header(name) => header_values(headers, name).pop().into_iter().collect(),
            Source::MultiHeader(name) => header_values(headers, name),
            Source::Body => vec![self.body().to_owned()],
            Source::BodyPath(path) => find_in_body(self.body(), path).into_iter().collect(),
            Source::Context(name) => self.context(name).map(Cow::into_owned).into_iter().collect(),
            Source::StageVariable(name) => self.stage.variables.get(name).cloned().into_iter().collect(),
        }
    }

    /// `$context.NAME`, as far as there is something to say.
    pub(crate) fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        let peer = self.peer;
        Some(match name {
            "accountId" => self.stage.scope.account.to_string().into(),
            "apiId" => (&*peer.api_id).into(),
            "connectedAt" => peer.connected.as_millis().to_string().into(),
            "connectionId" => (&*peer.id).into(),
            "domainName" => (&*peer.domain).into(),
            "eventType" => self.event_type().into(),
            "extendedRequestId" | "requestId" => self.request_id.as_str().into(),
            "identity.apiKey" => peer.caller.get()?.key.as_str().into(),
            "identity.apiKeyId" => peer.caller.get()?.key_id.as_str().into(),
            "identity.sourceIp" => peer.source_ip.to_string().into(),
            "identity.userAgent" => peer.user_agent.as_deref()?.into(),
            "messageDirection" => "IN".into(),
            "messageId" => match self.act {
                Act::Message(_) => self.message_id.as_str().into(),
                Act::Connect(_) | Act::Disconnect(_) => return None,
            },
            "requestTime" => self.request_time().into(),
            "requestTimeEpoch" => self.received.as_millis().to_string().into(),
            "routeKey" => self.route_key.as_str().into(),
            "stage" => (&*peer.stage).into(),
            "disconnectStatusCode" => self.close()?.code.to_string().into(),
            "disconnectReason" => self.close()?.reason.as_str().into(),
            _ => {
                let grant = &peer.grant.get()?.grant;
                match name.strip_prefix("identity.") {
                    Some(name) => grant.signer.as_ref()?.identity(name)?.into(),
                    None => grant.context(name.strip_prefix("authorizer.")?)?.into(),
                }
            }
        })
    }

    fn close(&self) -> Option<&'a Close> {
        match self.act {
            Act::Disconnect(close) => Some(close),
            Act::Connect(_) | Act::Message(_) => None,
        }
    }
}

/// What `$context` shows of itself as a whole.
const NAMES: [&str; 25] = [
    "accountId",
    "apiId",
    "connectedAt",
    "connectionId",
    "disconnectReason",
    "disconnectStatusCode",
    "domainName",
    "eventType",
    "extendedRequestId",
    "identity.accessKey",
    "identity.accountId",
    "identity.apiKey",
    "identity.apiKeyId",
    "identity.caller",
    "identity.sourceIp",
    "identity.user",
    "identity.userAgent",
    "identity.userArn",
    "messageDirection",
    "messageId",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "routeKey",
    "stage",
];

/// A turn as mapping templates see it, with the body that is mapped.
#[derive(Debug)]
pub(crate) struct TurnMessage<'m, 'a> {
    pub(crate) turn: &'m Turn<'a>,
    pub(crate) body: Cow<'m, str>,
}

impl Message for TurnMessage<'_, '_> {
    fn body(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.body)
    }

    fn params(&self) -> Params {
        let Some(request) = self.turn.request() else { return Params::default() };
        let query = form_urlencoded::parse(request.query.as_bytes()).into_owned();
        let headers = event_entries(request, &self.turn.trace).into_iter();
        let last = |(name, values): (Cow<'_, str>, Vec<Cow<'_, str>>)| {
            Some((name.into_owned(), values.into_iter().next_back()?.into_owned()))
        };
        Params { path: Vec::new(), querystring: query.collect(), header: headers.filter_map(last).collect() }
    }

    fn context(&self) -> Data {
        let (mut context, mut identity) = (Vec::with_capacity(NAMES.len()), Vec::new());
        for name in NAMES {
            let Some(value) = self.turn.context(name) else { continue };
            let value = match name {
                "connectedAt" | "requestTimeEpoch" | "disconnectStatusCode" => {
                    value.parse().map_or_else(|_| Data::Text(value.into_owned()), Data::Int)
                }
                _ => Data::Text(value.into_owned()),
            };
            match name.strip_prefix("identity.") {
                Some(name) => identity.push((name.to_owned(), value)),
                None => context.push((name.to_owned(), value)),
            }
        }
        context.push(("identity".to_owned(), Data::Map(identity)));
        let authorizer = self.turn.peer.grant.get().and_then(|granted| granted.grant.data());
        context.extend(authorizer.map(|data| ("authorizer".to_owned(), data)));
        Data::Map(context)
    }

    fn stage_variables(&self) -> Data {
        let variables = self.turn.stage.variables.iter();
        Data::Map(variables.map(|(name, value)| (name.clone(), value.as_str().into())).collect())
    }
}
