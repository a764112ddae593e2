//! Parameter mappings of HTTP APIs: `append:header.x`, `overwrite:path`, `overwrite:statuscode` and the like, from
//! texts with places to fill.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html>

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::StageResponse;
use crate::error::{GatewayError, Result};
use crate::http::call::HttpCall;
use crate::rest::call::{body_value, header_values};
use crate::rest::mapping::Source;

/// What a value in a query keeps as it is.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Headers that no mapping may touch, by their whole names and by their beginnings.
const RESERVED: [&str; 18] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
];
const RESERVED_BEGINNINGS: [&str; 4] = ["access-control-", "apigw-", "x-amz-", "x-amzn-"];

/// The mappings of one side of an integration, compiled.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mappings {
    rules: Vec<Rule>,
}

#[derive(Debug, PartialEq)]
struct Rule {
    action: Action,
    place: Place,
    value: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Append,
    Overwrite,
    Remove,
}

#[derive(Debug, PartialEq)]
enum Place {
    Header(HeaderName),
    Query(String),
    Path,
    Status,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Source(Source),
    /// The path behind the stage.
    Path,
}

/// What is mapped: sources are of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Mappings {
    /// Parses and checks; the error is for who made the integration.
    pub(crate) fn parse(given: &BTreeMap<String, String>, side: Side) -> Result<Self> {
        let rules = given.iter().map(|(target, value)| Rule::parse(target, value, side));
        Ok(Self { rules: rules.collect::<Result<_>>()? })
    }

    /// Changes the request that the integration is sent.
    pub(crate) fn apply_to_request(&self, call: &mut HttpCall<'_>) {
        for rule in &self.rules {
            let value = rule.fill(|piece| match piece {
                Piece::Text(text) => Some(Cow::Borrowed(text)),
                Piece::Path => Some(Cow::Owned(call.path.to_owned())),
                Piece::Source(source) => call.value(source).map(Cow::Owned),
            });
            match (&rule.place, value) {
                (Place::Header(name), value) => {
                    change_header(&mut call.request.to_mut().headers, rule.action, name, value);
                }
                (Place::Query(name), value) => {
                    let query = changed_query(&call.request.query, rule.action, name, value);
                    call.request.to_mut().query = query;
                }
                (Place::Path, Some(path)) => {
                    let slash = if path.starts_with('/') { "" } else { "/" };
                    call.mapped_path = Some(format!("{slash}{path}"));
                }
                (Place::Path, None) | (Place::Status, _) => {}
            }
        }
    }

    /// Changes the integration's answer.
    pub(crate) fn apply_to_response(&self, call: &HttpCall<'_>, response: &mut StageResponse) {
        let before = response.clone();
        for rule in &self.rules {
            let value = rule.fill(|piece| match piece {
                Piece::Text(text) => Some(Cow::Borrowed(text)),
                Piece::Path => None,
                Piece::Source(Source::Header(name)) => {
                    let values = header_values(&before.headers, name);
                    (!values.is_empty()).then(|| Cow::Owned(values.join(",")))
                }
                Piece::Source(Source::BodyPath(path)) => body_value(&before.body, path).map(Cow::Owned),
                Piece::Source(Source::Body) => Some(String::from_utf8_lossy(&before.body)),
                Piece::Source(source) => call.value(source).map(Cow::Owned),
            });
            match (&rule.place, value) {
                (Place::Header(name), value) => {
                    change_header(&mut response.headers, rule.action, name, value);
                }
                (Place::Status, Some(status)) => {
                    let status = status.parse().ok().filter(|status| (200..600).contains(status));
                    response.status = status.unwrap_or(response.status);
                }
                _ => {}
            }
        }
    }
}

impl Rule {
    fn parse(target: &str, value: &str, side: Side) -> Result<Self> {
        let (action, place) = target.split_once(':').ok_or_else(|| invalid(target))?;
        let action = match action {
            "append" => Action::Append,
            "overwrite" => Action::Overwrite,
            "remove" => Action::Remove,
            _ => return Err(invalid(target)),
        };
        let place = match (place.split_once('.').unwrap_or((place, "")), action, side) {
            (("header", name), ..) => Place::Header(header(name).ok_or_else(|| invalid(target))?),
            (("querystring", name), _, Side::Request) if !name.is_empty() => Place::Query(name.to_owned()),
            (("path", ""), Action::Overwrite, Side::Request) => Place::Path,
            (("statuscode", ""), Action::Overwrite, Side::Response) => Place::Status,
            _ => return Err(invalid(target)),
        };
        if let Place::Header(name) = &place {
            let name = name.as_str();
            if RESERVED.contains(&name) || RESERVED_BEGINNINGS.iter().any(|begin| name.starts_with(begin)) {
                return Err(GatewayError::bad_mapping(format_args!(
                    "Operations on header {name} are restricted"
                )));
            }
        }
        let value = if action == Action::Remove { Some(Vec::new()) } else { pieces(value, side) };
        Ok(Self { action, place, value: value.ok_or_else(|| invalid(target))? })
    }

