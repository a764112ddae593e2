//! UpdateApiMapping: what is given takes the place of what was.

use api::apigatewayv2::{UpdateApiMappingInput, UpdateApiMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::{DomainRecord, MappingRecord};
use crate::domain::rows::{self, Destination};
use crate::error::Result;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateApiMappingInput,
) -> Result<UpdateApiMappingOutput> {
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let was = domain.mapping(&input.api_mapping_id)?;
    let mapping = MappingRecord {
        id: was.id.clone(),
        key: input.api_mapping_key.unwrap_or_else(|| was.key.clone()),
        api_id: input.api_id,
        stage: input.stage.or_else(|| was.stage.clone()),
    };
    let place = (mapping.api_id.as_str(), mapping.stage.as_deref());
    let to = Destination::find(&gateway.store, &cx.scope, place).await?;
    let replace = |domain: &mut DomainRecord| domain.replace_mapping(was, mapping.clone());
    rows::lead(gateway, &cx.scope, &input.domain_name, &to, replace).await?;
    Ok(mapping.shown_v2())
}
