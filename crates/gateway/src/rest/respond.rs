//! From an integration's answer to the method's: the integration response is selected, its headers are mapped,
//! its template makes the body and may override the rest. Pure.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use vtl::{MatchError, Overrides};

use crate::StageResponse;
use crate::exchange::media_type;
use crate::rest::call::{Call, body_value, header_values};
use crate::rest::fault::Fault;
use crate::rest::headers::{self, Origin};
use crate::rest::mapping::Source;
use crate::rest::program::{Mapping, Response, Selection};
use crate::rest::template::{Mapped, Side};
use crate::rest::{heavy, transform};

/// What an integration answered.
#[derive(Debug)]
pub(crate) struct IntegrationAnswer {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) body: Bytes,
    /// What the request's template overrides, for the response's.
    pub(crate) overrides: Overrides,
}

/// The method's answer. `selected` is what selection patterns look at: a status, or a function's error message.
pub(crate) fn respond(
    call: &Call<'_>,
    mapping: &Mapping,
    selected: &str,
    answer: &IntegrationAnswer,
) -> Result<StageResponse, Fault> {
    let rule = select(&mapping.responses, selected)?;
    let mut headers = HeaderMap::with_capacity(rule.headers.len() + 4);
    for (name, source) in &rule.headers {
        for value in values(call, source, answer) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(name, value);
            }
        }
    }
    headers::remap(&mut headers, Origin::Integration);
    let mapped = body(call, rule, answer)?;
    let status = override_response(rule.status, &mut headers, &mapped.overrides)?;
    Ok(StageResponse::new(status, headers, mapped.body))
}

/// What templates override is final: it replaces what was mapped.
fn override_response(mapped: u16, headers: &mut HeaderMap, overrides: &Overrides) -> Result<u16, Fault> {
    for (name, value) in &overrides.response_headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        headers.remove(&name);
        for value in value.texts() {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(&name, value);
            }
        }
    }
    let Some(status) = &overrides.response_status else { return Ok(mapped) };
    let status = status.texts().pop().unwrap_or_default();
    let parsed = status.trim().parse().ok().filter(|status| (200..600).contains(status));
    parsed.ok_or_else(|| Fault::Configuration(format!("$context.responseOverride.status is {status:?}")))
}

/// The first response whose pattern matches, whole, as in Java; else the one without a pattern.
fn select<'r>(responses: &'r [Response], selected: &str) -> Result<&'r Response, Fault> {
    let found = heavy::search(|steps| matching(responses, selected, steps));
    match found.map_err(|error| Fault::Configuration(format!("a selection pattern: {error}")))? {
        Some(Response { selection: Selection::Broken(why), .. }) => {
            return Err(Fault::Configuration(why.clone()));
        }
        Some(response) => return Ok(response),
        None => {}
    }
    let default = responses.iter().find(|response| matches!(response.selection, Selection::Default));
    default.ok_or_else(|| {
        Fault::Configuration(format!(
            "No match for output mapping and no default output mapping configured. Endpoint Response Status Code: {selected}"
        ))
    })
}

/// The first response whose pattern matches, or is none.
fn matching<'r>(
    responses: &'r [Response],
    selected: &str,
    steps: &mut u32,
) -> Result<Option<&'r Response>, MatchError> {
    for response in responses {
        let found = match &response.selection {
            Selection::Pattern(pattern) => pattern.matches_within(selected, steps)?,
            Selection::Broken(_) => true,
            Selection::Default => false,
        };
        if found {
            return Ok(Some(response));
        }
    }
    Ok(None)
}

fn values(call: &Call<'_>, source: &Source, answer: &IntegrationAnswer) -> Vec<String> {
    let header = |name: &str| answer.headers.as_ref().map(|headers| header_values(headers, name));
    match source {
        Source::Header(name) => header(name).unwrap_or_default().pop().into_iter().collect(),
        Source::MultiHeader(name) => header(name).unwrap_or_default(),
        Source::Body => vec![String::from_utf8_lossy(&answer.body).into_owned()],
        Source::BodyPath(path) => body_value(&answer.body, path).into_iter().collect(),
        other => call.constant(other).into_iter().collect(),
    }
}

/// By the template for what the caller accepts; else for JSON; else the first; without templates as it came, bytes
/// and text turned into each other as the response wants it.
fn body(call: &Call<'_>, rule: &Response, answer: &IntegrationAnswer) -> Result<Mapped, Fault> {
    let find = |wanted: &str| rule.templates.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted));
    let accepted = call.request.header("accept").map(media_type).and_then(find);
    let template = accepted.or_else(|| find("application/json")).or(rule.templates.first());
    let overrides = answer.overrides.clone();
    let content = transform::answered(call, rule.content_handling, &answer.body, is_binary(call, answer))?;
    match template {
        Some((_, template)) if content.binary && !template.is_empty() => {
            Err(Fault::Configuration("Unable to transform response: its body is binary".to_owned()))
        }
        Some((_, template)) if !template.is_empty() => {
            template.render(call, &content.body, overrides, Side::Response)
        }
        _ => Ok(Mapped { body: content.body, overrides }),
    }
}

/// By what the integration says of its body. A MOCK has none.
fn is_binary(call: &Call<'_>, answer: &IntegrationAnswer) -> bool {
    let Some(headers) = &answer.headers else { return false };
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    call.release.program.binary.matches(given.map(media_type))
}
