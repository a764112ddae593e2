//! CreateApiMapping.

use api::apigatewayv2::{CreateApiMappingInput, CreateApiMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::MappingRecord;
use crate::domain::rows;
use crate::error::Result;
use crate::v2::release::new_id;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateApiMappingInput,
) -> Result<CreateApiMappingOutput> {
    let key = input.api_mapping_key.unwrap_or_default();
    let mapping = MappingRecord { id: new_id(), key, api_id: input.api_id, stage: Some(input.stage) };
    // The domain is asked for first, as on AWS.
    rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    rows::check_target(&gateway.store, &cx.scope, (&mapping.api_id, mapping.stage.as_deref())).await?;
    let put =
        rows::edit(gateway, &cx.scope, &input.domain_name, |domain| domain.put_mapping(mapping.clone()));
    put.await?;
    Ok(mapping.shown_v2())
}
