//! One request on its way through the phases: what was received, where it leads, and the values of it that
//! integrations and mappings ask for.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

use base::{RequestId, Timestamp, Trace};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use crate::rest::execution_log::Journal;
use crate::rest::grant::Granted;
use crate::rest::live::{LiveStage, Release};
use crate::rest::mapping::Source;
use crate::rest::program::Method;
use crate::rest::route::{Match, Verb};
use crate::rest::usage::Caller;
use crate::{StageRequest, UrlStyle};

/// The variables of `$context`, which [`Call::context`] answers: a template that prints the whole of it, or goes
/// through it, sees these.
pub(crate) const CONTEXT_NAMES: &[&str] = &[
    "accountId",
    "apiId",
    "customDomain.basePathMatched",
    "deploymentId",
    "domainName",
    "domainPrefix",
    "extendedRequestId",
    "httpMethod",
    "identity.accessKey",
    "identity.accountId",
    "identity.apiKey",
    "identity.apiKeyId",
    "identity.caller",
    "identity.clientCert.clientCertPem",
    "identity.clientCert.issuerDN",
    "identity.clientCert.serialNumber",
    "identity.clientCert.subjectDN",
    "identity.clientCert.validity.notAfter",
    "identity.clientCert.validity.notBefore",
    "identity.sourceIp",
    "identity.user",
    "identity.userAgent",
    "identity.userArn",
    "isCanaryRequest",
    "path",
    "protocol",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "resourceId",
    "resourcePath",
    "stage",
];

/// What the gateway gives a request, routed or not.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) request_id: RequestId,
    /// `x-amz-apigw-id`.
    pub(crate) extended_id: String,
    pub(crate) trace: Trace,
    pub(crate) received: Timestamp,
}

impl Ticket {
    pub(crate) fn new(request: &StageRequest, received: Timestamp) -> Self {
        let entropy = RequestId::random().0.to_be_bytes();
        Self {
            request_id: request.request_id,
            extended_id: STANDARD.encode(&entropy[..11]),
            trace: request.trace.clone(),
            received,
        }
    }

    /// On a stage that traces, a request whose caller did not decide is sampled.
    pub(crate) fn sample(&mut self, request: &StageRequest) {
        let decided = request.header("x-amzn-trace-id").is_some_and(|sent| sent.contains("Sampled="));
        if !decided {
            let header = self.trace.header();
            self.trace = self.trace.with_header(match header.strip_suffix("Sampled=0") {
                Some(trace) => format!("{trace}Sampled=1"),
                None => format!("{};Sampled=1", header.trim_end_matches(';')),
            });
        }
    }

    /// `22/Nov/2026:17:21:00 +0000`
    pub(crate) fn request_time(&self) -> String {
        request_time(self.received)
    }
}

/// `22/Nov/2026:17:21:00 +0000`
pub(crate) fn request_time(received: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, hour, minute, second, _) = received.civil();
    let month = MONTHS.get(month as usize - 1).unwrap_or(&"Jan");
    format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}

/// A request to a stage, from its coming to its answer, and what the phases find out of it on the way. Each fact is
/// set once, by the phase that finds it; access logs, templates and `$context` read what is there.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) request: &'a StageRequest,
    pub(crate) ticket: &'a Ticket,
    pub(crate) stage: &'a LiveStage,
    pub(crate) release: &'a Release,
    /// The method that the request is for, once it is routed.
    pub(crate) routed: OnceLock<&'a Method>,
    /// By the API key, where the method wants one.
    pub(crate) caller: OnceLock<Caller>,
    /// Who was let in, once somebody was asked.
    pub(crate) grant: OnceLock<Granted>,
    /// Set when it is the method's turn.
    pub(crate) executing: OnceLock<()>,
    /// Where the steps are written, if somebody reads them.
    pub(crate) journal: Option<Journal>,
    /// Below which the integration's steps are, once it is its turn.
    pub(crate) integrating: OnceLock<Trace>,
    /// Of the integration's answer, once there is one.
    pub(crate) integration_status: OnceLock<u16>,
    pub(crate) integration_latency_ms: OnceLock<i64>,
    /// The id that the integration gave the request.
    pub(crate) endpoint_request_id: OnceLock<String>,
}

