//! The data plane of HTTP APIs: the phases through which every request to a stage goes, in AWS's order.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use ports::{InvokeCall, InvokeKind, InvokeSource};

use crate::http::authorize;
use crate::http::cors::Cors;
use crate::http::event;
use crate::http::fault::HttpFault;
use crate::http::live::{self, HttpStage};
use crate::http::program::{Integration, Payload, Program, Route};
use crate::rest::answer::Answer;
use crate::rest::authorize::path_in_arn;
use crate::rest::call::Ticket;
use crate::rest::grant::Granted;
use crate::rest::headers::{self, Origin};
use crate::rest::lambda::within;
use crate::rest::route::{Match, Verb};
use crate::rest::uri::Pattern;
use crate::v2::stage::DEFAULT_STAGE;
use crate::{Gateway, StageRequest, StageResponse, UrlStyle};

/// A routed request.
#[derive(Debug)]
pub(crate) struct HttpCall<'a> {
    pub(crate) request: &'a StageRequest,
    pub(crate) ticket: &'a Ticket,
    pub(crate) stage: &'a HttpStage,
    /// Behind the stage: raw, with its leading slash.
    pub(crate) path: &'a str,
    pub(crate) route: &'a Route,
    /// None for `$default`.
    pub(crate) found: Option<Match<'a>>,
    /// Who was let in, once somebody was asked.
    pub(crate) grant: OnceLock<Granted>,
}

/// Answers a request to a stage of an HTTP API; none if the URL names no HTTP API.
pub(crate) async fn serve(gateway: &Gateway, request: &StageRequest) -> Option<StageResponse> {
    let ticket = Ticket::new(request, gateway.clock.now());
    let answered = match find_stage(gateway, request).await {
        Ok(Found::NotOurs) => return None,
        Ok(Found::Stage(stage, path)) => {
            let answered = answer(gateway, request, &ticket, &stage, &path).await;
            return Some(finish(request, &ticket, stage.cors.as_ref(), answered));
        }
        Ok(Found::NoStage) => Err(HttpFault::NotFound),
        Err(fault) => Err(fault),
    };
    Some(finish(request, &ticket, None, answered))
}

/// The phases.
async fn answer(
    gateway: &Gateway,
    request: &StageRequest,
    ticket: &Ticket,
    stage: &HttpStage,
    path: &str,
) -> Result<StageResponse, HttpFault> {
    refuse_closed_endpoint(stage)?;
    refuse_large(gateway, request)?;
    let program = stage.program.as_deref().ok_or(HttpFault::NotFound)?;
    if let Some(preflight) = preflight(request, stage, program, path) {
        return Ok(preflight);
    }
    let verb = Verb::of_request(&request.method);
    let (route, found) = program.route(path, verb).ok_or(HttpFault::NotFound)?;
    let call = HttpCall { request, ticket, stage, path, route, found, grant: OnceLock::new() };
    authorize::authorize(gateway, &call).await?;
    throttle(gateway, &call)?;
    integrate(gateway, &call).await
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
        let loading = live::load(&gateway.store, &request.api_id);
        let found = gateway.http.find_or(&request.api_id, name, loading).await;
        found.map_err(|error| HttpFault::Internal(error.to_string()))
    };
    let Some(default) = find(DEFAULT_STAGE).await? else { return Ok(Found::NotOurs) };
    let named = percent_decode_str(&request.stage).decode_utf8_lossy();
    if let Some(stage) = find(&named).await?.flatten() {
        let slash = if request.path.starts_with('/') { "" } else { "/" };
        return Ok(Found::Stage(stage, format!("{slash}{}", request.path)));
    }
    match default {
        Some(stage) if request.style != UrlStyle::UserRequest => {
            Ok(Found::Stage(stage, format!("/{}{}", request.stage, request.path)))
        }
        _ => Ok(Found::NoStage),
    }
}

fn refuse_closed_endpoint(stage: &HttpStage) -> Result<(), HttpFault> {
    if stage.closed { Err(HttpFault::NotFound) } else { Ok(()) }
}

fn refuse_large(gateway: &Gateway, request: &StageRequest) -> Result<(), HttpFault> {
    if request.body.len() > gateway.limits.gateway_body_bytes_max { Err(HttpFault::TooLarge) } else { Ok(()) }
}

/// With CORS configured the gateway answers preflights, unless a route for OPTIONS does.
fn preflight(
    request: &StageRequest,
    stage: &HttpStage,
    program: &Program,
    path: &str,
) -> Option<StageResponse> {
    stage.cors.as_ref().filter(|_| Cors::is_preflight(&request.method, &request.headers))?;
    let verb = Verb::of_request(&request.method);
    let own = program.route(path, verb).is_some_and(|(route, _)| route.key.starts_with("OPTIONS "));
    (!own).then(|| StageResponse { status: 204, headers: HeaderMap::new(), body: Bytes::new() })
}

