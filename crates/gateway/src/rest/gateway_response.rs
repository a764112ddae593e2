//! Gateway responses: what an API wants the gateway's own answers to look like, and how they come to look so. Their
//! templates are plain substitution. Knows no store.

use std::collections::BTreeMap;

use api::apigateway::{GatewayResponse, GatewayResponseType};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{StatusCode, header};
use minicbor::{Decode, Encode};

use crate::StageResponse;
use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::call::Visit;
use crate::rest::fault::Fault;
use crate::rest::mapping::Source;
use crate::rest::rows::Record;

const JSON: &str = "application/json";
const TEMPLATE_DEFAULT: &str = r#"{"message":$context.error.messageString}"#;
const HEADER: &str = "gatewayresponse.header.";

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct GatewayResponseRecord {
    #[n(0)]
    pub(crate) kind: String,
    /// None: that of the type, or of the fault where the type has none.
    #[n(1)]
    pub(crate) status_code: Option<String>,
    #[n(2)]
    pub(crate) parameters: BTreeMap<String, String>,
    #[n(3)]
    pub(crate) templates: BTreeMap<String, String>,
}

impl Record for GatewayResponseRecord {}

impl Part for GatewayResponseRecord {
    const KIND: u8 = kind::GATEWAY_RESPONSE;

    fn id(&self) -> &str {
        &self.kind
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Gateway response type not defined on api".into())
    }
}

/// The status of a type that nobody has customised; the defaults of all have none.
fn status_default(kind: GatewayResponseType) -> Option<&'static str> {
    use GatewayResponseType as Type;
    Some(match kind {
        Type::Default4xx | Type::Default5xx => return None,
        Type::BadRequestBody | Type::BadRequestParameters => "400",
        Type::Unauthorized => "401",
        Type::AccessDenied
        | Type::ExpiredToken
        | Type::InvalidApiKey
        | Type::InvalidSignature
        | Type::MissingAuthenticationToken
        | Type::WafFiltered => "403",
        Type::ResourceNotFound => "404",
        Type::RequestTooLarge => "413",
        Type::UnsupportedMediaType => "415",
        Type::QuotaExceeded | Type::Throttled => "429",
        Type::ApiConfigurationError | Type::AuthorizerConfigurationError | Type::AuthorizerFailure => "500",
        Type::IntegrationFailure | Type::IntegrationTimeout => "504",
    })
}

