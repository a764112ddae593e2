//! From an integration's answer to the method's: the integration response is selected, its headers are mapped,
//! its template makes the body. Pure.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::StageResponse;
use crate::exchange::media_type;
use crate::rest::call::{Call, header_values};
use crate::rest::fault::Fault;
use crate::rest::headers::{self, Origin};
use crate::rest::mapping::Source;
use crate::rest::program::{Mapping, Response, Selection};
use crate::rest::template::Template;

/// What an integration answered.
#[derive(Debug)]
pub(crate) struct IntegrationAnswer {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) body: Bytes,
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
    let body = body(call, rule, answer)?;
    Ok(StageResponse { status: rule.status, headers, body })
}

/// The first response whose pattern matches, whole, as in Java; else the one without a pattern.
fn select<'r>(responses: &'r [Response], selected: &str) -> Result<&'r Response, Fault> {
    for response in responses {
        match &response.selection {
            Selection::Pattern(pattern) if pattern.is_match(selected) => return Ok(response),
            Selection::Unsupported(pattern) => {
                return Err(Fault::Unsupported(format!("the selection pattern {pattern}")));
            }
            Selection::Pattern(_) | Selection::Default => {}
        }
    }
    let default = responses.iter().find(|response| matches!(response.selection, Selection::Default));
    default.ok_or_else(|| {
        Fault::Configuration(format!(
            "No match for output mapping and no default output mapping configured. Endpoint Response: {selected}"
        ))
    })
}

fn values(call: &Call<'_>, source: &Source, answer: &IntegrationAnswer) -> Vec<String> {
    let header = |name: &str| answer.headers.as_ref().map(|headers| header_values(headers, name));
    match source {
        Source::Header(name) => header(name).unwrap_or_default().pop().into_iter().collect(),
        Source::MultiHeader(name) => header(name).unwrap_or_default(),
        Source::Body => vec![String::from_utf8_lossy(&answer.body).into_owned()],
        other => call.constant(other).into_iter().collect(),
    }
}

/// By the template for what the caller accepts; else for JSON; else the first; without templates as it came.
fn body(call: &Call<'_>, rule: &Response, answer: &IntegrationAnswer) -> Result<Bytes, Fault> {
    let find = |wanted: &str| rule.templates.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted));
    let accepted = call.request.header("accept").map(media_type).and_then(find);
    let template = accepted.or_else(|| find("application/json")).or(rule.templates.first());
    match template {
        None | Some((_, Template::Body)) => Ok(answer.body.clone()),
        // An empty template is none: the console and some tools store it so.
        Some((_, Template::Literal(text))) if text.is_empty() => Ok(answer.body.clone()),
        Some((_, Template::Literal(text))) => Ok(text.clone()),
        Some((known, Template::Unsupported)) => Err(Fault::Unsupported(format!(
            "the mapping template of {} {}, integration response {}, {known}, because it needs a template engine",
            call.request.method, call.method.resource_path, rule.status
        ))),
    }
}
