//! UpdateBasePathMapping.

use api::apigateway::{UpdateBasePathMappingInput, UpdateBasePathMappingOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::records::DomainRecord;
use crate::domain::rows::{self, Destination};
use crate::error::Result;
use crate::patch::Patch;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateBasePathMappingInput,
) -> Result<UpdateBasePathMappingOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let domain = rows::read(&gateway.store, &cx.scope, &input.domain_name).await?;
    let was = domain.mapping_of(&input.base_path)?;
    let mut mapping = was.clone();
    patches.iter().try_for_each(|patch| mapping.patch(patch))?;
    let place = (mapping.api_id.as_str(), mapping.stage.as_deref());
    let to = Destination::find(&gateway.store, &cx.scope, place).await?;
    let replace = |domain: &mut DomainRecord| domain.replace_mapping(was, mapping.clone());
    rows::lead(gateway, &cx.scope, &input.domain_name, &to, replace).await?;
    Ok(mapping.shown_v1())
}
