//! DeleteBasePathMapping.

use api::apigateway::{DeleteBasePathMappingInput, DeleteBasePathMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteBasePathMappingInput,
) -> Result<DeleteBasePathMappingOutput> {
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        let id = domain.mapping_of(&input.base_path)?.id.clone();
        domain.mappings.retain(|mapping| mapping.id != id);
        Ok(())
    });
    edit.await?;
    Ok(DeleteBasePathMappingOutput {})
}
