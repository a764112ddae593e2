//! UpdateVpcLink: its name.

use api::apigatewayv2::{UpdateVpcLinkInput, UpdateVpcLinkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::vpc_link::VpcLinkRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateVpcLinkInput,
) -> Result<UpdateVpcLinkOutput> {
    let apply = |link: &mut VpcLinkRecord| {
        if let Some(name) = &input.name {
            link.name.clone_from(name);
        }
        link.check()
    };
    Ok(parts::edit(&gateway.store, Owner::Scope(&cx.scope), &input.vpc_link_id, apply).await?.shown())
}
