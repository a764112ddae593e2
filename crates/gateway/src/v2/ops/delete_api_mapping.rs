//! DeleteApiMapping.

use api::apigatewayv2::{DeleteApiMappingInput, DeleteApiMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteApiMappingInput,
) -> Result<DeleteApiMappingOutput> {
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        domain.mapping(&input.api_mapping_id)?;
        domain.mappings.retain(|mapping| mapping.id != input.api_mapping_id);
        Ok(())
    });
    edit.await?;
    Ok(DeleteApiMappingOutput {})
}
