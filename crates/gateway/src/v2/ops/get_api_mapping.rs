//! GetApiMapping.

use api::apigatewayv2::{GetApiMappingInput, GetApiMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetApiMappingInput,
) -> Result<GetApiMappingOutput> {
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    Ok(domain.mapping(&input.api_mapping_id)?.clone().shown_v2())
}
