//! The data plane of HTTP APIs: the phases through which every request to a stage goes, in AWS's order.

use std::borrow::Cow;
use std::sync::Arc;

use base::Trace;
use base::trace::SpanKind;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use ports::{InvokeCall, InvokeError, InvokeKind, InvokeSource};

use crate::access_log::IntegrationFacts;
use crate::http::access::{self, Outcome};
use crate::http::call::{HttpCall, HttpVisit};
use crate::http::cors::Cors;
use crate::http::fault::HttpFault;
use crate::http::live::HttpStage;
use crate::http::program::{Integration, Payload, Program, Route, Target, Unusable};
use crate::http::{authorize, backend, event};
use crate::rest::answer::Answer;
use crate::rest::call::Ticket;
use crate::rest::headers::{self, Origin};
use crate::rest::lambda::within;
use crate::rest::route::Verb;
use crate::steps::{Place, blame, checked};
use crate::v2::stage::DEFAULT_STAGE;
use crate::{Gateway, StageRequest, StageResponse, UrlStyle};

/// Answers a request to a stage of an HTTP API; none if the URL names no HTTP API.
pub(crate) async fn serve(gateway: &Gateway, request: &StageRequest) -> Option<StageResponse> {
    let ticket = Ticket::new(request, gateway.clock.now());
    let (stage, path) = match find_stage(gateway, request).await {
        Ok(Found::Stage(stage, path)) => (stage, path),
        Ok(Found::NotOurs) => return None,
        Ok(Found::NoStage) => return Some(refuse(request, &ticket, &HttpFault::NotFound)),
        Err(fault) => return Some(refuse(request, &ticket, &fault)),
    };
    let visit = HttpVisit::new(request, &ticket, (&stage, &path));
    if ticket.trace.is_recorded() {
        ticket.trace.belongs_to(stage.scope.account);
        ticket.trace.set_resource("apigateway", &Place(&stage.api_id, &stage.name).to_string());
    }
    let (response, fault) = match answer(gateway, &visit).await {
        Ok(response) => (response, None),
        Err(fault) => {
            log(request, &ticket, &fault);
            (fault.answer(), Some(fault))
        }
    };
    let response = finish(request, &ticket, stage.cors.as_ref(), response);
    let ended = gateway.clock.now();
    access::log(&*gateway.logs, &visit, Outcome { response: &response, fault: fault.as_ref(), ended });
    Some(response)
}

/// Before there is a stage that could say how it answers.
fn refuse(request: &StageRequest, ticket: &Ticket, fault: &HttpFault) -> StageResponse {
    log(request, ticket, fault);
    finish(request, ticket, None, fault.answer())
}

/// The phases.
async fn answer<'a>(gateway: &Gateway, visit: &'a HttpVisit<'a>) -> Result<StageResponse, HttpFault> {
    let trace = &visit.ticket.trace;
    checked(trace, "Endpoint", refuse_closed_endpoint(visit))?;
    checked(trace, "Size", refuse_large(gateway, visit.request))?;
    let program = visit.stage.program.as_deref().ok_or(HttpFault::NotFound)?;
    if let Some(preflight) = preflight(visit, program) {
        return Ok(preflight);
    }
    let mut call = checked(trace, "Route", route(visit, program))?;
    checked(trace, "Authorization", authorize::authorize(gateway, &call).await)?;
    checked(trace, "Throttling", throttle(gateway, &call))?;
    let integration = checked(trace, "Integration", usable(call.route))?;
    integration.request.apply_to_request(&mut call);
    let mut response = integrate(gateway, &call, integration).await?;
    if let Some(mappings) = integration.responses.get(&response.status) {
        mappings.apply_to_response(&call, &mut response);
    }
    Ok(response)
}

enum Found {
    NotOurs,
    NoStage,
    Stage(Arc<HttpStage>, String),
}

/// Host or path -> stage and the path behind it. `$default` has no place in the path; a stage that is named there
/// goes first.
async fn find_stage(gateway: &Gateway, request: &StageRequest) -> Result<Found, HttpFault> {
    let find = async |name: &str| {
        let found = gateway.http.find(&gateway.store, &request.api_id, name).await;
        found.map_err(|error| HttpFault::Internal(error.to_string()))
    };
    let Some(default) = find(DEFAULT_STAGE).await? else { return Ok(Found::NotOurs) };
    let named = percent_decode_str(&request.stage).decode_utf8_lossy();
    if let Some(stage) = find(&named).await?.flatten() {
        let slash = if request.path.starts_with('/') { "" } else { "/" };
        return Ok(Found::Stage(stage, format!("{slash}{}", request.path)));
    }
    match default {
        Some(stage) if request.style != UrlStyle::UserRequest && request.base_path.is_none() => {
            Ok(Found::Stage(stage, format!("/{}{}", request.stage, request.path)))
        }
        _ => Ok(Found::NoStage),
    }
}

fn refuse_closed_endpoint(visit: &HttpVisit<'_>) -> Result<(), HttpFault> {
    if visit.stage.closed && visit.request.base_path.is_none() { Err(HttpFault::NotFound) } else { Ok(()) }
}

fn refuse_large(gateway: &Gateway, request: &StageRequest) -> Result<(), HttpFault> {
    if request.body.len() > gateway.limits.gateway_body_bytes_max {
        Err(HttpFault::TooLarge)
    } else if headers::value_bytes(&request.headers) > gateway.limits.gateway_header_bytes_max {
        Err(HttpFault::HeadersTooLarge)
    } else {
        Ok(())
    }
}

