//! The protocol restJson1: the operation in method and path; input in labels, query, headers and body; errors
//! by header. Knows no operation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base::{Cx, Limits, Timestamp};
use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::json::{JsonError, Reader, WriteJson, Writer};
use crate::rule::{Each, Rule};
use crate::{
    Constraint, Failure, Fault, Part, Refusal, Request, Response, Violations, Wording, compression, wording,
};

/// The labels of a path, still percent-encoded.
pub type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// The segments of a path, empty ones left out (a slash at the end means nothing).
pub fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The rest of a path, for a greedy label.
pub fn greedy<'a>(segments: &[&'a str]) -> Cow<'a, str> {
    match segments {
        [one] => Cow::Borrowed(one),
        many => Cow::Owned(many.join("/")),
    }
}

/// Whether the query has `name`, with `value` if one is asked for.
pub fn query_has(query: &str, name: &str, value: Option<&str>) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(n, v)| n == name && value.is_none_or(|value| v == value))
}

/// A request taken apart.
#[derive(Debug)]
pub struct Parts<'a> {
    labels: Labels<'a>,
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    headers: &'a HeaderMap,
    body: Bytes,
}

impl<'a> Parts<'a> {
    pub fn new(request: &'a Request, labels: Labels<'a>) -> Result<Self, Failure> {
        let query = form_urlencoded::parse(request.query.as_bytes()).collect();
        let body = compression::plain_body(request)?;
        Ok(Self { labels, query, headers: &request.headers, body })
    }

    pub fn label(&self, name: &str) -> Option<String> {
        let (_, raw) = self.labels.iter().find(|(label, _)| *label == name)?;
        Some(percent_decode_str(raw).decode_utf8_lossy().into_owned())
    }

    pub fn query(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone().into_owned())
    }

    /// Every value of a query parameter that may come more than once; none if it does not come.
    pub fn query_all(&self, name: &str) -> Option<Vec<String>> {
        let found: Vec<String> = self
            .query
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.clone().into_owned())
            .collect();
        if found.is_empty() { None } else { Some(found) }
    }

    /// The parameters that no other member of an input has: `known` are those that one has.
    pub fn query_rest(&self, known: &[&str]) -> Option<BTreeMap<String, String>> {
        let rest = self.query.iter().filter(|(key, _)| !known.contains(&&**key));
        let rest: BTreeMap<_, _> =
            rest.map(|(key, value)| (key.clone().into_owned(), value.clone().into_owned())).collect();
        (!rest.is_empty()).then_some(rest)
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// The body as it is, for members that are the body; none if it is empty.
    pub fn payload(&self) -> Option<Bytes> {
        (!self.body.is_empty()).then(|| self.body.clone())
    }

    /// The body as JSON; an empty one is an empty object.
    pub fn json(&self) -> Result<Reader<'_>, JsonError> {
        let body = if self.body.is_empty() { b"{}" } else { self.body.as_ref() };
        Reader::new(body, Limits::default().json_depth_max)
    }
}

/// An input that reads itself from a request.
pub trait ReadRequest: Sized {
    /// As [`crate::json::ReadJson::read_json`].
    fn read_request(parts: &Parts<'_>, violations: &mut Violations) -> Result<Option<Self>, JsonError>;
}

/// An output that writes itself into an answer: body, headers, and status if it has a member for it.
pub trait WriteResponse {
    fn write_response(&self, response: &mut Response);
}

/// What a service of this protocol differs in from the next.
#[derive(Debug)]
pub struct RestJson {
    /// Lambda's ways: errors say `Type`, and malformed JSON has its own code.
    pub lambda: bool,
    /// The code for violated constraints.
    pub validation: &'static str,
    /// `message` or `Message`, by code.
    pub message_key: fn(&str) -> &'static str,
}

impl RestJson {
    /// Reads the operation's input.
    pub fn input<T: ReadRequest>(&self, parts: &Parts<'_>) -> Result<T, Failure> {
        let mut violations = Violations::default();
        let read = T::read_request(parts, &mut violations).map_err(Refusal::Json);
        read.and_then(|value| violations.settle(value, Wording::Rest)).map_err(|refusal| self.refuse(refusal))
    }