/// A routed request. Everything of its visit is at hand.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) visit: &'a Visit<'a>,
    pub(crate) method: &'a Method,
    pub(crate) route: Match<'a>,
}

impl<'a> Deref for Call<'a> {
    type Target = Visit<'a>;

    fn deref(&self) -> &Visit<'a> {
        self.visit
    }
}

impl<'a> Visit<'a> {
    pub(crate) fn new(
        request: &'a StageRequest,
        ticket: &'a Ticket,
        stage: &'a LiveStage,
        release: &'a Release,
    ) -> Self {
        Self {
            request,
            ticket,
            stage,
            release,
            routed: OnceLock::new(),
            grant: OnceLock::new(),
            caller: OnceLock::new(),
            executing: OnceLock::new(),
            journal: None,
            integrating: OnceLock::new(),
            integration_status: OnceLock::new(),
            integration_latency_ms: OnceLock::new(),
            endpoint_request_id: OnceLock::new(),
        }
    }

    /// Below which the request's next step is.
    pub(crate) fn trace(&self) -> &Trace {
        self.integrating.get().unwrap_or(&self.ticket.trace)
    }

    /// `arn:aws:execute-api:us-east-1:000000000000:a1b2c3`
    pub(crate) fn api_arn(&self) -> String {
        let scope = &self.stage.scope;
        let partition = scope.region.partition();
        format!("arn:{partition}:execute-api:{}:{}:{}", scope.region, scope.account, self.stage.api_id)
    }

    /// The path with the stage, raw.
    pub(crate) fn path_with_stage(&self) -> String {
        if self.stage.trial {
            return self.request.path.clone();
        }
        let slash = if self.request.path.starts_with('/') { "" } else { "/" };
        match &self.request.base_path {
            Some(base_path) => format!("{base_path}{slash}{}", self.request.path),
            None => format!("/{}{slash}{}", self.stage.name, self.request.path),
        }
    }

    /// The host by which the API is known: what the client sent, or the label alone where no host names it.
    pub(crate) fn domain_prefix(&self) -> &str {
        match self.request.style {
            UrlStyle::Host => self.request.host_name().split('.').next().unwrap_or_default(),
            UrlStyle::UserRequest | UrlStyle::Path => &self.stage.api_id,
        }
    }

    /// The value of a source that depends on neither the request's nor the response's parts.
    pub(crate) fn constant(&self, source: &Source) -> Option<String> {
        match source {
            Source::Literal(text) => Some(text.clone()),
            Source::StageVariable(name) => self.release.variables.get(name).cloned(),
            Source::Context(name) => self.context(name).map(Cow::into_owned),
            _ => None,
        }
    }

    /// A source's value for the gateway's own answers, whether the request is routed or not.
    pub(crate) fn value(&'a self, source: &Source) -> Option<String> {
        let verb = Verb::of_request(&self.request.method);
        let found = verb.and_then(|verb| self.release.program.route(&self.request.path, verb));
        if let Some((method, route)) = found {
            return Call { visit: self, method, route }.values(source).into_iter().next();
        }
        match source {
            Source::Query(name) => self.query_values(name).pop(),
            Source::Header(name) => header_values(&self.request.headers, name).pop(),
            other => self.constant(other),
        }
    }

