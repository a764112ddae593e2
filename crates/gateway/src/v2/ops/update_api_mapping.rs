//! UpdateApiMapping: what is given takes the place of what was.

use api::apigatewayv2::{UpdateApiMappingInput, UpdateApiMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateApiMappingInput,
) -> Result<UpdateApiMappingOutput> {
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let stage = input.stage.clone().or_else(|| domain.mapping(&input.api_mapping_id).ok()?.stage.clone());
    domain.mapping(&input.api_mapping_id)?;
    rows::check_target(&gateway.store, &cx.scope, (&input.api_id, stage.as_deref())).await?;
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        let mut mapping = domain.mapping(&input.api_mapping_id)?.clone();
        mapping.api_id.clone_from(&input.api_id);
        if let Some(key) = &input.api_mapping_key {
            mapping.key.clone_from(key);
        }
        if input.stage.is_some() {
            mapping.stage.clone_from(&input.stage);
        }
        domain.put_mapping(mapping)
    });
    let domain = edit.await?;
    Ok(domain.mapping(&input.api_mapping_id)?.clone().shown_v2())
}