fn throttle(gateway: &Gateway, call: &HttpCall<'_>) -> Result<(), HttpFault> {
    let Some((bucket, rate)) = call.stage.limit(&call.route.key) else { return Ok(()) };
    if gateway.http_buckets.take(&bucket, rate, call.ticket.received) {
        return Ok(());
    }
    Err(HttpFault::Throttled)
}

async fn integrate(gateway: &Gateway, call: &HttpCall<'_>) -> Result<StageResponse, HttpFault> {
    match &call.route.integration {
        Integration::Lambda { function, payload } => lambda(gateway, call, function, *payload).await,
        Integration::Unsupported(what) => Err(HttpFault::Unsupported(what)),
        Integration::Broken(why) => Err(HttpFault::Internal((*why).to_owned())),
    }
}

/// The event of the integration's payload format, and the function's answer as the answer.
async fn lambda(
    gateway: &Gateway,
    call: &HttpCall<'_>,
    function: &Pattern,
    payload: Payload,
) -> Result<StageResponse, HttpFault> {
    let internal = |why: String| HttpFault::Internal(why);
    let filled = function.fill(&call.stage.variables, |_| None);
    let function = filled.map_err(|fault| internal(fault.to_string()))?;
    let source = InvokeSource { service: "apigateway.amazonaws.com", source_arn: call.source_arn() };
    let invocation = InvokeCall {
        scope: call.stage.scope.clone(),
        function,
        payload: event::write(call, payload),
        kind: InvokeKind::RequestResponse,
        source: Some(source),
        request_id: call.ticket.request_id,
        trace: call.ticket.trace.clone(),
    };
    let done = within(&gateway.clock, call.route.timeout, gateway.invoke.invoke(invocation)).await;
    let reply = done.map_err(|_| HttpFault::Timeout)?.map_err(|error| internal(error.to_string()))?;
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
    let mut response = StageResponse { status: answer.status, headers: answer.headers, body };
    headers::remap(&mut response.headers, Origin::Integration);
    if payload == Payload::V1 && !response.headers.contains_key("content-type") {
        headers::set(&mut response.headers, "content-type", "text/plain;charset=UTF-8");
    }
    Ok(response)
}

/// What every answer carries.
fn finish(
    request: &StageRequest,
    ticket: &Ticket,
    cors: Option<&Cors>,
    answered: Result<StageResponse, HttpFault>,
) -> StageResponse {
    let mut response = answered.unwrap_or_else(|fault| {
        log(request, ticket, &fault);
        fault.answer()
    });
    if let Some(cors) = cors {
        let is_preflight = Cors::is_preflight(&request.method, &request.headers);
        cors.apply(is_preflight, &request.headers, &mut response.headers);
    }
    headers::set(&mut response.headers, "apigw-requestid", &ticket.extended_id);
    response
}

/// What the caller is not told, the log is.
fn log(request: &StageRequest, ticket: &Ticket, fault: &HttpFault) {
    let (api, path, request_id) = (&request.api_id, &request.path, ticket.request_id);
    match fault {
        HttpFault::Internal(_) | HttpFault::Unsupported(_) | HttpFault::Timeout => {
            tracing::warn!(%api, %path, %request_id, %fault, "the gateway answered for the integration");
        }
        _ => tracing::debug!(%api, %path, %request_id, %fault, "refused"),
    }
}

impl HttpCall<'_> {
    /// The path as the client sent it, with the stage if that has a name.
    pub(crate) fn raw_path(&self) -> String {
        if self.stage.name == DEFAULT_STAGE {
            return self.path.to_owned();
        }
        format!("/{}{}", self.stage.name, self.path)
    }

    pub(crate) fn domain_prefix(&self) -> &str {
        match self.request.style {
            UrlStyle::Host => self.request.host_name().split('.').next().unwrap_or_default(),
            UrlStyle::UserRequest | UrlStyle::Path => &self.stage.api_id,
        }
    }

    /// Path parameters by their names, decoded.
    pub(crate) fn parameters(&self) -> Vec<(&str, String)> {
        let found = self.found.iter().flat_map(|found| found.params(self.path));
        found
            .map(|(name, value)| (name, percent_decode_str(value).decode_utf8_lossy().into_owned()))
            .collect()
    }

    /// `arn:aws:execute-api:us-east-1:000000000000:a1b2c3`
    pub(crate) fn api_arn(&self) -> String {
        let scope = &self.stage.scope;
        let partition = scope.region.partition();
        format!("arn:{partition}:execute-api:{}:{}:{}", scope.region, scope.account, self.stage.api_id)
    }

    /// The ARN that policies of authorizers speak of.
    pub(crate) fn route_arn(&self) -> String {
        let stage = format!("{}/{}", self.api_arn(), self.stage.name);
        format!("{stage}/{}/{}", self.request.method, path_in_arn(self.path))
    }

    /// The ARN that a function's resource policy is asked for.
    fn source_arn(&self) -> String {
        let (stage, route) = (&self.stage.name, self.route);
        let api = self.api_arn();
        match route.arn_path.starts_with('/') {
            true => format!("{api}/{stage}/{}{}", self.request.method, route.arn_path),
            false => format!("{api}/{stage}/{}", route.arn_path),
        }
    }
}
