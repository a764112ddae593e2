//! HTTP integrations, proxy and plain: from a call to the backend's request, and from its answer to the method's.

use std::pin::pin;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use vtl::Overrides;

use crate::backends::{BackendError, Terms};
use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::headers::{self, Origin, event_name, is_dropped_from_request};
use crate::rest::lambda::within;
use crate::rest::mapping::Place;
use crate::rest::program::{HttpBackend, Mapping};
use crate::rest::template::Mapped;
use crate::rest::{execution_log, respond, transform};
use crate::{Gateway, StageResponse};

/// What a value in a query or a path keeps as it is.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The request as it came, to the backend; the backend's answer as the answer.
pub(crate) async fn proxy(
    gateway: &Gateway,
    call: &Call<'_>,
    backend: &HttpBackend,
) -> Result<StageResponse, Fault> {
    let mut response = send(gateway, call, backend, Outgoing::forwarded(call)).await?;
    headers::remap(&mut response.headers, Origin::HttpProxy);
    Ok(response)
}

/// What the mappings say of the request, to the backend; its answer through an integration response.
pub(crate) async fn plain(
    gateway: &Gateway,
    call: &Call<'_>,
    backend: &HttpBackend,
    mapping: &Mapping,
) -> Result<StageResponse, Fault> {
    let request = Outgoing::mapped(call, mapping)?;
    let overrides = request.overrides.clone();
    let response = send(gateway, call, backend, request).await?;
    let selected = response.status.to_string();
    let answer =
        respond::IntegrationAnswer { headers: Some(response.headers), body: response.body, overrides };
    respond::respond(call, mapping, &selected, &answer)
}

/// What goes to a backend, before what is mapped is put in.
pub(crate) struct Outgoing {
    headers: HeaderMap,
    query: String,
    pub(crate) body: Bytes,
    /// What the request's template puts in place of what is mapped.
    pub(crate) overrides: Overrides,
}

impl Outgoing {
    /// The request as it came.
    pub(crate) fn forwarded(call: &Call<'_>) -> Self {
        let (query, body) = (call.request.query.clone(), call.request.body.clone());
        Self { headers: headers::forwarded(call.request), query, body, overrides: Overrides::default() }
    }

    /// Of an integration that is no proxy: nothing of the caller's but what is mapped, and the body.
    pub(crate) fn mapped(call: &Call<'_>, mapping: &Mapping) -> Result<Self, Fault> {
        let mut headers = HeaderMap::new();
        headers::set(&mut headers, ACCEPT, "application/json");
        headers::set(&mut headers, CONTENT_TYPE, call.request.media_type().unwrap_or("application/json"));
        let Mapped { body, overrides } = transform::request(call, mapping)?;
        Ok(Self { headers, query: String::new(), body, overrides })
    }
}

async fn send(
    gateway: &Gateway,
    call: &Call<'_>,
    backend: &HttpBackend,
    outgoing: Outgoing,
) -> Result<StageResponse, Fault> {
    let sent = outgoing.body.clone();
    let request = build(call, backend, outgoing)?;
    let (began, headers) = (gateway.clock.now(), execution_log::listed(request.headers()));
    execution_log::sending(call, request.uri(), headers, &sent);
    let body_bytes_max = gateway.limits.gateway_body_bytes_max;
    let terms = terms(call, backend);
    let work = async {
        let response = gateway.backends.exchange(request, &terms, body_bytes_max).await.map_err(refused)?;
        let status = *call.integration_status.get_or_init(|| response.status);
        let latency = gateway.clock.now().since(began);
        let headers = execution_log::listed(&response.headers);
        execution_log::answered(call, (status, latency), headers, &response.body);
        Ok(response)
    };
    within(&gateway.clock, call.method.timeout, pin!(work)).await?
}

/// On which terms a stage's backend is called.
pub(crate) fn terms(call: &Call<'_>, backend: &HttpBackend) -> Terms {
    Terms { trust: backend.trust, identity: call.stage.identity.clone() }
}

