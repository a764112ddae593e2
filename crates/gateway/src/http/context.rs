//! `$context` of HTTP APIs, and the values of a request by their names: what authorizers, mappings and logs ask for.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>

use std::borrow::Cow;

use crate::http::call::{HttpCall, HttpVisit};
use crate::rest::call::{body_value, header_values};
use crate::rest::mapping::Source;

impl HttpCall<'_> {
    /// The value of a source, from the request; the values of a repeated name are joined.
    pub(crate) fn value(&self, source: &Source) -> Option<String> {
        let request = self.visit.request;
        let joined = |values: Vec<String>| (!values.is_empty()).then(|| values.join(","));
        match source {
            Source::Literal(text) => Some(text.clone()),
            Source::Path(name) => {
                self.parameters().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Source::Query(name) | Source::MultiQuery(name) => {
                let pairs = form_urlencoded::parse(request.query.as_bytes());
                let found = pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
                joined(found.collect())
            }
            Source::Header(name) | Source::MultiHeader(name) => joined(header_values(&request.headers, name)),
            Source::Body => Some(String::from_utf8_lossy(&request.body).into_owned()),
            Source::BodyPath(path) => body_value(&request.body, path),
            Source::StageVariable(name) => self.stage.variables.get(name).cloned(),
            Source::Context(name) => self.context(name).map(Cow::into_owned),
        }
    }
}

impl HttpVisit<'_> {
    /// `$context.NAME`, as far as there is something to say.
    pub(crate) fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "accountId" => self.stage.scope.account.to_string().into(),
            "apiId" => self.stage.api_id.as_str().into(),
            "domainName" => self.request.host_name().into(),
            "customDomain.basePathMatched" => {
                self.request.base_path.as_deref()?.trim_start_matches('/').into()
            }
            "domainPrefix" => self.domain_prefix().into(),
            // HTTP APIs have one id, which has the form of the extended one.
            "requestId" | "extendedRequestId" => self.ticket.extended_id.as_str().into(),
            "httpMethod" => self.request.method.as_str().into(),
            "identity.sourceIp" => self.request.source_ip.to_string().into(),
            "identity.userAgent" => self.request.header("user-agent")?.into(),
            "path" => self.sent_path().into(),
            "protocol" => self.request.protocol.into(),
            "requestTime" => self.ticket.request_time().into(),
            "requestTimeEpoch" => self.ticket.received.as_millis().to_string().into(),
            "routeKey" => self.routed.get()?.key.as_str().into(),
            "stage" => self.stage.name.as_str().into(),
            "awsEndpointRequestId" => self.integration.get()?.context(name)?,
            _ if name.starts_with("integration") => self.integration.get()?.context(name)?,
            _ => {
                let shown = self.request.certificate_value(name);
                return shown.or_else(|| self.grant_context(name)).map(Cow::Borrowed);
            }
        })
    }

    fn grant_context(&self, name: &str) -> Option<&str> {
        let grant = &self.grant.get()?.grant;
        if let Some(name) = name.strip_prefix("authorizer.") {
            return grant.context(name);
        }
        grant.signer.as_ref()?.identity(name.strip_prefix("identity.")?)
    }
}
