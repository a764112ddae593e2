//! CreateVpcLink.

use api::apigateway::{CreateVpcLinkInput, CreateVpcLinkOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::view;
use crate::rest::vpc_link::VpcLinkRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateVpcLinkInput,
) -> Result<CreateVpcLinkOutput> {
    let link = VpcLinkRecord {
        id: random_alphanumeric(6),
        name: input.name,
        description: input.description,
        target_arns: input.target_arns,
        tags: input.tags.unwrap_or_default(),
    };
    link.check()?;
    let taken = || GatewayError::conflict("A VPC link of this identifier already exists");
    Ok(view::vpc_link(parts::create(&gateway.store, Owner::Scope(&cx.scope), link, taken).await?))
}
