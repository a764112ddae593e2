//! From a turn to its integration and back: functions, HTTP backends and MOCK, as proxies or through templates.

use std::borrow::Cow;
use std::pin::pin;

use base::Trace;
use base::trace::SpanKind;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ports::{InvokeCall, InvokeKind, InvokeReply, InvokeSource};
use vtl::Overrides;
use wire::json::Reader;

use crate::Gateway;
use crate::access_log::IntegrationFacts;
use crate::backends::Terms;
use crate::rest::answer::Answer;
use crate::rest::content::{Content, Handling};
use crate::rest::execution_log::listed;
use crate::rest::fault::Fault;
use crate::rest::headers::is_dropped_from_request;
use crate::rest::heavy;
use crate::rest::lambda::{refused, within};
use crate::rest::mapping::{Place, Source};
use crate::rest::program::Passthrough;
use crate::rest::service::{self, Asker};
use crate::rest::template::{Template, mock_status};
use crate::rest::uri::Pattern;
use crate::steps::blame;
use crate::websocket::context::{Act, Turn, TurnMessage};
use crate::websocket::event;
use crate::websocket::execution_log;
use crate::websocket::program::{Backend, Endpoint, Integration, Mapping, Service};

/// What came of a turn.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    /// Of proxies.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Integration request, integration, integration response. What came of it is then known of the turn.
pub(crate) async fn integrate(
    gateway: &Gateway,
    turn: &Turn<'_>,
    integration: &Integration,
) -> Result<Outcome, Fault> {
    let began = gateway.clock.now();
    let span = turn.trace.span(SpanKind::Integration, integration.backend.name());
    turn.integrating.get_or_init(|| Trace::clone(&span));
    let outcome = exchange(gateway, turn, integration).await.inspect_err(|fault| blame(&span, fault));
    drop(span);
    let is_function = matches!(integration.backend, Backend::Lambda(_) | Backend::LambdaProxy(_));
    let facts = IntegrationFacts {
        status: outcome.as_ref().ok().map(|outcome| outcome.status),
        latency_ms: u64::try_from(gateway.clock.now().since(began).as_millis()).unwrap_or(u64::MAX),
        error: outcome.as_ref().err().map(Fault::to_string),
        request_id: is_function.then(|| turn.invocation_id.to_string()),
    };
    turn.integration.get_or_init(|| facts);
    outcome
}

async fn exchange(gateway: &Gateway, turn: &Turn<'_>, integration: &Integration) -> Result<Outcome, Fault> {
    let mapping = &integration.mapping;
    match &integration.backend {
        Backend::LambdaProxy(function) => {
            let reply = invoke(gateway, turn, integration, function, event::write(turn)).await?;
            if let Some(kind) = reply.function_error {
                let error = String::from_utf8_lossy(&reply.payload).into_owned();
                return Err(Fault::BadGateway(format!("the function failed ({kind}): {error}")));
            }
            let answer =
                Answer::parse(&reply.payload).map_err(|error| Fault::BadGateway(error.to_string()))?;
            let body = answer.body(true).map_err(|error| Fault::BadGateway(error.to_string()))?;
            Ok(Outcome { status: answer.status, headers: answer.headers, body })
        }
        Backend::Lambda(function) => {
            let (mut payload, overrides) = request_body(turn, mapping)?;
            if payload.is_empty() {
                payload = Bytes::from_static(b"{}");
            }
            let reply = invoke(gateway, turn, integration, function, payload).await?;
            let selected = match reply.function_error {
                Some(_) => error_message(&reply.payload).unwrap_or_default(),
                None if kind(turn, integration) == InvokeKind::Event => "202".to_owned(),
                None => "200".to_owned(),
            };
            let status = if reply.function_error.is_some() { 500 } else { 200 };
            let answer = Outcome { status, headers: HeaderMap::new(), body: reply.payload };
            respond(turn, mapping, &selected, answer, overrides)
        }
        Backend::HttpProxy(endpoint) => {
            let body = received(turn, mapping.content_handling)?.body;
            send(gateway, turn, integration, endpoint, body).await
        }
        Backend::Http(endpoint) => {
            let (body, overrides) = request_body(turn, mapping)?;
            let answer = send(gateway, turn, integration, endpoint, body).await?;
            let selected = answer.status.to_string();
            respond(turn, mapping, &selected, answer, overrides)
        }
        Backend::Service(service) => {
            let (body, overrides) = request_body(turn, mapping)?;
            let answer = ask(gateway, turn, integration, service, body).await?;
            let selected = answer.status.to_string();
            respond(turn, mapping, &selected, answer, overrides)
        }
        Backend::Mock => {
            let (body, overrides) = request_body(turn, mapping)?;
            let status = std::str::from_utf8(&body).ok().and_then(mock_status);
            let status = status.ok_or_else(|| {
                Fault::Configuration(
                    "Unable to parse statusCode. It should be an integer: the MOCK request names none".into(),
                )
            })?;
            let answer = Outcome { status, ..Outcome::default() };
            respond(turn, mapping, &status.to_string(), answer, overrides)
        }
        Backend::Broken(why) => Err(Fault::Configuration(why.clone())),
    }
}