    fn query_values(&self, name: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(self.request.query.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// `$context.NAME`, as far as there is something to say.
    pub(crate) fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        let scope = &self.stage.scope;
        if let Some(told) = self.trial_context(name) {
            return Some(told.into());
        }
        Some(match name {
            "accountId" => scope.account.to_string().into(),
            "apiId" => self.stage.api_id.as_str().into(),
            "deploymentId" => self.release.program.deployment_id.as_str().into(),
            "domainName" => self.request.host_name().into(),
            "customDomain.basePathMatched" => {
                self.request.base_path.as_deref()?.trim_start_matches('/').into()
            }
            "domainPrefix" => self.domain_prefix().into(),
            "extendedRequestId" => self.ticket.extended_id.as_str().into(),
            "httpMethod" => self.request.method.as_str().into(),
            "identity.apiKey" => self.caller.get()?.key.as_str().into(),
            "identity.apiKeyId" => self.caller.get()?.key_id.as_str().into(),
            "identity.sourceIp" => self.request.source_ip.to_string().into(),
            "identity.userAgent" => self.request.header("user-agent")?.into(),
            "isCanaryRequest" => self.stage.is_canary(self.release).unwrap_or_default().to_string().into(),
            "path" => self.path_with_stage().into(),
            "protocol" => self.request.protocol.into(),
            "requestId" => self.ticket.request_id.to_string().into(),
            "requestTime" => self.ticket.request_time().into(),
            "requestTimeEpoch" => self.ticket.received.as_millis().to_string().into(),
            "resourceId" => self.routed.get()?.resource_id.as_str().into(),
            "resourcePath" => self.routed.get()?.resource_path.as_str().into(),
            "stage" => self.stage.name.as_str().into(),
            _ => {
                let shown = self.request.certificate_value(name);
                return shown.or_else(|| self.grant_context(name)).map(Cow::Borrowed);
            }
        })
    }

    /// What AWS says of somebody who tries a method out.
    fn trial_context(&self, name: &str) -> Option<&'static str> {
        match name {
            _ if !self.stage.trial => None,
            "identity.sourceIp" => Some("test-invoke-source-ip"),
            "identity.apiKey" => Some("test-invoke-api-key"),
            "identity.apiKeyId" => Some("test-invoke-api-key-id"),
            _ => None,
        }
    }

    fn grant_context(&self, name: &str) -> Option<&str> {
        let grant = &self.grant.get()?.grant;
        if let Some(name) = name.strip_prefix("authorizer.") {
            return grant.context(name);
        }
        grant.signer.as_ref()?.identity(name.strip_prefix("identity.")?)
    }
}

impl Call<'_> {
    /// The path behind the stage, as it stands in events: raw, with one slash in front.
    pub(crate) fn path(&self) -> String {
        let base_path = self.request.base_path.as_deref().unwrap_or_default();
        format!("{base_path}/{}", self.request.path.trim_start_matches('/'))
    }

    pub(crate) fn path_parameter(&self, name: &str) -> Option<&str> {
        self.route.param(&self.request.path, name)
    }

    /// The ARN that a function's resource policy is asked for.
    pub(crate) fn source_arn(&self) -> String {
        format!("{}/{}/{}{}", self.api_arn(), self.stage.name, self.request.method, self.method.arn_path)
    }

    /// The values of a parameter mapping's source, from the request; none if there is none.
    pub(crate) fn values(&self, source: &Source) -> Vec<String> {
        let last = |mut values: Vec<String>| values.pop().into_iter().collect();
        match source {
            Source::Path(name) => self.path_parameter(name).map(str::to_owned).into_iter().collect(),
            Source::Query(name) => last(self.query_values(name)),
            Source::MultiQuery(name) => self.query_values(name),
            Source::Header(name) => last(header_values(&self.request.headers, name)),
            Source::MultiHeader(name) => {
                let values = header_values(&self.request.headers, name);
                if values.is_empty() { values } else { vec![values.join(",")] }
            }
            Source::Body => vec![String::from_utf8_lossy(&self.request.body).into_owned()],
            Source::BodyPath(path) => body_value(&self.request.body, path).into_iter().collect(),
            other => self.constant(other).into_iter().collect(),
        }
    }
}

/// What a parameter mapping finds in a JSON body by a JSONPath.
pub(crate) fn body_value(body: &[u8], path: &str) -> Option<String> {
    vtl::select(&String::from_utf8_lossy(body), path)
}

/// A header's values as text, in their order.
pub(crate) fn header_values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let Ok(name) = http::HeaderName::from_bytes(name.as_bytes()) else { return Vec::new() };
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}
