//! The HTTP client behind every integration that calls a URL, and behind the key sets of issuers: one pool of
//! connections for all backends, https with the host's root certificates. Knows no API.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::StageResponse;

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

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why a backend gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    /// It cannot be reached, or what it says is no HTTP.
    #[error("{0}")]
    Network(String),
    /// Its body breaks off, or is larger than may be.
    #[error("the backend's body: {0}")]
    Body(String),
}

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
        let response = self.exchange(request, bytes_max).await.map_err(|error| error.to_string())?;
        if response.status != 200 {
            return Err(format!("status {}", response.status));
        }
        Ok(response.body)
    }

    /// The whole answer to `request`. Redirects are answers.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        body_bytes_max: usize,
    ) -> Result<StageResponse, BackendError> {
        let (parts, body) = self.send(request).await?.into_parts();
        let body = Limited::new(body, body_bytes_max).collect().await;
        let body = body.map_err(|error| BackendError::Body(error.to_string()))?.to_bytes();
        Ok(StageResponse::new(parts.status.as_u16(), parts.headers, body))
    }

    /// The answer to `request` as soon as its head is there, and its body as it comes.
    pub(crate) async fn open(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, BackendError> {
        self.send(request).await
    }

    /// A backend may close an idle connection in the moment in which it is used again. Then the request is sent
    /// once more, if sending it twice means the same as sending it once.
    /// Source: <https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2>
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, BackendError> {
        let again = request.method().is_idempotent().then(|| request.clone());
        let error = match (self.pool().request(request).await, again) {
            (Ok(response), _) => return Ok(response),
            (Err(error), Some(again)) if went_away(&error) => match self.pool().request(again).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            },
            (Err(error), _) => error,
        };
        Err(BackendError::Network(with_causes(&error)))
    }
}

/// The connection ended without a byte of an answer.
fn went_away(error: &ClientError) -> bool {
    let mut cause = error.source();
    while let Some(found) = cause {
        let closed = found.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let reset = found.downcast_ref::<std::io::Error>().is_some_and(|error| {
            matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)
        });
        if closed || reset {
            return !error.is_connect();
        }
        cause = found.source();
    }
    false
}

/// The client's own words say only which step failed.
fn with_causes(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text = format!("{text}: {found}");
        cause = found.source();
    }
    text
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
