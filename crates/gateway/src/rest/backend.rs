//! HTTP integrations, proxy and plain: one pooled client for all backends, https with the host's root certificates.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use vtl::Overrides;

use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::headers::{self, Origin, event_name, is_dropped_from_request};
use crate::rest::lambda::within;
use crate::rest::mapping::Place;
use crate::rest::program::{HttpBackend, Mapping};
use crate::rest::template::Mapped;
use crate::rest::{execution_log, respond, transform};
use crate::{Gateway, StageResponse};

/// Where Linux distributions and macOS keep the certificates that the system trusts.
const ROOTS: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];
const IDLE_PER_HOST_MAX: usize = 64;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// An API whose backend is itself would else hold a connection and its buffers for every time round.
const HOPS_MAX: u32 = 16;

/// What a value in a query or a path keeps as it is.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The client, made when a backend is first called: who has no HTTP integration pays nothing for it.
#[derive(Debug, Default)]
pub(crate) struct Backends {
    pool: OnceLock<Pool>,
}

impl Backends {
    fn pool(&self) -> &Pool {
        self.pool.get_or_init(|| {
            Client::builder(TokioExecutor::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
                .pool_timer(TokioTimer::new())
                .build(connector())
        })
    }

    /// The document at `url`, if it is there and not larger than `bytes_max`: what issuers say of themselves.
    pub(crate) async fn get(&self, url: &str, bytes_max: usize) -> Result<Bytes, String> {
        let uri: Uri = url.parse().map_err(|error| format!("no URL: {error}"))?;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let response = self.pool().request(request).await.map_err(|error| error.to_string())?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("status {}", response.status()));
        }
        let body = Limited::new(response.into_body(), bytes_max).collect().await;
        body.map(http_body_util::Collected::to_bytes).map_err(|error| error.to_string())
    }
}

impl Backends {
    /// The whole answer to `request`.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        body_bytes_max: usize,
    ) -> Result<StageResponse, String> {
        let response = self.pool().request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, body_bytes_max).collect().await;
        let body = body.map_err(|error| format!("the backend's body: {error}"))?.to_bytes();
        Ok(StageResponse { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// https with the certificates that the system trusts, or those of `SSL_CERT_FILE`; plain http too.
pub fn connector() -> HttpsConnector<HttpConnector> {
    let mut roots = rustls::RootCertStore::empty();
    let given = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from).filter(|path| path.exists());
    let found = given.or_else(|| ROOTS.iter().map(PathBuf::from).find(|path| path.exists()));
    match found.map(CertificateDer::pem_file_iter) {
        Some(Ok(certificates)) => drop(roots.add_parsable_certificates(certificates.flatten())),
        _ => tracing::warn!("no root certificates were found: https backends of APIs cannot be verified"),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of the protocol versions it is built with")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http)
}

/// The request as it came, to the backend; the backend's answer as the answer.
pub(crate) async fn proxy(
    gateway: &Gateway,
    call: &Call<'_>,
    backend: &HttpBackend,
) -> Result<StageResponse, Fault> {
    let mut headers = HeaderMap::with_capacity(call.request.headers.len() + 4);
    for (name, value) in &call.request.headers {
        if !is_dropped_from_request(name.as_str())
            && name != HOST
            && !headers::is_hop(name, &call.request.headers)
        {
            headers.append(name, value.clone());
        }
    }
    headers::set(&mut headers, "x-forwarded-for", &call.request.forwarded_for());
    headers::set(&mut headers, "x-forwarded-port", call.request.port());
    headers::set(&mut headers, "x-forwarded-proto", call.request.scheme());
    let query = call.request.query.clone();
    let (body, overrides) = (call.request.body.clone(), Overrides::default());
    let request = Outgoing { headers, query, body, overrides };
    let mut response = send(gateway, call, backend, request).await?;
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
    /// Of an integration that is no proxy: nothing of the caller's but what is mapped, and the body.
    pub(crate) fn mapped(call: &Call<'_>, mapping: &Mapping) -> Result<Self, Fault> {
        let mut headers = HeaderMap::new();
        headers::set(&mut headers, "accept", "application/json");
        headers::set(&mut headers, "content-type", call.request.media_type().unwrap_or("application/json"));
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
    execution_log::sending(call, &request.uri().to_string(), headers, &sent);
    let body_bytes_max = gateway.limits.gateway_body_bytes_max;
    let pool = gateway.backends.pool();
    let work = async {
        let response = pool.request(request).await.map_err(|error| Fault::Network(error.to_string()))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, body_bytes_max).collect().await;
        let body =
            body.map_err(|error| Fault::BadGateway(format!("the backend's body: {error}")))?.to_bytes();
        call.integration_status.get_or_init(|| parts.status.as_u16());
        let (status, latency) = (parts.status.as_u16(), gateway.clock.now().since(began));
        execution_log::answered(call, (status, latency), execution_log::listed(&parts.headers), &body);
        Ok(StageResponse { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    within(&gateway.clock, call.method.timeout, work).await?
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
    let hops = call.request.header(headers::HOPS).and_then(|hops| hops.parse().ok()).unwrap_or(0);
    if hops >= HOPS_MAX {
        return Err(Fault::Loop(hops));
    }
    headers::set(&mut outgoing.headers, headers::HOPS, &(hops + 1).to_string());
    headers::set(&mut outgoing.headers, "x-amzn-trace-id", &call.ticket.trace.0);
    headers::set(&mut outgoing.headers, "x-amzn-apigateway-api-id", &call.stage.api_id);
    if !outgoing.headers.contains_key(USER_AGENT) {
        headers::set(&mut outgoing.headers, "user-agent", &format!("AmazonAPIGateway_{}", call.stage.api_id));
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