    fn refuse(&self, refusal: Refusal) -> Failure {
        match refusal {
            Refusal::Invalid(message) => Failure::client(self.validation, 400, message),
            Refusal::Json(JsonError::Syntax { .. } | JsonError::Utf8 { .. }) if self.lambda => {
                let message = "Could not parse request body into json: malformed JSON";
                Failure::client("InvalidRequestContentException", 400, message)
            }
            Refusal::Json(error) => Failure::client("SerializationException", 400, wording::json(&error)),
        }
    }

    /// Writes the operation's output; `status` is the operation's, unless the output says another.
    pub fn output<T: WriteResponse>(&self, status: u16, output: &T) -> Result<Response, Failure> {
        let mut response = Response::new(status, Bytes::new());
        output.write_response(&mut response);
        Ok(response)
    }

    /// No operation has this method and path.
    pub fn no_route(&self) -> Failure {
        let message = "Unable to determine service/operation name to be authorized";
        Failure::client("AccessDeniedException", 403, message)
    }

    /// The whole answer.
    pub fn respond(&self, cx: &Cx, request: &Request, result: Result<Response, Failure>) -> Response {
        let mut response = match result {
            Ok(response) => response,
            Err(failure) => self.error(&failure),
        };
        if !response.headers.contains_key("content-type") {
            response.set("content-type", "application/json");
        }
        response.set("x-amzn-requestid", &cx.request_id.to_string());
        compression::zip_answer(request, &mut response);
        response
    }

    fn error(&self, failure: &Failure) -> Response {
        let mut writer = Writer::new();
        writer.begin_object();
        if self.lambda
            && !is_framework(&failure.code)
            && !failure.members.iter().any(|(name, _)| *name == "Type")
        {
            writer.member("Type", if failure.fault == Fault::Client { "User" } else { "Service" });
        }
        writer.member((self.message_key)(&failure.code), &failure.message);
        for (name, value) in &failure.members {
            writer.key(name);
            writer.raw(value);
        }
        writer.end_object();
        let mut response = Response::new(failure.status, writer.into_bytes());
        response.set("x-amzn-errortype", &failure.code);
        response
    }
}

/// Errors that AWS answers before the service is reached: their bodies have no `Type`.
fn is_framework(code: &str) -> bool {
    matches!(
        code,
        "ValidationException"
            | "SerializationException"
            | "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException"
    )
}

/// Sets the body to `value`'s JSON.
pub fn json_body<T: WriteJson + ?Sized>(response: &mut Response, value: &T) {
    let mut writer = Writer::new();
    value.write_json(&mut writer);
    response.body = writer.into_bytes();
}

/// Numbers, booleans, dates and lists from labels, query parameters and headers.
pub fn integer(text: String, violations: &mut Violations, rule: &Rule) -> Option<i32> {
    rule.number(parse(&text, "Integer", violations)?, violations)
}

pub fn long(text: String, violations: &mut Violations, rule: &Rule) -> Option<i64> {
    rule.long(parse(&text, "Long", violations)?, violations)
}

pub fn boolean(text: String, violations: &mut Violations, _: &Rule) -> Option<bool> {
    parse(&text.to_ascii_lowercase(), "Boolean", violations)
}

/// A date and time, as the SDKs put it into a query; or seconds since the epoch.
pub fn timestamp(text: String, violations: &mut Violations, _: &Rule) -> Option<Timestamp> {
    Timestamp::parse_iso8601(&text).or_else(|| {
        let secs: f64 = parse(&text, "Timestamp", violations)?;
        Some(Timestamp((secs * 1000.0).round() as i64))
    })
}

pub fn list<T>(
    texts: Vec<String>,
    violations: &mut Violations,
    (rule, each): (&Rule, Each),
    mut element: impl FnMut(String, &mut Violations) -> Option<T>,
) -> Option<Vec<T>> {
    let mark = violations.mark();
    let print = || format!("[{}]", texts.join(", "));
    let mut values = Vec::with_capacity(texts.len());
    for text in &texts {
        values.extend(element(text.clone(), violations));
    }
    if violations.take_own(mark) {
        violations.record("", Some(print()), Constraint::Each(Part::Element, each));
    }
    rule.len(texts.len(), print, violations);
    violations.none_since(mark).then_some(values)
}

fn parse<T: std::str::FromStr>(text: &str, kind: &str, violations: &mut Violations) -> Option<T> {
    let value = text.parse().ok();
    if value.is_none() {
        violations.invalid(format!("STRING_VALUE cannot be converted to {kind}"));
    }
    value
}
