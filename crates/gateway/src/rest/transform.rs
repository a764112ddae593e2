//! The body that an integration other than a proxy gets: chosen by the request's media type, passed through or
//! made by a template. Pure.

use bytes::Bytes;

use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::program::{Mapping, Passthrough};
use crate::rest::template::Template;

/// The body of the integration's request.
pub(crate) fn request_body(call: &Call<'_>, mapping: &Mapping) -> Result<Bytes, Fault> {
    let media_type = call.request.media_type().unwrap_or("application/json");
    let template = mapping.templates.iter().find(|(known, _)| known.eq_ignore_ascii_case(media_type));
    match (template, mapping.passthrough) {
        (Some((_, Template::Literal(text))), _) => Ok(text.clone()),
        (Some((_, Template::Body)), _) => Ok(call.request.body.clone()),
        (Some((known, Template::Unsupported)), _) => Err(Fault::Unsupported(format!(
            "the mapping template of {} {}, integration request, {known}, because it needs a template engine",
            call.request.method, call.method.resource_path
        ))),
        (None, Passthrough::Never) => Err(Fault::UnsupportedMediaType),
        (None, Passthrough::WhenNoTemplates) if !mapping.templates.is_empty() => {
            Err(Fault::UnsupportedMediaType)
        }
        (None, _) => Ok(call.request.body.clone()),
    }
}
