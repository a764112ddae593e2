//! GetApiMappings: by their keys.

use api::apigatewayv2::{GetApiMappingsInput, GetApiMappingsOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::MappingRecord;
use crate::domain::rows;
use crate::error::Result;
use crate::paging::PageRequest;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetApiMappingsInput,
) -> Result<GetApiMappingsOutput> {
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let (found, next_token) = page.cut(domain.mappings, |mapping| mapping.key.as_bytes());
    let shown = found.into_iter().map(MappingRecord::shown_v2);
    Ok(GetApiMappingsOutput { items: Some(shown.collect()), next_token })
}
