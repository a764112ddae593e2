//! A small HTTP client with which the verbs talk to the running server, through the same APIs as everybody else.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow, bail};
use base::Clock;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sigv4::{KeyPair, Signed};

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    pair: KeyPair,
    region: String,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).context("the server did not answer in JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// AWS's code and message of an error answer, in any of the forms that its services use.
    fn message(&self) -> Option<String> {
        let json = self.json().ok()?;
        let text = ["message", "Message"].iter().find_map(|name| json.get(name)?.as_str())?;
        let code = self.header("x-amzn-errortype").or_else(|| json.get("__type")?.as_str());
        // `com.amazon.coral.service#SerializationException`, and for some services `Code:http://..`.
        let code = code.and_then(|code| code.rsplit('#').next()?.split(':').next());
        Some(code.map_or_else(|| text.to_owned(), |code| format!("{code}: {text}")))
    }

    /// The answer, or its error as ours.
    pub(crate) fn success(self, what: &str) -> Result<Self> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            match self.message() {
                Some(message) => bail!("{what}: {message} ({})", self.status),
                None => bail!("{what}: the answer {} is none of a Rushlight's", self.status),
            }
        }
    }
}

impl Client {
    /// Calls are of the pair's account and the region that the AWS variables name, as they would be from any AWS client.
    pub(crate) fn new(address: SocketAddr, pair: KeyPair) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        Self { address, pair, region: region.unwrap_or_else(|| "us-east-1".to_owned()) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request to an API that reads the operation from path and method. `service` is the signing name.
    pub(crate) async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let body = body.map_or(Bytes::new(), |value| Bytes::from(value.to_string()));
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        self.call(service, request.body(body)?).await
    }

    /// A request to an API that reads the operation from `X-Amz-Target`.
    pub(crate) async fn target(&self, service: &str, target: &str, body: &Value) -> Result<Answer> {
        let request = Request::post("/").header("x-amz-target", target);
        let request = request.header(CONTENT_TYPE, "application/x-amz-json-1.1");
        self.call(service, request.body(Bytes::from(body.to_string()))?).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        let request = Request::get(path).header(HOST, self.address.to_string());
        self.finish(request.body(Full::default())?).await
    }

    /// An answer that goes on: its chunks as they come.
    pub(crate) async fn stream(&self, path: &str) -> Result<Incoming> {
        Ok(self.open(self.signed("logs", Request::get(path).body(Bytes::new())?)?).await?.into_body())
    }

    /// A request that is signed for a service, and its whole answer.
    pub(crate) async fn call(&self, service: &str, request: Request<Bytes>) -> Result<Answer> {
        self.finish(self.signed(service, request)?).await
    }

    fn signed(&self, service: &str, request: Request<Bytes>) -> Result<Request<Full<Bytes>>> {
        let (mut head, body) = request.into_parts();
        let host = self.address.to_string();
        let signed = Signed {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            host: &host,
            headers: &head.headers,
            body: &body,
        };
        let pair = (self.pair.access_key.as_str(), self.pair.secret.as_str());
        for (name, value) in sigv4::sign(&signed, pair, (&self.region, service), Clock::System.now()) {
            head.headers.insert(name, value.parse()?);
        }
        head.headers.insert(HOST, host.parse()?);
        Ok(Request::from_parts(head, Full::new(body)))
    }

    async fn finish(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let (head, body) = self.open(request).await?.into_parts();
        let body = body.collect().await.context("the server ended its answer too early")?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn open(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>> {
        let stream = tokio::net::TcpStream::connect(self.address).await.map_err(|error| {
            anyhow!(
                "no server answers on {} ({error})\n`rushlight start` runs one; --listen names another address",
                self.address
            )
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(request).await.context("the server did not answer")
    }
}

/// As one segment of a path, or one value of a query.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:$".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
