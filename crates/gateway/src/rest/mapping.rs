//! Parameter mappings: `integration.request.header.x: method.request.querystring.y` and the like, parsed and
//! checked. Knows no request; `Source` is looked up where there is one.

use crate::error::{GatewayError, Result};
use crate::rest::records::MethodRecord;

/// Where a mapped value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Literal(String),
    Path(String),
    Query(String),
    MultiQuery(String),
    Header(String),
    MultiHeader(String),
    /// `method.request.body` or `integration.response.body`, whole.
    Body,
    /// A JSONPath into the body.
    BodyPath(String),
    Context(String),
    StageVariable(String),
}

/// Where a mapped value goes in an integration's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Path(String),
    Query(String),
    Header(String),
}

impl Source {
    /// Parses a source. `base` is `method.request` or `integration.response`.
    pub(crate) fn parse(text: &str, base: &str) -> Option<Self> {
        if let Some(literal) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Some(Self::Literal(literal.to_owned()));
        }
        if let Some(name) = text.strip_prefix("context.") {
            return Some(Self::Context(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("stageVariables.") {
            return Some(Self::StageVariable(name.to_owned()));
        }
        let inner = text.strip_prefix(base)?.strip_prefix('.')?;
        if inner == "body" {
            return Some(Self::Body);
        }
        let (kind, name) = inner.split_once('.')?;
        let name = name.to_owned();
        if name.is_empty() {
            return None;
        }
        match kind {
            "path" => Some(Self::Path(name)),
            "querystring" => Some(Self::Query(name)),
            "multivaluequerystring" => Some(Self::MultiQuery(name)),
            "header" => Some(Self::Header(name)),
            "multivalueheader" => Some(Self::MultiHeader(name)),
            "body" => Some(Self::BodyPath(name)),
            _ => None,
        }
    }
}

impl Place {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.strip_prefix("integration.request.")?.split_once('.')?;
        let name = name.to_owned();
        match kind {
            _ if name.is_empty() => None,
            "path" => Some(Self::Path(name)),
            "querystring" => Some(Self::Query(name)),
            "header" => Some(Self::Header(name)),
            _ => None,
        }
    }
}

/// Checks `requestParameters` of an integration against those that its method declares.
pub(crate) fn check_request(method: &MethodRecord, target: &str, source: &str) -> Result<()> {
    if Place::parse(target).is_none() {
        return Err(invalid(target));
    }
    let declared = match Source::parse(source, "method.request").ok_or_else(|| invalid(source))? {
        Source::Path(_) | Source::Query(_) | Source::Header(_) => {
            method.request_parameters.contains_key(source)
        }
        // The multi-value forms are declared by either name.
        Source::MultiQuery(name) => {
            method.request_parameters.contains_key(source)
                || method.request_parameters.contains_key(&format!("method.request.querystring.{name}"))
        }
        Source::MultiHeader(name) => {
            method.request_parameters.contains_key(source)
                || method.request_parameters.contains_key(&format!("method.request.header.{name}"))
        }
        _ => true,
    };
    if declared { Ok(()) } else { Err(undeclared(source)) }
}

/// Checks `responseParameters` of an integration response against the method response of its status code.
pub(crate) fn check_response(method: &MethodRecord, status: &str, target: &str, source: &str) -> Result<()> {
    let Some(response) = method.responses.get(status) else {
        let what = format!("Output mapping refers to an invalid method response: {status}");
        return Err(GatewayError::bad_mapping(what));
    };
    if response_header(target).is_none() {
        return Err(invalid(target));
    }
    Source::parse(source, "integration.response").ok_or_else(|| invalid(source))?;
    if response.response_parameters.contains_key(target) { Ok(()) } else { Err(undeclared(target)) }
}

/// The header that a method response's parameter names.
pub(crate) fn response_header(target: &str) -> Option<&str> {
    target.strip_prefix("method.response.header.").filter(|name| !name.is_empty())
}

fn invalid(what: &str) -> GatewayError {
    GatewayError::bad_mapping(format_args!("Invalid mapping expression specified: {what}"))
}

fn undeclared(what: &str) -> GatewayError {
    GatewayError::bad_mapping(format_args!("Invalid mapping expression parameter specified: {what}"))
}
