//! CreateBasePathMapping.

use api::apigateway::{CreateBasePathMappingInput, CreateBasePathMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::{DomainRecord, MappingRecord, NO_BASE_PATH};
use crate::domain::rows::{self, Destination};
use crate::error::Result;
use crate::v2::release::new_id;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateBasePathMappingInput,
) -> Result<CreateBasePathMappingOutput> {
    let key = input.base_path.filter(|path| path != NO_BASE_PATH).unwrap_or_default();
    let stage = input.stage.filter(|stage| !stage.is_empty());
    let mapping = MappingRecord { id: new_id(), key, api_id: input.rest_api_id, stage };
    // The domain is asked for first, as on AWS.
    rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let place = (mapping.api_id.as_str(), mapping.stage.as_deref());
    let to = Destination::find(&gateway.store, &cx.scope, place).await?;
    let put = |domain: &mut DomainRecord| domain.put_mapping(mapping.clone());
    rows::lead(gateway, &cx.scope, &input.domain_name, &to, put).await?;
    Ok(mapping.shown_v1())
}