/// The body of the integration's request, and what its template overrides.
fn request_body(turn: &Turn<'_>, mapping: &Mapping) -> Result<(Bytes, Overrides), Fault> {
    let template = mapping.templates.find(|name| turn.variable(name));
    let content = received(turn, mapping.content_handling)?;
    match (template, mapping.passthrough) {
        (Some(template), _) => render(template, turn, &content, Overrides::default()),
        (None, Passthrough::Never) => Err(Fault::UnsupportedMediaType),
        (None, Passthrough::WhenNoTemplates) if !mapping.templates.is_empty() => {
            Err(Fault::UnsupportedMediaType)
        }
        (None, _) => Ok((content.body, Overrides::default())),
    }
}

/// The message, which is text, as `contentHandlingStrategy` wants it.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html>
fn received(turn: &Turn<'_>, handling: Option<Handling>) -> Result<Content, Fault> {
    let body = Bytes::copy_from_slice(turn.body().as_bytes());
    match handling {
        Some(Handling::ToBinary) if !body.is_empty() => decoded(&body),
        None | Some(_) => Ok(Content { body, binary: false }),
    }
}

/// An integration's answer as the `contentHandlingStrategy` of its response wants it. WebSocket APIs have no binary media
/// types: what is no UTF-8 is binary.
fn answered(body: &Bytes, handling: Option<Handling>) -> Result<Content, Fault> {
    let is_text = std::str::from_utf8(body).is_ok();
    match handling {
        Some(Handling::ToBinary) if is_text => decoded(body),
        Some(Handling::ToText) if !is_text => Ok(Content::encoded(body)),
        Some(_) => Ok(Content { body: body.clone(), binary: !is_text }),
        None => Ok(Content { body: body.clone(), binary: false }),
    }
}

fn decoded(body: &Bytes) -> Result<Content, Fault> {
    Content::decoded(body).map_err(|_| Fault::Configuration("Unable to base64 decode the body.".to_owned()))
}

/// What the integration's answer becomes by the response that is selected; without one it stays as it is.
fn respond(
    turn: &Turn<'_>,
    mapping: &Mapping,
    selected: &str,
    answer: Outcome,
    overrides: Overrides,
) -> Result<Outcome, Fault> {
    let Some(response) = mapping.response(selected) else { return Ok(answer) };
    let text = String::from_utf8_lossy(&answer.body);
    let variable = |name: &str| match name.strip_prefix("integration.response.") {
        Some("statuscode") => Some(answer.status.to_string()),
        Some(rest) => match rest.split_once('.')? {
            ("header", name) => Some(answer.headers.get(name)?.to_str().ok()?.to_owned()),
            ("body", path) => vtl::select(&text, &format!("$.{path}")),
            _ => None,
        },
        None => turn.variable(name),
    };
    let content = answered(&answer.body, response.content_handling)?;
    let Some(template) = response.templates.find(variable) else {
        return Ok(Outcome { body: content.body, ..answer });
    };
    let (body, overrides) = render(template, turn, &content, overrides)?;
    let overridden = overrides.response_status.map(|status| status.texts().concat());
    let status = overridden.and_then(|status| status.parse().ok()).unwrap_or(answer.status);
    Ok(Outcome { status, headers: HeaderMap::new(), body })
}

