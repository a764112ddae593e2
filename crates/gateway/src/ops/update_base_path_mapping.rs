//! UpdateBasePathMapping.

use api::apigateway::{UpdateBasePathMappingInput, UpdateBasePathMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;
use crate::patch::Patch;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateBasePathMappingInput,
) -> Result<UpdateBasePathMappingOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let mut mapping = domain.mapping_of(&input.base_path)?.clone();
    patches.iter().try_for_each(|patch| mapping.patch(patch))?;
    rows::check_target(&gateway.store, &cx.scope, (&mapping.api_id, mapping.stage.as_deref())).await?;
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        let mut now = domain.mapping_of(&input.base_path)?.clone();
        patches.iter().try_for_each(|patch| now.patch(patch))?;
        mapping = now.clone();
        domain.put_mapping(now)
    });
    edit.await?;
    Ok(mapping.shown_v1())
}
