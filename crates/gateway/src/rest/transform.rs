//! The body that an integration other than a proxy gets: chosen by the request's media type, passed through or
//! made by a template, and whether it travels as bytes or as text. Pure.

use bytes::Bytes;
use vtl::Overrides;

use crate::rest::call::Call;
use crate::rest::content::{Content, Handling};
use crate::rest::fault::Fault;
use crate::rest::program::{Mapping, Passthrough};
use crate::rest::template::{Mapped, Side, Template};

/// The body of the integration's request, and what its template overrides.
pub(crate) fn request(call: &Call<'_>, mapping: &Mapping) -> Result<Mapped, Fault> {
    let template = template(call, mapping)?;
    let content = received(call, mapping.content_handling)?;
    match template {
        Some(template) if content.binary && !template.is_empty() => {
            Err(Fault::Configuration("Unable to transform request: its body is binary".to_owned()))
        }
        Some(template) if !template.is_empty() => {
            template.render(call, &content.body, Overrides::default(), Side::Request)
        }
        _ => Ok(Mapped { body: content.body, overrides: Overrides::default() }),
    }
}

fn template<'m>(call: &Call<'_>, mapping: &'m Mapping) -> Result<Option<&'m Template>, Fault> {
    let media_type = call.request.media_type().unwrap_or("application/json");
    let mut templates = mapping.templates.iter();
    let template = templates.find(|(known, _)| known.eq_ignore_ascii_case(media_type));
    match (template, mapping.passthrough) {
        (Some((_, template)), _) => Ok(Some(template)),
        (None, Passthrough::Never) => Err(Fault::UnsupportedMediaType),
        (None, Passthrough::WhenNoTemplates) if !mapping.templates.is_empty() => {
            Err(Fault::UnsupportedMediaType)
        }
        (None, _) => Ok(None),
    }
}

/// The body as `contentHandling` wants it.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html>
fn received(call: &Call<'_>, handling: Option<Handling>) -> Result<Content, Fault> {
    let body = call.request.body.clone();
    let binary = call.release.program.binary.matches(call.request.media_type());
    let undone = |_| Fault::Configuration("Unable to base64 decode the body.".to_owned());
    Ok(match (binary, handling) {
        (true, None | Some(Handling::ToBinary)) => Content { body, binary: true },
        (true, Some(Handling::ToText)) => Content::encoded(&body),
        (false, None | Some(Handling::ToText)) => Content::text(body),
        (false, Some(Handling::ToBinary)) => Content::decoded(&body).map_err(undone)?,
    })
}

/// The integration's answer as `contentHandling` and the caller want it; `binary` says whether it is.
pub(crate) fn answered(
    call: &Call<'_>,
    handling: Option<Handling>,
    body: &Bytes,
    binary: bool,
) -> Result<Content, Fault> {
    let types = &call.release.program.binary;
    // AWS looks at the first media type of Accept alone.
    let accepted = call.request.header("accept").and_then(|accept| accept.split(',').next());
    let wanted = types.matches(accepted.map(crate::exchange::media_type));
    let undone = |_| Fault::Configuration("Unable to base64 decode the body.".to_owned());
    Ok(match (binary, handling, wanted) {
        (true, None, true) | (true, Some(Handling::ToBinary), _) => {
            Content { body: body.clone(), binary: true }
        }
        (true, None, false) | (true, Some(Handling::ToText), _) => Content::encoded(body),
        (false, None, false) | (false, Some(Handling::ToText), _) => Content::text(body.clone()),
        (false, None, true) | (false, Some(Handling::ToBinary), _) => {
            Content::decoded(body).map_err(undone)?
        }
    })
}
