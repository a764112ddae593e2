//! GetDocumentationParts: those of a kind, a path, a name, or that nothing documents.

use api::apigateway::{
    DocumentationPart, GetDocumentationPartsInput, GetDocumentationPartsOutput, LocationStatusType,
};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::definition::{Definition, models};
use crate::rest::documentation::{DocumentationPartRecord, LocationRecord, undocumented};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDocumentationPartsInput,
) -> Result<GetDocumentationPartsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let is_asked = |location: &LocationRecord| {
        let path = location.path.as_deref().unwrap_or_default();
        let name = location.name.as_deref().unwrap_or_default();
        input.r#type.is_none_or(|kind| location.kind == kind.as_str())
            && input.path.as_ref().is_none_or(|wanted| path.starts_with(wanted.as_str()))
            && input.name_query.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()))
    };
    if input.location_status == Some(LocationStatusType::Undocumented) {
        let models = models(&gateway.store, &api).await?;
        let definition = Definition::read(&gateway.store, api).await?;
        let places = undocumented(&definition, &models).into_iter().filter(is_asked);
        let places: Vec<_> = places.map(|place| (place.describe(), place)).collect();
        let (found, position) = page.cut(places, |(description, _)| description.as_bytes());
        let shown = |(_, place): (String, LocationRecord)| DocumentationPart {
            location: Some(place.shown()),
            ..DocumentationPart::default()
        };
        let items = found.into_iter().map(shown).collect();
        return Ok(GetDocumentationPartsOutput { position, items: Some(items) });
    }
    let mut found = parts::all::<DocumentationPartRecord>(&gateway.store, Owner::Api(&api)).await?;
    found.retain(|part| is_asked(&part.location));
    let (found, position) = page.cut(found, |part| part.id.as_bytes());
    let items = found.into_iter().map(view::documentation_part).collect();
    Ok(GetDocumentationPartsOutput { position, items: Some(items) })
}