fn render(
    template: &Template,
    turn: &Turn<'_>,
    content: &Content,
    overrides: Overrides,
) -> Result<(Bytes, Overrides), Fault> {
    let broken =
        |why: &str| Fault::Configuration(format!("a template of the route {}: {why}", turn.route_key));
    match template {
        Template::Literal(text) => Ok((text.clone(), overrides)),
        Template::Broken(why) => Err(broken(why)),
        Template::Compiled(_) if content.binary => Err(broken("the body is binary")),
        Template::Compiled(template) => {
            let body = String::from_utf8_lossy(&content.body);
            let rendered = heavy::render(template, &TurnMessage { turn, body }, &overrides);
            let rendered = rendered.map_err(|error| broken(&error.to_string()))?;
            Ok((rendered.text.into(), rendered.overrides))
        }
    }
}

/// Whether the function is waited for: by the header `X-Amz-Invocation-Type`.
fn kind(turn: &Turn<'_>, integration: &Integration) -> InvokeKind {
    let is_kind = |place: &Place| matches!(place, Place::Header(name) if name.eq_ignore_ascii_case("x-amz-invocation-type"));
    let mut named = integration.parameters.iter().filter(|(place, _)| is_kind(place));
    let is_event = |source: &Source| turn.values(source).iter().any(|value| value == "Event");
    if named.any(|(_, source)| is_event(source)) { InvokeKind::Event } else { InvokeKind::RequestResponse }
}

async fn invoke(
    gateway: &Gateway,
    turn: &Turn<'_>,
    integration: &Integration,
    function: &Pattern,
    payload: Bytes,
) -> Result<InvokeReply, Fault> {
    let function = function.fill(&turn.stage.variables, |_| None)?;
    let source_arn = format!("{}/{}", turn.stage.arn(), turn.route_key);
    execution_log::sending(turn, &function, [], &payload);
    let invocation = InvokeCall {
        scope: turn.stage.scope.clone(),
        function: function.clone(),
        payload,
        kind: match integration.backend {
            Backend::Lambda(_) => kind(turn, integration),
            _ => InvokeKind::RequestResponse,
        },
        source: Some(InvokeSource { service: "apigateway.amazonaws.com", source_arn }),
        request_id: turn.invocation_id,
        trace: turn.trace().clone(),
    };
    let done = within(&gateway.clock, integration.timeout, gateway.invoke.invoke(invocation)).await?;
    let reply = done.map_err(|error| refused(error, &function))?;
    execution_log::answered(turn, [], &reply.payload);
    Ok(reply)
}

/// A service's answer.
async fn ask(
    gateway: &Gateway,
    turn: &Turn<'_>,
    integration: &Integration,
    service: &Service,
    body: Bytes,
) -> Result<Outcome, Fault> {
    let variables = &turn.stage.variables;
    let is_signed = turn.peer.grant.get().is_some_and(|granted| granted.grant.signer.is_some());
    service.credentials.as_ref().ok_or_else(service::no_role)?.check_for(variables, is_signed)?;
    let request = build(turn, integration, &service.endpoint, body)?;
    let asker = Asker {
        scope: &turn.stage.scope,
        variables,
        trace: turn.trace(),
        source_ip: turn.peer.source_ip,
        timeout: integration.timeout,
    };
    let reply = service::ask(gateway, &service.target, asker, request).await?;
    let headers = service::headers_of(&reply);
    execution_log::answered(turn, listed(&headers), &reply.body);
    Ok(Outcome { status: reply.status, headers, body: reply.body })
}