    /// The value; none if one of its places has nothing to fill it.
    fn fill<'p>(&'p self, find: impl Fn(&'p Piece) -> Option<Cow<'p, str>>) -> Option<String> {
        let parts = self.value.iter().map(find);
        let text = parts.collect::<Option<String>>()?;
        (self.action != Action::Remove).then_some(text)
    }
}

fn invalid(target: &str) -> GatewayError {
    GatewayError::bad_mapping(format_args!("Invalid mapping expression specified: {target}"))
}

fn header(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).ok()
}

/// `$request.header.a` alone, or a text with `${request.header.a}` in it. None for a source that there is not.
fn pieces(text: &str, side: Side) -> Option<Vec<Piece>> {
    if let Some(name) = text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
        return Some(vec![piece(name, side)?]);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("${") {
        let (name, after) = from.split_once('}')?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(piece(name, side)?);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

fn piece(name: &str, side: Side) -> Option<Piece> {
    let base = match side {
        Side::Request if name == "request.path" => return Some(Piece::Path),
        Side::Request => "request",
        Side::Response => "response",
    };
    match Source::parse(name, base)? {
        Source::Literal(_) => None,
        Source::Path(_) | Source::Query(_) if side == Side::Response => None,
        source => Some(Piece::Source(source)),
    }
}

/// A value that nothing gave changes nothing.
fn change_header(headers: &mut HeaderMap, action: Action, name: &HeaderName, value: Option<String>) {
    if action == Action::Remove {
        headers.remove(name);
        return;
    }
    let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) else { return };
    match action {
        Action::Append => _ = headers.append(name.clone(), value),
        _ => _ = headers.insert(name.clone(), value),
    }
}

fn changed_query(query: &str, action: Action, name: &str, value: Option<String>) -> String {
    if action != Action::Remove && value.is_none() {
        return query.to_owned();
    }
    let is_named =
        |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(known, _)| known == name);
    let kept = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<Cow<'_, str>> = match action {
        Action::Append => kept.map(Cow::Borrowed).collect(),
        _ => kept.filter(|pair| !is_named(pair)).map(Cow::Borrowed).collect(),
    };
    if let Some(value) = value {
        let encode = |text: &str| utf8_percent_encode(text, VALUE).to_string();
        pairs.push(Cow::Owned(format!("{}={}", encode(name), encode(&value))));
    }
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_mapped() {
        use Side::{Request, Response};
        for (target, value, side, fits) in [
            ("append:header.a", "b", Request, true),
            ("overwrite:header.A", "$request.querystring.x", Request, true),
            ("remove:querystring.a", "''", Request, true),
            ("overwrite:path", "/${request.path.id}/x", Request, true),
            ("overwrite:path", "$request.path", Request, true),
            ("append:path", "a", Request, false),
            ("overwrite:statuscode", "403", Request, false),
            ("overwrite:statuscode", "403", Response, true),
            ("append:querystring.a", "b", Response, false),
            ("append:header.a", "$response.body.b", Response, true),
            ("append:header.a", "$response.path.b", Response, false),
            ("append:header.a", "$request.header.b", Response, false),
            ("append:header.a", "$context.requestId", Response, true),
            ("append:header.a", "${stageVariables.v", Request, false),
            ("append:header.a", "$nothing", Request, false),
            ("put:header.a", "b", Request, false),
            ("append:header.", "b", Request, false),
            ("append:header.Authorization", "b", Request, false),
            ("append:header.x-amz-a", "b", Request, false),
            ("append:header.via", "b", Response, false),
            ("header.a", "b", Request, false),
        ] {
            let given = BTreeMap::from([(target.to_owned(), value.to_owned())]);
            assert_eq!(Mappings::parse(&given, side).is_ok(), fits, "{target} {value}");
        }
    }

    #[test]
    fn queries_are_changed() {
        for (query, action, value, expected) in [
            ("a=1&b=2", Action::Append, Some("x y"), "a=1&b=2&b=x%20y"),
            ("a=1&b=2&%62=3", Action::Overwrite, Some("x"), "a=1&b=x"),
            ("b&a=1", Action::Remove, None, "a=1"),
            ("a=1", Action::Overwrite, None, "a=1"),
            ("", Action::Overwrite, Some(""), "b="),
        ] {
            let changed = changed_query(query, action, "b", value.map(str::to_owned));
            assert_eq!(changed, expected, "{query} {action:?}");
        }
    }
}
