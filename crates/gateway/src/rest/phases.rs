//! The data plane of REST APIs: the phases through which every request to a stage goes, in AWS's order. Each is a
//! function of its name below; what a method does not ask for costs a comparison.

use std::sync::Arc;

use base::Trace;
use base::trace::SpanKind;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::rest::access::{self, Outcome};
use crate::rest::call::{Call, Ticket, Visit};
use crate::rest::execution_log::{self, Journal};
use crate::rest::fault::Fault;
use crate::rest::gateway_response;
use crate::rest::headers;
use crate::rest::live::LiveStage;
use crate::rest::program::Integration;
use crate::rest::route::Verb;
use crate::rest::{authorize, backend, cache, coding, lambda, mock, service, stream, usage, validation};
use crate::steps::{Place, blame, checked};
use crate::{Gateway, StageRequest, StageResponse};

/// Answers a request to a stage.
pub(crate) async fn serve(gateway: &Gateway, mut request: StageRequest) -> StageResponse {
    if request.body.len() > gateway.limits.gateway_body_bytes_max {
        return too_long(gateway.limits.gateway_body_bytes_max);
    }
    let mut ticket = Ticket::new(&request, gateway.clock.now());
    let stage = match find_stage(gateway, &request).await {
        Ok(stage) => stage,
        Err(fault) => return refuse(&request, &ticket, &fault),
    };
    if stage.tracing {
        ticket.sample(&request);
    }
    let unpacked = coding::unpack(&mut request, gateway.limits.gateway_body_bytes_max);
    let mut visit = Visit::new(&request, &ticket, &stage, stage.release(draw(&ticket)));
    visit.journal = stage.logs().then(|| Journal::new(&gateway.clock));
    describe(&visit);
    let answered = match unpacked {
        Ok(()) => answer(gateway, &visit).await,
        Err(fault) => Err(fault),
    };
    let (response, fault) = match answered {
        Ok((mut response, with_trace)) => {
            complete(&visit, &mut response, with_trace);
            if let Some(bytes_min) = visit.release.program.compression_bytes_min {
                coding::pack(&request, &mut response, bytes_min);
            }
            headers::finish(&mut response.headers, &ticket);
            (response, None)
        }
        Err(fault) => {
            log(&request, &ticket, &fault);
            let mut response = gateway_response::render(&visit, &fault);
            execution_log::failed(&visit, &response, &fault);
            headers::finish(&mut response.headers, &ticket);
            (response, Some(fault))
        }
    };
    let ended = gateway.clock.now();
    access::log(&*gateway.logs, &visit, Outcome { response: &response, fault: fault.as_ref(), ended });
    let setting = stage.setting(&request.method, visit.routed.get().copied());
    execution_log::flush(&*gateway.logs, &visit, setting);
    response
}

/// What stands before every API on AWS says, of no API and in no JSON.
fn too_long(bytes_max: usize) -> StageResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text; charset=utf-8"));
    let text = format!("HTTP content length exceeded {bytes_max} bytes.");
    StageResponse::new(413, headers, text.into())
}

/// Before there is a deployment that could say how it answers.
fn refuse(request: &StageRequest, ticket: &Ticket, fault: &Fault) -> StageResponse {
    log(request, ticket, fault);
    let mut response = fault.answer();
    headers::finish(&mut response.headers, ticket);
    response
}

/// The phases. The flag says whether the answer tells its trace.
async fn answer<'a>(gateway: &Gateway, visit: &'a Visit<'a>) -> Result<(StageResponse, bool), Fault> {
    let request = visit.request;
    execution_log::received(visit);
    let trace = &visit.ticket.trace;
    checked(trace, "Endpoint", refuse_closed_endpoint(visit))?;
    checked(trace, "Headers", refuse_large_headers(gateway, request))?;
    let judged = checked(trace, "Resource policy", authorize::judge(gateway, visit))?;
    let call = checked(trace, "Route", route(visit))?;
    checked(trace, "Authorization", authorize::authorize(gateway, &call, judged).await)?;
    execution_log::admitting(&call);
    checked(trace, "Usage plan", usage::admit(gateway, &call).await)?;
    execution_log::admitted(&call);
    execute(gateway, &call).await
}

/// Whose the trace is, and which stage it came to.
fn describe(visit: &Visit<'_>) {
    let trace = &visit.ticket.trace;
    if trace.is_recorded() {
        let stage = visit.stage;
        trace.belongs_to(stage.scope.account);
        trace.set_resource("apigateway", &Place(&stage.api_id, &stage.name).to_string());
    }
}

/// What the method itself does.
async fn execute(gateway: &Gateway, call: &Call<'_>) -> Result<(StageResponse, bool), Fault> {
    execution_log::began(call);
    checked(call.trace(), "Validation", validation::validate(call).await)?;
    cache::answer(gateway, call).await
}

/// The answer of a method that is tried out: who may call it is not asked.
pub(crate) async fn try_out(gateway: &Gateway, call: &Call<'_>) -> StageResponse {
    match execute(gateway, call).await {
        Ok((mut response, with_trace)) => {
            complete(call, &mut response, with_trace);
            response
        }
        Err(fault) => {
            let response = gateway_response::render(call.visit, &fault);
            execution_log::failed(call, &response, &fault);
            response
        }
    }
}

