//! GetBasePathMappings: by their paths.

use api::apigateway::{GetBasePathMappingsInput, GetBasePathMappingsOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::MappingRecord;
use crate::domain::rows;
use crate::error::Result;
use crate::paging::PageRequest;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetBasePathMappingsInput,
) -> Result<GetBasePathMappingsOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let (found, position) = page.cut(domain.mappings, |mapping| mapping.key.as_bytes());
    let shown = found.into_iter().map(MappingRecord::shown_v1);
    Ok(GetBasePathMappingsOutput { position, items: Some(shown.collect()) })
}
