//! TLS on the port of plain HTTP: certificates by name, clients that must show one, and files that change.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Limits;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use server::{Certificates, ServerConfig};
use tempfile::TempDir;
use testkit::{Client, Running, ask};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::echo::Echo;

const API: &str = "api.example.com";
const MUTUAL: &str = "mutual.example.com";

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
type Pair = (String, String);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str) -> Pair {
        self.sign_as(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    fn sign_as(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn write(&self, folder: &Path, file: &str, name: &str) {
        let (pem, key) = self.sign(name);
        std::fs::write(folder.join(format!("{file}.pem")), pem).unwrap();
        std::fs::write(folder.join(format!("{file}.key")), key).unwrap();
    }

    /// A folder for [`API`], a wildcard, and [`MUTUAL`] with this authority as its truststore.
    fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path(), API, API);
        self.write(folder.path(), "_.wild.example.com", "*.wild.example.com");
        self.write(folder.path(), MUTUAL, MUTUAL);
        std::fs::write(folder.path().join(format!("{MUTUAL}.truststore.pem")), &self.pem).unwrap();
        folder
    }

    async fn connect(
        &self,
        addr: SocketAddr,
        name: &str,
        (shown, protocol): (Option<&Pair>, &str),
    ) -> Result<TlsStream<TcpStream>, std::io::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some((pem, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(addr).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// What the server answers to who asks for `name` in the handshake and for `host` in the request.
    async fn get(
        &self,
        addr: SocketAddr,
        (name, host): (&str, &str),
        shown: Option<&Pair>,
    ) -> Result<String, std::io::Error> {
        let mut stream = self.connect(addr, name, (shown, "http/1.1")).await?;
        let request = format!("GET /a HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.rsplit_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

async fn start(certificates: &Arc<Certificates>, limits: Limits) -> Running<Echo> {
    let certificates = Some(Arc::clone(certificates));
    Running::start_with(Echo::default(), ServerConfig { limits, certificates, ..ServerConfig::default() })
        .await
}

async fn start_on(folder: &TempDir) -> Running<Echo> {
    start(&Arc::new(Certificates::read(folder.path()).unwrap()), Limits::default()).await
}

#[tokio::test]
async fn certificates_go_by_names() {
    let authority = Authority::new("ours");
    let folder = authority.folder();
    let server = start_on(&folder).await;
    let get = async |name| authority.get(server.addr, (name, API), None).await;
    assert_eq!(get(API).await.unwrap(), "api.example.com GET /a ? [] 0 secure");
    assert_eq!(get("API.example.com").await.unwrap(), "api.example.com GET /a ? [] 0 secure");
    assert!(get("x.wild.example.com").await.unwrap().ends_with(" secure"));
    for unknown in ["unknown.example.com", "x.y.wild.example.com", "wild.example.com", "127.0.0.1"] {
        let error = get(unknown).await.unwrap_err().to_string();
        assert!(error.contains("UnrecognisedName"), "{unknown}: {error}");
    }
    // The same port speaks plain HTTP.
    let plain = ask(server.addr, "GET /a HTTP/1.1\r\nhost: api.example.com\r\n\r\n").await;
    assert_eq!(plain.body, "api.example.com GET /a ? [] 0");
}

#[tokio::test]
async fn who_asks_for_no_name_that_is_known_gets_the_default() {
    let authority = Authority::new("ours");
    let folder = tempfile::tempdir().unwrap();
    authority.write(folder.path(), "default", "127.0.0.1");
    let server = start_on(&folder).await;
    assert!(authority.get(server.addr, ("127.0.0.1", API), None).await.unwrap().ends_with(" secure"));
    // Another name gets it too, and finds that it is not its own.
    let error = authority.get(server.addr, (API, API), None).await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn a_truststore_demands_a_certificate() {
    let (authority, other) = (Authority::new("ours"), Authority::new("other"));
    let folder = authority.folder();
    let server = start_on(&folder).await;
    let get = async |name, host, shown| authority.get(server.addr, (name, host), shown).await;
    let ours = authority.sign("me");
    let mut expired = CertificateParams::new(vec!["me".to_owned()]).unwrap();
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let refused = [
        (None, "CertificateRequired"),
        (Some(other.sign("me")), "UnknownCA"),
        // One that only bears the name.
        (Some(Authority::new("ours").sign("me")), "DecryptError"),
        (Some(authority.sign_as(expired)), "CertificateExpired"),
    ];
    for (shown, expected) in &refused {
        let error = get(MUTUAL, MUTUAL, shown.as_ref()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(get(MUTUAL, MUTUAL, Some(&ours)).await.unwrap().ends_with(" secure certified"));
    // It was shown to one name and speaks for no other host; and nobody comes round by another name or in the clear.
    assert!(get(MUTUAL, API, Some(&ours)).await.unwrap().ends_with(" secure"));
    let forbidden = r#"{"message":"Forbidden"}"#;
    assert_eq!(get(API, MUTUAL, Some(&ours)).await.unwrap(), forbidden);
    for host in ["mutual.example.com", "MUTUAL.example.com:4566"] {
        let plain = ask(server.addr, &format!("GET /a HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!((plain.status, &*plain.body), (403, forbidden), "{host}");
    }
}

#[tokio::test]
async fn handshakes_that_come_to_nothing_end() {
    let authority = Authority::new("ours");
    let folder = authority.folder();
    let certificates = Arc::new(Certificates::read(folder.path()).unwrap());
    let limits = Limits { head_timeout: Duration::from_millis(20), ..Limits::default() };
    let server = start(&certificates, limits).await;
    for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x00\x50\x01\x00", b"\x16garbage of another protocol"] {
        let mut client = Client::connect(server.addr).await;
        client.send(begun).await;
        client.closed().await;
    }
    // A server that stops does not wait for them.
    let limits = Limits { stop_grace: Duration::from_secs(600), ..Limits::default() };
    let mut server = start(&certificates, limits).await;
    let mut client = Client::connect(server.addr).await;
    client.send(b"\x16\x03\x01").await;
    assert!(authority.get(server.addr, (API, API), None).await.is_ok());
    server.stop.cancel();
    client.closed().await;
    (&mut server.ended).await.unwrap();
}

#[tokio::test]
async fn files_that_change_are_taken_up() {
    let (authority, other) = (Authority::new("ours"), Authority::new("other"));
    let folder = authority.folder();
    let certificates = Arc::new(Certificates::read(folder.path()).unwrap());
    let server = start(&certificates, Limits::default()).await;
    let answers = async |of: &Authority| of.get(server.addr, (API, API), None).await.is_ok();
    assert_eq!((answers(&authority).await, answers(&other).await), (true, false));
    let complaints = || certificates.refresh().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(complaints(), [""; 0]);
    // Half renewed: the new certificate does not go with the old key.
    let (pem, key) = other.sign(API);
    std::fs::write(folder.path().join(format!("{API}.pem")), pem).unwrap();
    let [complaint] = &complaints()[..] else { panic!("one complaint") };
    assert!(complaint.contains("api.example.com.pem: "), "{complaint}");
    assert_eq!((answers(&authority).await, answers(&other).await), (true, false));
    std::fs::write(folder.path().join(format!("{API}.key")), key).unwrap();
    assert_eq!(complaints(), [""; 0]);
    assert_eq!((answers(&authority).await, answers(&other).await), (false, true));
    // A name is added, another goes.
    other.write(folder.path(), "new.example.com", "new.example.com");
    std::fs::remove_file(folder.path().join(format!("{API}.pem"))).unwrap();
    assert_eq!(complaints(), [""; 0]);
    assert_eq!(certificates.names(), ["*.wild.example.com", "mutual.example.com", "new.example.com"]);
    assert!(other.get(server.addr, ("new.example.com", API), None).await.is_ok());
    // Nobody comes in without a certificate because a truststore is away for a moment.
    std::fs::remove_file(folder.path().join(format!("{MUTUAL}.truststore.pem"))).unwrap();
    assert_eq!(complaints().len(), 1);
    assert!(authority.get(server.addr, (MUTUAL, MUTUAL), None).await.is_err());
    std::fs::write(folder.path().join(format!("{MUTUAL}.truststore.pem")), &other.pem).unwrap();
    assert_eq!(complaints(), [""; 0]);
    let theirs = other.sign("me");
    assert!(authority.get(server.addr, (MUTUAL, MUTUAL), Some(&theirs)).await.is_ok());
    drop(folder);
    assert_eq!(complaints().len(), 1);
    assert!(other.get(server.addr, ("new.example.com", API), None).await.is_ok());
}

#[tokio::test]
async fn sockets_and_http2_go_over_it() {
    let authority = Authority::new("ours");
    let folder = authority.folder();
    let server = start_on(&folder).await;
    let mut stream = authority.connect(server.addr, API, (None, "http/1.1")).await.unwrap();
    let head =
        "GET /dev HTTP/1.1\r\nhost: api.example.com\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream.write_all(b"a message").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"a message") {
        seen.push(stream.read_u8().await.unwrap());
    }

    let stream = authority.connect(server.addr, API, (None, "h2")).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://api.example.com/b").body(String::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (201, http::Version::HTTP_2));
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "api.example.com GET /b ? [] 0 secure");
}

#[test]
fn a_folder_that_cannot_be_used_is_refused() {
    let authority = Authority::new("ours");
    let (pem, key) = authority.sign("a");
    let (_, other) = authority.sign("a");
    for (files, expected) in [
        (&[][..], "it has no certificate (NAME.pem with NAME.key)"),
        (&[("a.key", &*key)], "it has no certificate (NAME.pem with NAME.key)"),
        (&[("a.pem", &pem)], "/a.key: No such file or directory (os error 2)"),
        (&[("a.pem", ""), ("a.key", &key)], "/a.pem: there is no certificate in it"),
        (&[("a.pem", &key), ("a.key", &key)], "/a.pem: there is no certificate in it"),
        (&[("a.pem", &pem), ("a.key", &pem)], "/a.key: no private key that is not encrypted can be read: "),
        (&[("a.pem", &pem), ("a.key", &other)], "/a.pem: "),
        (
            &[("a.pem", &pem), ("a.key", &key), ("a.truststore.pem", "")],
            "/a.truststore.pem: there is no certificate in it",
        ),
        (&[("b.truststore.pem", &pem)], "/b.pem: No such file or directory (os error 2)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let error = Certificates::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(Certificates::read(Path::new("/nowhere")).is_err());
}
