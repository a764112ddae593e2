//! A request to a stage URL and its answer, as plain data between `server` and the gateway. Knows no socket.

use std::fmt::Write;
use std::net::IpAddr;

use base::{RequestId, Trace};
use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::{CallerCertificate, UrlStyle};
use wire::{Cut, Spelling, Streamed};

/// A whole request to a stage, found by [`crate::Gateway::parse_target`].
#[derive(Debug, Clone)]
pub struct StageRequest {
    pub request_id: RequestId,
    pub trace: Trace,
    pub method: Method,
    pub api_id: String,
    /// As in the URL: percent-encoded, perhaps empty.
    pub stage: String,
    /// Behind the stage: percent-encoded, empty or with its leading slash.
    pub path: String,
    pub style: UrlStyle,
    /// By a custom domain: what of the path led to the stage, with its leading slash, or empty.
    pub base_path: Option<String>,
    /// As received, without the question mark.
    pub query: String,
    /// Values of one name stay in the order in which they came.
    pub headers: HeaderMap,
    /// How the client wrote their names; a name it does not know reaches a function as `Title-Case`.
    pub spelling: Spelling,
    pub body: Bytes,
    pub source_ip: IpAddr,
    /// Who signed it, as the server found out.
    pub signature: sigv4::Signature,
    /// The Host header (or `:authority`), with its port.
    pub host: String,
    /// `HTTP/1.1`, `HTTP/2.0`, ...
    pub protocol: &'static str,
    /// The request came over TLS.
    pub secure: bool,
    /// What its client had to show, where mutual TLS is demanded.
    pub certificate: Option<CallerCertificate>,
}

/// A whole answer of a stage. `server` adds Date and Content-Length.
#[derive(Debug, Clone, Default)]
pub struct StageResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What follows the body as it comes, of integrations that stream.
    pub stream: Option<Streamed<Result<Bytes, Cut>>>,
}

impl StageResponse {
    /// An answer that is whole.
    pub(crate) fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, stream: None }
    }
}

impl StageRequest {
    /// A header's value, if it is there and is text; the first one of several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The host without its port.
    pub(crate) fn host_name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }

    /// The port by which the client came.
    pub(crate) fn port(&self) -> &str {
        let default = if self.secure { "443" } else { "80" };
        let port = self.host.strip_prefix(self.host_name()).unwrap_or_default().trim_start_matches(':');
        if port.is_empty() { default } else { port }
    }

    /// `X-Forwarded-For`: those before this server, and who called it.
    pub(crate) fn forwarded_for(&self) -> String {
        let mut text = String::new();
        for value in self.headers.get_all("x-forwarded-for") {
            let _ = write!(text, "{}, ", String::from_utf8_lossy(value.as_bytes()));
        }
        let _ = write!(text, "{}", self.source_ip);
        text
    }

    /// `$context.identity.clientCert.NAME`, by its whole name.
    pub(crate) fn certificate_value(&self, name: &str) -> Option<&str> {
        self.certificate.as_ref()?.value(name.strip_prefix("identity.clientCert.")?)
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The media type of the Content-Type header, without its parameters.
    pub(crate) fn media_type(&self) -> Option<&str> {
        self.header("content-type").map(media_type)
    }
}

/// The media type of a header value, without its parameters.
pub(crate) fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}