/// The headers that every method's answer has.
fn complete(visit: &Visit<'_>, response: &mut StageResponse, with_trace: bool) {
    response.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    execution_log::completed(visit, response, with_trace);
    if with_trace {
        headers::set(&mut response.headers, headers::TRACE_ID, visit.ticket.trace.header());
    }
}

/// Path and verb -> method.
fn route<'a>(visit: &'a Visit<'a>) -> Result<Call<'a>, Fault> {
    let verb = Verb::of_request(&visit.request.method);
    let found = verb.and_then(|verb| visit.release.program.route(&visit.request.path, verb));
    let (method, route) = found.ok_or(Fault::MissingAuthenticationToken)?;
    visit.routed.get_or_init(|| method);
    if visit.ticket.trace.is_recorded() {
        visit.ticket.trace.set("route", format!("{} {}", visit.request.method, method.resource_path));
    }
    Ok(Call { visit, method, route })
}

/// Host or path -> stage. On AWS a host without an API does not resolve; here it is forbidden like a stage that is
/// not there.
async fn find_stage(gateway: &Gateway, request: &StageRequest) -> Result<Arc<LiveStage>, Fault> {
    let found = gateway.live.find(&gateway.store, &request.api_id, &request.stage).await;
    found.map_err(|error| Fault::Internal(error.to_string()))?.flatten().ok_or(Fault::Forbidden)
}

/// A number for the canary's split, made of the request's id alone: the same ids split the same way.
fn draw(ticket: &Ticket) -> u32 {
    let id = ticket.request_id.0;
    let mut mixed = (id >> 64) as u64 ^ id as u64;
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mixed = (mixed ^ (mixed >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(factor);
    }
    (mixed >> 32) as u32
}

fn refuse_closed_endpoint(visit: &Visit<'_>) -> Result<(), Fault> {
    let closed = visit.release.program.endpoint_disabled && visit.request.base_path.is_none();
    if closed { Err(Fault::Forbidden) } else { Ok(()) }
}

pub(crate) fn refuse_large_headers(gateway: &Gateway, request: &StageRequest) -> Result<(), Fault> {
    let bytes = headers::value_bytes(&request.headers);
    if bytes > gateway.limits.gateway_header_bytes_max { Err(Fault::HeadersTooLarge) } else { Ok(()) }
}

/// Integration request, integration, integration response.
pub(crate) async fn integrate(gateway: &Gateway, call: &Call<'_>) -> Result<(StageResponse, bool), Fault> {
    let began = gateway.clock.now();
    let span = call.ticket.trace.span(SpanKind::Integration, call.method.integration.name());
    call.integrating.get_or_init(|| Trace::clone(&span));
    let answered = ask(gateway, call).await.inspect_err(|fault| blame(&span, fault));
    drop(span);
    let latency_ms = i64::try_from(gateway.clock.now().since(began).as_millis()).unwrap_or(i64::MAX);
    call.integration_latency_ms.get_or_init(|| latency_ms);
    answered
}

async fn ask(gateway: &Gateway, call: &Call<'_>) -> Result<(StageResponse, bool), Fault> {
    match &call.method.integration {
        Integration::LambdaProxy(lambda) => Ok((lambda::proxy(gateway, call, lambda).await?, true)),
        Integration::LambdaStream(lambda) => Ok((stream::lambda(gateway, call, lambda).await?, true)),
        Integration::Lambda(lambda, mapping) => {
            Ok((lambda::plain(gateway, call, lambda, mapping).await?, true))
        }
        Integration::Mock(mapping) => Ok((mock::answer(call, mapping)?, true)),
        Integration::HttpProxy(backend) => Ok((backend::proxy(gateway, call, backend).await?, false)),
        Integration::HttpStream(backend) => Ok((stream::http(gateway, call, backend).await?, false)),
        Integration::Http(backend, mapping) => {
            Ok((backend::plain(gateway, call, backend, mapping).await?, true))
        }
        Integration::Service(backend, mapping) => {
            Ok((service::call(gateway, call, backend, mapping).await?, true))
        }
        Integration::Broken(why) => Err(Fault::Configuration(why.clone())),
        Integration::Unsupported(what) => Err(Fault::Unsupported(what.clone())),
    }
}

/// What the caller is not told, the log is.
fn log(request: &StageRequest, ticket: &Ticket, fault: &Fault) {
    let (api, stage, path) = (&request.api_id, &request.stage, &request.path);
    let request_id = ticket.request_id;
    match fault {
        Fault::MissingAuthenticationToken
        | Fault::Forbidden
        | Fault::InvalidApiKey
        | Fault::Unauthorized
        | Fault::TokenExpired
        | Fault::AccessDenied(_)
        | Fault::Signature { .. }
        | Fault::EventTooLarge(_)
        | Fault::HeadersTooLarge
        | Fault::UnsupportedMediaType
        | Fault::Throttled
        | Fault::QuotaExceeded
        | Fault::InvalidBody(_)
        | Fault::MissingParameters(_)
        | Fault::BadBody(_) => {
            tracing::debug!(%api, %stage, %path, %request_id, %fault, "refused");
        }
        _ => {
            tracing::warn!(%api, %stage, %path, %request_id, %fault, "the gateway answered for the integration")
        }
    }
}