/// With CORS configured the gateway answers preflights, unless a route for OPTIONS does.
fn preflight(visit: &HttpVisit<'_>, program: &Program) -> Option<StageResponse> {
    let request = visit.request;
    visit.stage.cors.as_ref().filter(|_| Cors::is_preflight(&request.method, &request.headers))?;
    let verb = Verb::of_request(&request.method);
    let own = program.route(visit.path, verb).is_some_and(|(route, _)| route.key.starts_with("OPTIONS "));
    (!own).then(|| StageResponse::new(204, HeaderMap::new(), Bytes::new()))
}

fn route<'a>(visit: &'a HttpVisit<'a>, program: &'a Program) -> Result<HttpCall<'a>, HttpFault> {
    let verb = Verb::of_request(&visit.request.method);
    let (route, found) = program.route(visit.path, verb).ok_or(HttpFault::NotFound)?;
    visit.routed.get_or_init(|| route);
    if visit.ticket.trace.is_recorded() {
        visit.ticket.trace.set("route", route.key.clone());
    }
    Ok(HttpCall { visit, request: Cow::Borrowed(visit.request), route, found, mapped_path: None })
}

fn throttle(gateway: &Gateway, call: &HttpCall<'_>) -> Result<(), HttpFault> {
    let Some((bucket, rate)) = call.stage.limit(&call.route.key) else { return Ok(()) };
    if gateway.http_buckets.take(&bucket, rate, call.ticket.received) {
        return Ok(());
    }
    Err(HttpFault::Throttled)
}

fn usable(route: &Route) -> Result<&Integration, HttpFault> {
    route.integration.as_ref().map_err(|unusable| match unusable {
        Unusable::Unsupported(what) => HttpFault::Unsupported(what),
        Unusable::Broken(why) => HttpFault::Internal((*why).to_owned()),
    })
}

async fn integrate(
    gateway: &Gateway,
    call: &HttpCall<'_>,
    integration: &Integration,
) -> Result<StageResponse, HttpFault> {
    let began = gateway.clock.now();
    let span = call.ticket.trace.span(SpanKind::Integration, integration.target.name());
    call.integrating.get_or_init(|| Trace::clone(&span));
    let answered = match &integration.target {
        Target::Lambda { function, payload, by_role } => {
            let function = function.fill(&call.stage.variables, |_| None);
            let function = function.map_err(|fault| HttpFault::Internal(fault.to_string()))?;
            let source = (!by_role)
                .then(|| InvokeSource { service: "apigateway.amazonaws.com", source_arn: call.source_arn() });
            lambda(gateway, call, (function, source), *payload).await
        }
        Target::Http(backend) => backend::proxy(gateway, call, backend).await,
    };
    let answered = answered.inspect_err(|fault| blame(&span, fault));
    drop(span);
    let latency_ms = u64::try_from(gateway.clock.now().since(began).as_millis()).unwrap_or(u64::MAX);
    call.integration.get_or_init(|| IntegrationFacts {
        status: answered.as_ref().ok().map(|response| response.status),
        latency_ms,
        error: answered.as_ref().err().and_then(HttpFault::of_integration),
        request_id: matches!(integration.target, Target::Lambda { .. })
            .then(|| call.ticket.request_id.to_string()),
    });
    answered
}

/// The event of the integration's payload format, and the function's answer as the answer.
async fn lambda(
    gateway: &Gateway,
    call: &HttpCall<'_>,
    (function, source): (String, Option<InvokeSource>),
    payload: Payload,
) -> Result<StageResponse, HttpFault> {
    let internal = |why: String| HttpFault::Internal(why);
    let invocation = InvokeCall {
        scope: call.stage.scope.clone(),
        function,
        payload: event::write(call, payload),
        kind: InvokeKind::RequestResponse,
        source,
        request_id: call.ticket.request_id,
        trace: call.trace().clone(),
    };
    let done = within(&gateway.clock, call.route.timeout, gateway.invoke.invoke(invocation)).await;
    let reply = done.map_err(|_| HttpFault::Timeout)?.map_err(|error| match error {
        InvokeError::TooLarge(_) => HttpFault::TooLarge,
        _ => internal(error.to_string()),
    })?;
    if let Some(kind) = reply.function_error {
        let error = String::from_utf8_lossy(&reply.payload);
        return Err(internal(format!("the function failed ({kind}): {error}")));
    }
    let answer = match payload {
        Payload::V1 => Answer::parse(&reply.payload),
        Payload::V2 => Answer::parse_v2(&reply.payload),
    };
    let answer = answer.map_err(|error| internal(error.to_string()))?;
    let body = answer.body(true).map_err(|error| internal(error.to_string()))?;
    let mut response = StageResponse::new(answer.status, answer.headers, body);
    headers::remap(&mut response.headers, Origin::Integration);
    if payload == Payload::V1 && !response.headers.contains_key("content-type") {
        headers::set(&mut response.headers, CONTENT_TYPE, "text/plain;charset=UTF-8");
    }
    Ok(response)
}

/// What every answer carries.
fn finish(
    request: &StageRequest,
    ticket: &Ticket,
    cors: Option<&Cors>,
    mut response: StageResponse,
) -> StageResponse {
    if let Some(cors) = cors {
        let is_preflight = Cors::is_preflight(&request.method, &request.headers);
        cors.apply(is_preflight, &request.headers, &mut response.headers);
    }
    headers::set(&mut response.headers, headers::APIGW_REQUEST_ID, &ticket.extended_id);
    response
}

/// What the caller is not told, the log is.
fn log(request: &StageRequest, ticket: &Ticket, fault: &HttpFault) {
    let (api, path, request_id) = (&request.api_id, &request.path, ticket.request_id);
    match fault {
        _ if fault.of_integration().is_some() => {
            tracing::warn!(%api, %path, %request_id, %fault, "the gateway answered for the integration");
        }
        _ => tracing::debug!(%api, %path, %request_id, %fault, "refused"),
    }
}
