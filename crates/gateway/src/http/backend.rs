//! HTTP_PROXY integrations of HTTP APIs: the request to a URL, its answer as the answer.

use std::pin::pin;

use http::header::{FORWARDED, USER_AGENT, VIA};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;

use crate::backends::Terms;
use crate::http::call::HttpCall;
use crate::http::fault::HttpFault;
use crate::rest::headers::{self, Origin};
use crate::rest::lambda::within;
use crate::rest::uri::Pattern;
use crate::{Gateway, StageResponse, steps};

/// Where a route's requests go.
#[derive(Debug)]
pub(crate) struct HttpBackend {
    pub(crate) uri: Pattern,
    /// None: the request's own.
    pub(crate) method: Option<Method>,
}

pub(crate) async fn proxy(
    gateway: &Gateway,
    call: &HttpCall<'_>,
    backend: &HttpBackend,
) -> Result<StageResponse, HttpFault> {
    let mut request = Request::new(Full::new(call.request.body.clone()));
    *request.method_mut() = backend.method.clone().unwrap_or_else(|| call.request.method.clone());
    *request.uri_mut() = uri(call, backend)?;
    *request.headers_mut() = headers_of(call)?;
    steps::sending(call.trace(), request.uri(), &call.request.body);
    let bytes_max = gateway.limits.gateway_body_bytes_max;
    let sent = gateway.backends.exchange(request, &Terms::USUAL, bytes_max);
    let done = within(&gateway.clock, call.route.timeout, pin!(sent)).await;
    let mut response =
        done.map_err(|_| HttpFault::Timeout)?.map_err(|error| HttpFault::Unreachable(error.to_string()))?;
    steps::answered(call.trace(), Some(response.status), &response.body);
    headers::remap(&mut response.headers, Origin::HttpProxy);
    Ok(response)
}

/// The integration's URI with its places filled; the request's query behind it, and a mapped path in place of its own.
fn uri(call: &HttpCall<'_>, backend: &HttpBackend) -> Result<Uri, HttpFault> {
    let internal = |why: String| HttpFault::Internal(why);
    let parameter = |name: &str| {
        let mut parameters = call.raw_parameters();
        parameters.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    let filled = backend.uri.fill(&call.stage.variables, parameter);
    let mut text = filled.map_err(|fault| internal(fault.to_string()))?;
    if let Some(path) = &call.mapped_path {
        let (before, query) = text.split_once('?').map_or((text.as_str(), None), |(b, q)| (b, Some(q)));
        let authority = before.find("://").map_or(0, |at| at + 3);
        let end = before[authority..].find('/').map_or(before.len(), |at| authority + at);
        text = format!("{}{path}{}", &before[..end], query.map_or_else(String::new, |q| format!("?{q}")));
    }
    if !call.request.query.is_empty() {
        let join = if text.contains('?') { '&' } else { '?' };
        text = format!("{text}{join}{}", call.request.query);
    }
    let uri: Uri = text.parse().map_err(|error| internal(format!("the URI {text}: {error}")))?;
    if uri.authority().is_some() { Ok(uri) } else { Err(internal(format!("the URI {text} names no host"))) }
}

fn headers_of(call: &HttpCall<'_>) -> Result<HeaderMap, HttpFault> {
    let request = &call.request;
    let mut sent = headers::forwarded(request);
    let looped = |hops| HttpFault::Internal(format!("the request came through {hops} gateways"));
    headers::count_hop(&mut sent, request).map_err(looped)?;
    headers::set_trace(&mut sent, call.trace(), request);
    let (ip, host, scheme) = (request.source_ip, &request.host, request.scheme());
    headers::set(&mut sent, FORWARDED, &format!("for={ip};host={host};proto={scheme}"));
    headers::set(&mut sent, VIA, &format!("{} AmazonAPIGateway", request.protocol));
    if !sent.contains_key(USER_AGENT) {
        headers::set(&mut sent, USER_AGENT, &format!("AmazonAPIGateway_{}", call.stage.api_id));
    }
    Ok(sent)
}
