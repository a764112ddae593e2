//! GetDocumentationVersions.

use api::apigateway::{GetDocumentationVersionsInput, GetDocumentationVersionsOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDocumentationVersionsInput,
) -> Result<GetDocumentationVersionsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let (found, position) = parts::page(&gateway.store, Owner::Api(&api), &page).await?;
    let items = found.into_iter().map(DocumentationVersionRecord::shown).collect();
    Ok(GetDocumentationVersionsOutput { position, items: Some(items) })
}