/// An HTTP backend's answer.
async fn send(
    gateway: &Gateway,
    turn: &Turn<'_>,
    integration: &Integration,
    endpoint: &Endpoint,
    body: Bytes,
) -> Result<Outcome, Fault> {
    let request = build(turn, integration, endpoint, body)?;
    let bytes_max = gateway.limits.gateway_body_bytes_max;
    let work = gateway.backends.exchange(request, &Terms::USUAL, bytes_max);
    let response = within(&gateway.clock, integration.timeout, pin!(work))
        .await?
        .map_err(|error| Fault::Network(error.to_string()))?;
    execution_log::answered(turn, listed(&response.headers), &response.body);
    Ok(Outcome { status: response.status, headers: response.headers, body: response.body })
}

/// The request to a host.
fn build(
    turn: &Turn<'_>,
    integration: &Integration,
    endpoint: &Endpoint,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Fault> {
    let is_proxy = matches!(integration.backend, Backend::HttpProxy(_));
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = endpoint.method.clone();
    *request.uri_mut() = uri(turn, integration, endpoint, is_proxy)?;
    let headers = request.headers_mut();
    if let (Act::Connect(handshake), true) = (turn.act, is_proxy) {
        for (name, value) in &handshake.headers {
            if name != HOST && !is_of_handshake(name) && !is_dropped_from_request(name.as_str()) {
                headers.append(name, value.clone());
            }
        }
    }
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (place, source) in &integration.parameters {
        let Place::Header(name) = place else { continue };
        let (Ok(name), values) = (HeaderName::from_bytes(name.as_bytes()), turn.values(source)) else {
            continue;
        };
        for value in values.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(&name, value);
        }
    }
    let agent = format!("AmazonAPIGateway_{}", turn.peer.api_id);
    for (name, value) in [("user-agent", agent.as_str()), ("x-amzn-trace-id", &turn.trace().passed_on())] {
        if let (false, Ok(value)) = (headers.contains_key(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    execution_log::sending(turn, request.uri(), listed(request.headers()), &body);
    Ok(request)
}

fn is_of_handshake(name: &HeaderName) -> bool {
    name.as_str().starts_with("sec-websocket-") || matches!(name.as_str(), "upgrade" | "connection")
}

fn uri(
    turn: &Turn<'_>,
    integration: &Integration,
    endpoint: &Endpoint,
    is_proxy: bool,
) -> Result<Uri, Fault> {
    let parameters = &integration.parameters;
    let mut text = endpoint.uri.fill(&turn.stage.variables, |name| {
        let named = |place: &Place| matches!(place, Place::Path(known) if known == name);
        let (_, source) = parameters.iter().find(|(place, _)| named(place))?;
        turn.values(source).into_iter().next()
    })?;
    let mut query = match (turn.act, is_proxy) {
        (Act::Connect(request), true) => request.query.clone(),
        _ => String::new(),
    };
    for (place, source) in parameters {
        let Place::Query(name) = place else { continue };
        for value in turn.values(source) {
            let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let join = if query.is_empty() { "" } else { "&" };
            query = format!("{query}{join}{}={}", encode(name), encode(&value));
        }
    }
    if !query.is_empty() {
        text = format!("{text}{}{query}", if text.contains('?') { '&' } else { '?' });
    }
    text.parse().map_err(|error| Fault::Configuration(format!("the URI {text}: {error}")))
}

/// `errorMessage` of a function's error.
fn error_message(payload: &[u8]) -> Option<String> {
    let mut reader = Reader::new(payload, 32).ok()?;
    reader.begin_object().ok()?;
    while let Some(key) = reader.next_key().ok()? {
        if key == "errorMessage" {
            return reader.string().ok().map(Cow::into_owned);
        }
        reader.skip().ok()?;
    }
    None
}
