//! GetDocumentationParts: those of a kind, a path, a name, or that nothing documents.

use api::apigateway::{GetDocumentationPartsInput, GetDocumentationPartsOutput, LocationStatusType};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::documentation::DocumentationPartRecord;
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDocumentationPartsInput,
) -> Result<GetDocumentationPartsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    if input.location_status == Some(LocationStatusType::Undocumented) {
        return Err(GatewayError::bad_request(
            "Rushlight does not list the locations that have no documentation (see docs/differences.md)",
        ));
    }
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let mut found = parts::all::<DocumentationPartRecord>(&gateway.store, Owner::Api(&api)).await?;
    found.retain(|part| {
        let location = &part.location;
        let path = location.path.as_deref().unwrap_or_default();
        let name = location.name.as_deref().unwrap_or_default();
        input.r#type.is_none_or(|kind| location.kind == kind.as_str())
            && input.path.as_ref().is_none_or(|wanted| path.starts_with(wanted.as_str()))
            && input.name_query.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()))
    });
    let (found, position) = page.cut(found, |part| part.id.as_bytes());
    let items = found.into_iter().map(view::documentation_part).collect();
    Ok(GetDocumentationPartsOutput { position, items: Some(items) })
}
