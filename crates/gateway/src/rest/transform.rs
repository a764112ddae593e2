//! The body that an integration other than a proxy gets: chosen by the request's media type, passed through or
//! made by a template. Pure.

use vtl::Overrides;

use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::program::{Mapping, Passthrough};
use crate::rest::template::{Mapped, Side};

/// The body of the integration's request, and what its template overrides.
pub(crate) fn request(call: &Call<'_>, mapping: &Mapping) -> Result<Mapped, Fault> {
    let media_type = call.request.media_type().unwrap_or("application/json");
    let template = mapping.templates.iter().find(|(known, _)| known.eq_ignore_ascii_case(media_type));
    match (template, mapping.passthrough) {
        (Some((_, template)), _) => {
            template.render(call, &call.request.body, Overrides::default(), Side::Request)
        }
        (None, Passthrough::Never) => Err(Fault::UnsupportedMediaType),
        (None, Passthrough::WhenNoTemplates) if !mapping.templates.is_empty() => {
            Err(Fault::UnsupportedMediaType)
        }
        (None, _) => Ok(Mapped { body: call.request.body.clone(), overrides: Overrides::default() }),
    }
}
