//! GetBasePathMapping.

use api::apigateway::{GetBasePathMappingInput, GetBasePathMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetBasePathMappingInput,
) -> Result<GetBasePathMappingOutput> {
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    Ok(domain.mapping_of(&input.base_path)?.clone().shown_v1())
}
