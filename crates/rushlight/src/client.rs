//! A small HTTP client with which the verbs talk to the running server, through the same APIs as everybody else.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    access_key: String,
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
    /// Calls are of the account and region that the AWS variables name, as they would be from any AWS client.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        Self {
            address,
            access_key: variable("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "rushlight".to_owned()),
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        }
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
        let request = self.request(service, method, path).header("content-type", "application/json");
        self.send(request.body(Full::new(body))?).await
    }

    /// A request to an API that reads the operation from `X-Amz-Target`.
    pub(crate) async fn target(&self, service: &str, target: &str, body: &Value) -> Result<Answer> {
        let request = self.request(service, Method::POST, "/");
        let request =
            request.header("x-amz-target", target).header("content-type", "application/x-amz-json-1.1");
        self.send(request.body(Full::new(Bytes::from(body.to_string())))?).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Request::get(path).header("host", self.address.to_string()).body(Full::default())?).await
    }

    /// An answer that goes on: its chunks as they come.
    pub(crate) async fn stream(&self, path: &str) -> Result<Incoming> {
        let request = self.request("logs", Method::GET, path).body(Full::default())?;
        Ok(self.open(request).await?.into_body())
    }

    /// With the form of a signature: it names account, region and service, and proves nothing.
    pub(crate) fn request(&self, service: &str, method: Method, path: &str) -> http::request::Builder {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20000101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.access_key, self.region
        );
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("x-amz-date", "20000101T000000Z")
            .header("authorization", authorization)
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
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
