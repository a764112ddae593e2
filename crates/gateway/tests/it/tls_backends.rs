//! Backends behind https, and whose certificates are taken.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::world::World;

/// A backend that shows a certificate which it issued itself, and answers every connection once.
async fn backend(certificate: &CertificateParams) -> SocketAddr {
    backend_for(certificate, None).await
}

/// The same, for clients who show this certificate alone.
async fn backend_for(certificate: &CertificateParams, client: Option<CertificateDer<'static>>) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let shown = certificate.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = client.map(|client| {
        let mut known = RootCertStore::empty();
        known.add(client).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(known), provider.clone()).build().unwrap()
    });
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
        .with_single_cert(vec![shown.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    });
    address
}

fn of_this_time(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test]
async fn insecure_skip_verification_asks_for_all_but_the_issuer() {
    let refused = r#"504 {"message": "Network error communicating with endpoint"}"#;
    let mut authority = of_this_time("localhost");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut expired = of_this_time("localhost");
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut early = of_this_time("localhost");
    early.not_before = date_time_ymd(2200, 1, 1);
    let mut expired_authority = authority.clone();
    expired_authority.not_after = date_time_ymd(2020, 1, 1);
    let mut other_authority = authority.clone();
    other_authority.subject_alt_names = of_this_time("example.com").subject_alt_names;
    for (of, certificate, lenient, expected) in [
        ("self-signed", of_this_time("localhost"), true, "200 ok"),
        ("self-signed, verified", of_this_time("localhost"), false, refused),
        ("authority", authority.clone(), true, "200 ok"),
        ("authority, verified", authority, false, refused),
        ("other name", of_this_time("example.com"), true, refused),
        ("authority of another name", other_authority, true, refused),
        ("expired", expired, true, refused),
        ("expired authority", expired_authority, true, refused),
        ("of the future", early, true, refused),
    ] {
        let port = backend(&certificate).await.port();
        let world = World::new();
        let integration = json!({"type": "HTTP_PROXY", "httpMethod": "GET",
            "uri": format!("https://localhost:{port}/"), "tlsConfig": {"insecureSkipVerification": lenient}});
        world.deploy_one("GET", "/", &integration.to_string()).await;
        assert_eq!(world.get("GET /dev").await, expected, "{of}");
    }
}

/// A backend that lets in the gateway alone knows it by the certificate of the stage.
#[tokio::test]
async fn backends_are_shown_the_client_certificate_of_the_stage() {
    let refused = r#"504 {"message": "Network error communicating with endpoint"}"#;
    let world = World::new();
    let (_, made) = world.control("POST /clientcertificates {}").await;
    let pem = made["pemEncodedCertificate"].as_str().unwrap();
    let id = made["clientCertificateId"].as_str().unwrap();
    let client = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let port = backend_for(&of_this_time("localhost"), Some(client)).await.port();
    let integration = json!({"type": "HTTP_PROXY", "httpMethod": "GET",
        "uri": format!("https://localhost:{port}/"), "tlsConfig": {"insecureSkipVerification": true}});
    world.deploy_one("GET", "/", &integration.to_string()).await;
    let change = |id: &str| {
        let patch = json!({"op": "replace", "path": "/clientCertificateId", "value": id});
        format!("PATCH /restapis/$api/stages/dev {}", json!({ "patchOperations": [patch] }))
    };
    assert_eq!(world.get("GET /dev").await, refused, "no certificate");
    world.make("stage", &change(id)).await;
    assert_eq!(world.get("GET /dev").await, "200 ok");
    let (_, other) = world.control("POST /clientcertificates {}").await;
    world.make("stage", &change(other["clientCertificateId"].as_str().unwrap())).await;
    assert_eq!(world.get("GET /dev").await, refused, "another one");
}