pub(crate) fn refused(error: BackendError) -> Fault {
    match error {
        BackendError::Network(_) => Fault::Network(error.to_string()),
        BackendError::Body(_) => Fault::BadGateway(error.to_string()),
    }
}

/// The request to a backend, with what is mapped and what a template overrides.
pub(crate) fn build(
    call: &Call<'_>,
    backend: &HttpBackend,
    mut outgoing: Outgoing,
) -> Result<Request<Full<Bytes>>, Fault> {
    for (place, source) in &backend.parameters {
        let Place::Header(name) = place else { continue };
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        if is_dropped_from_request(name.as_str()) {
            return Err(Fault::Configuration(format!(
                "the header {} cannot be mapped",
                event_name(name.as_str())
            )));
        }
        replace_header(&mut outgoing.headers, &name, &call.values(source));
    }
    for (name, value) in &outgoing.overrides.request_headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        if !is_dropped_from_request(name.as_str()) {
            replace_header(&mut outgoing.headers, &name, &value.texts());
        }
    }
    headers::count_hop(&mut outgoing.headers, call.request).map_err(Fault::Loop)?;
    headers::set_trace(&mut outgoing.headers, call.trace(), call.request);
    headers::set(&mut outgoing.headers, headers::API_ID, &call.stage.api_id);
    if !outgoing.headers.contains_key(USER_AGENT) {
        headers::set(&mut outgoing.headers, USER_AGENT, &format!("AmazonAPIGateway_{}", call.stage.api_id));
    }
    let method = backend.method.clone().unwrap_or_else(|| call.request.method.clone());
    // A GET or HEAD with a body is asked for by nobody and refused by many backends.
    let body = if matches!(method, Method::GET | Method::HEAD) { Bytes::new() } else { outgoing.body };
    let uri = uri(call, backend, &outgoing.query, &outgoing.overrides)?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = outgoing.headers;
    Ok(request)
}

fn replace_header(headers: &mut HeaderMap, name: &HeaderName, values: &[String]) {
    headers.remove(name);
    for value in values {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(name, value);
        }
    }
}

/// The backend's URI: path parameters as mapped, else those of the same name; the query with the mapped one behind.
fn uri(call: &Call<'_>, backend: &HttpBackend, query: &str, overrides: &Overrides) -> Result<Uri, Fault> {
    let text = backend.uri.fill(&call.release.variables, |name| {
        if let Some((_, value)) = overrides.request_path.iter().find(|(known, _)| known == name) {
            return value.texts().into_iter().next();
        }
        let mapped = backend
            .parameters
            .iter()
            .find(|(place, _)| matches!(place, Place::Path(mapped) if mapped == name));
        match mapped {
            Some((_, source)) => call.values(source).into_iter().next(),
            None => call.path_parameter(name).map(str::to_owned),
        }
    })?;
    let mut queries = vec![query.to_owned()];
    let mut add = |name: &str, values: Vec<String>| {
        let encode = |text: &str| utf8_percent_encode(text, VALUE).to_string();
        queries.extend(values.iter().map(|value| format!("{}={}", encode(name), encode(value))));
    };
    for (place, source) in &backend.parameters {
        let Place::Query(name) = place else { continue };
        if !overrides.request_querystring.iter().any(|(known, _)| known == name) {
            add(name, call.values(source));
        }
    }
    overrides.request_querystring.iter().for_each(|(name, value)| add(name, value.texts()));
    queries.retain(|query| !query.is_empty());
    let join = if text.contains('?') { "&" } else { "?" };
    let text = if queries.is_empty() { text } else { text + join + &queries.join("&") };
    let uri: Uri = text.parse().map_err(|error| Fault::Configuration(format!("the URI {text}: {error}")))?;
    match uri.authority() {
        Some(_) => Ok(uri),
        None => Err(Fault::Configuration(format!("the URI {text} names no host"))),
    }
}