impl GatewayResponseRecord {
    /// A type as it is until somebody customises it.
    pub(crate) fn of(kind: GatewayResponseType) -> Self {
        Self {
            kind: kind.as_str().to_owned(),
            templates: BTreeMap::from([(JSON.to_owned(), TEMPLATE_DEFAULT.to_owned())]),
            ..Self::default()
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let known = |code: &str| code.len() == 3 && matches!(code.parse(), Ok(200..=599_u16));
        if let Some(code) = self.status_code.as_deref().filter(|code| !known(code)) {
            return Err(GatewayError::bad_request(format!("Invalid status code specified: {code}")));
        }
        for (target, source) in &self.parameters {
            if target.strip_prefix(HEADER).is_none_or(|name| name.parse::<HeaderName>().is_err()) {
                return Err(GatewayError::bad_request(format!(
                    "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid \
                     mapping expression parameter specified: {target}]"
                )));
            }
            if Source::parse(source, "method.request").is_none() {
                return Err(GatewayError::bad_request(format!(
                    "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid \
                     mapping expression specified: {source}]"
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["statusCode"]) => self.status_code = patch.some_text(),
            (_, ["responseParameters", name]) => {
                edit(&mut self.parameters, patch, "responseParameters", name)?
            }
            (_, ["responseTemplates", name]) => edit(&mut self.templates, patch, "responseTemplates", name)?,
            _ => return Err(patch.unknown()),
        }
        Ok(())
    }

    pub(crate) fn shown(self, default_response: bool) -> GatewayResponse {
        let kind = self.kind.parse::<GatewayResponseType>().unwrap_or_default();
        GatewayResponse {
            response_type: Some(kind),
            status_code: self.status_code.or_else(|| status_default(kind).map(str::to_owned)),
            response_parameters: Some(self.parameters),
            response_templates: Some(self.templates),
            default_response: Some(default_response),
        }
    }
}

fn edit(map: &mut BTreeMap<String, String>, patch: &Patch, field: &str, name: &str) -> Result<()> {
    if patch.verb != PatchVerb::Remove && patch.some_text().is_none() {
        return Err(GatewayError::bad_request(format!("Invalid null or empty value in {field}")));
    }
    if patch.verb == PatchVerb::Replace && !map.contains_key(name) {
        return Err(GatewayError::NotFound("Invalid parameter name specified".into()));
    }
    patch.entry(map, name)
}

/// The customised responses of a deployment, compiled.
#[derive(Debug, Default)]
pub(crate) struct GatewayResponses {
    by_kind: Vec<(GatewayResponseType, Custom)>,
}

#[derive(Debug)]
struct Custom {
    status: Option<u16>,
    headers: Vec<(HeaderName, Source)>,
    templates: BTreeMap<String, String>,
}

impl GatewayResponses {
    pub(crate) fn compile(records: Vec<GatewayResponseRecord>) -> Self {
        let compiled = records.into_iter().filter_map(|record| {
            let header = |(target, source): (&String, &String)| {
                let name = target.strip_prefix(HEADER)?.parse().ok()?;
                Some((name, Source::parse(source, "method.request")?))
            };
            let custom = Custom {
                status: record.status_code.as_ref().and_then(|code| code.parse().ok()),
                headers: record.parameters.iter().filter_map(header).collect(),
                templates: record.templates,
            };
            Some((record.kind.parse().ok()?, custom))
        });
        Self { by_kind: compiled.collect() }
    }

    /// The type's own, or else the default of all of its class.
    fn find(&self, kind: GatewayResponseType, status: u16) -> Option<&Custom> {
        let class =
            if status < 500 { GatewayResponseType::Default4xx } else { GatewayResponseType::Default5xx };
        let of = |wanted| self.by_kind.iter().find(|(known, _)| *known == wanted).map(|(_, custom)| custom);
        of(kind).or_else(|| of(class))
    }
}

/// A fault's answer as the visit's deployment wants it.
pub(crate) fn render<'a>(visit: &'a Visit<'a>, fault: &Fault) -> StageResponse {
    let mut answer = fault.answer();
    let kind = fault.kind();
    let Some(custom) = visit.release.program.gateway_responses.find(kind, answer.status) else {
        return answer;
    };
    if let Some(status) = custom.status.filter(|status| StatusCode::from_u16(*status).is_ok()) {
        answer.status = status;
    }
    for (name, source) in &custom.headers {
        let value = visit.value(source).and_then(|value| HeaderValue::from_str(&value).ok());
        if let Some(value) = value {
            answer.headers.insert(name, value);
        }
    }
    if let Some((media_type, template)) = choose(visit, &custom.templates) {
        answer.body = substitute(template, |name| variable(visit, fault, name)).into();
        if !custom.headers.iter().any(|(name, _)| name == CONTENT_TYPE)
            && let Ok(value) = HeaderValue::from_str(media_type)
        {
            answer.headers.insert(CONTENT_TYPE, value);
        }
    }
    answer
}

/// The template the caller accepts, else that for JSON, else the first.
fn choose<'a>(
    visit: &Visit<'_>,
    templates: &'a BTreeMap<String, String>,
) -> Option<(&'a String, &'a String)> {
    let accepted = visit.request.header(header::ACCEPT.as_str()).unwrap_or(JSON);
    templates
        .get_key_value(accepted)
        .or_else(|| templates.get_key_value(JSON))
        .or_else(|| templates.iter().next())
}

fn variable(visit: &Visit<'_>, fault: &Fault, name: &str) -> Option<String> {
    if let Some(name) = name.strip_prefix("stageVariables.") {
        return visit.release.variables.get(name).cloned();
    }
    let name = name.strip_prefix("context.")?;
    match name {
        "error.message" => fault.message().map(|text| text.into_owned()),
        "error.messageString" => {
            Some(fault.message().map_or_else(|| "null".to_owned(), |text| quoted(&text)))
        }
        "error.validationErrorString" => fault.validation_error().map(|text| text.into_owned()),
        "error.responseType" => Some(fault.kind().as_str().to_owned()),
        _ => visit.context(name).map(|text| text.into_owned()),
    }
}

pub(crate) fn quoted(text: &str) -> String {
    let mut writer = wire::json::Writer::new();
    writer.string(text);
    String::from_utf8_lossy(&writer.into_bytes()).into_owned()
}

/// Replaces `$context.x`, `$stageVariables.x` and both in braces; what has no value leaves nothing, and whatever else
/// has a dollar stays as it is.
fn substitute(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let inner = from.strip_prefix("${").unwrap_or_else(|| from.strip_prefix('$').unwrap_or_default());
        let braced = from.starts_with("${");
        let end =
            inner.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(inner.len());
        let (mut name, mut after) = inner.split_at(end);
        if let (false, Some(shorter)) = (braced, name.strip_suffix('.')) {
            name = shorter;
            after = inner.get(name.len()..).unwrap_or_default();
        }
        let closed = if braced { after.strip_prefix('}') } else { Some(after) };
        let known = name.starts_with("context.") || name.starts_with("stageVariables.");
        if let (true, Some(after)) = (known, closed) {
            text.push_str(&value(name).unwrap_or_default());
            rest = after;
        } else {
            text.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::substitute;

    #[test]
    fn templates_are_plain_substitution() {
        let value = |name: &str| (name == "context.stage").then(|| "dev".to_owned());
        for (template, wanted) in [
            ("$context.stage", "dev"),
            ("at ${context.stage}s.", "at devs."),
            ("$context.stage. Done", "dev. Done"),
            ("[$context.nothing]", "[]"),
            ("#set($x = 1)$x $ ${context.stage", "#set($x = 1)$x $ ${context.stage"),
        ] {
            assert_eq!(substitute(template, value), wanted, "{template}");
        }
    }
}
