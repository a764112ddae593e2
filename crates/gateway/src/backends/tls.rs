//! How https backends and the gateway know each other: whose certificates they may show, and which it shows. Knows no API.

use std::path::PathBuf;
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

/// Where Linux distributions and macOS keep the certificates that the system trusts.
const ROOTS: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trust {
    /// Certificates of the authorities that the system trusts.
    Authorities,
    /// Those of others and self-signed ones too, if they are of this time and for the backend's name.
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/api/API_TlsConfig.html>
    Anyone,
}

/// A certificate with its key, by which backends may know the gateway. Those of one id are the same.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Pair>);

struct Pair {
    id: String,
    certificate_pem: String,
    key_pem: String,
}

impl Identity {
    pub(crate) fn new(id: String, certificate_pem: String, key_pem: String) -> Self {
        Self(Arc::new(Pair { id, certificate_pem, key_pem }))
    }

    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), pem::Error> {
        let chain =
            CertificateDer::pem_slice_iter(self.0.certificate_pem.as_bytes()).collect::<Result<_, _>>()?;
        Ok((chain, PrivateKeyDer::from_pem_slice(self.0.key_pem.as_bytes())?))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.0.id).finish()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Identity {}

impl std::hash::Hash for Identity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

/// On which terms a backend is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    pub(crate) trust: Trust,
    /// Shown to backends that ask for one.
    pub(crate) identity: Option<Identity>,
}

impl Terms {
    /// Authorities are trusted, and nobody is told who calls.
    pub(crate) const USUAL: Self = Self { trust: Trust::Authorities, identity: None };
}

/// https with the certificates that the system trusts, or those of `SSL_CERT_FILE`; plain http too.
pub fn connector() -> HttpsConnector<HttpConnector> {
    connector_on(&Terms::USUAL)
}

/// The same on other terms.
pub(super) fn connector_on(terms: &Terms) -> HttpsConnector<HttpConnector> {
    let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots()), provider()).build();
    let verified = match (terms.trust, strict) {
        (Trust::Anyone, Ok(strict)) => {
            builder().dangerous().with_custom_certificate_verifier(Arc::new(Lenient { strict }))
        }
        // A system without authorities has none to be lenient with either; the log has been told.
        (Trust::Anyone, Err(_)) | (Trust::Authorities, _) => builder().with_root_certificates(roots()),
    };
    let shown = terms.identity.as_ref().map(Identity::read);
    over(match shown {
        Some(Ok((chain, key))) => match verified.clone().with_client_auth_cert(chain, key) {
            Ok(config) => config,
            Err(error) => unknown(verified, &error),
        },
        Some(Err(error)) => unknown(verified, &error),
        None => verified.with_no_client_auth(),
    })
}

/// Whoever asks for a certificate refuses the call.
fn unknown(
    verified: ConfigBuilder<ClientConfig, WantsClientCert>,
    error: &dyn std::fmt::Display,
) -> ClientConfig {
    tracing::error!(%error, "a client certificate cannot be read and is shown to no backend");
    verified.with_no_client_auth()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder() -> ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of the protocol versions it is built with")
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let given = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from).filter(|path| path.exists());
    let found = given.or_else(|| ROOTS.iter().map(PathBuf::from).find(|path| path.exists()));
    match found.map(CertificateDer::pem_file_iter) {
        Some(Ok(certificates)) => drop(roots.add_parsable_certificates(certificates.flatten())),
        _ => tracing::warn!("no root certificates were found: https backends of APIs cannot be verified"),
    }
    roots
}

fn over(config: ClientConfig) -> HttpsConnector<HttpConnector> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http)
}

/// Asks everything of a certificate but who issued it.
#[derive(Debug)]
struct Lenient {
    strict: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // Its time was looked at before its issuer, its names are after it. What is unnamed here is an authority's own
            // certificate, which `openssl req -x509` makes.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_))) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
