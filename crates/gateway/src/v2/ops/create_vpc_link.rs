//! CreateVpcLink.

use api::apigatewayv2::{CreateVpcLinkInput, CreateVpcLinkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::release;
use crate::v2::vpc_link::VpcLinkRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateVpcLinkInput,
) -> Result<CreateVpcLinkOutput> {
    let link = VpcLinkRecord {
        id: release::new_id(),
        name: input.name,
        security_group_ids: input.security_group_ids.unwrap_or_default(),
        subnet_ids: input.subnet_ids,
        created_ms: gateway.clock.now().as_millis(),
        tags: input.tags.unwrap_or_default(),
    };
    link.check()?;
    let taken = || GatewayError::conflict("A VPC link of this identifier already exists");
    Ok(parts::create(&gateway.store, Owner::Scope(&cx.scope), link, taken).await?.shown())
}
