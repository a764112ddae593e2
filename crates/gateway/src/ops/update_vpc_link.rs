//! UpdateVpcLink: its name and description.

use api::apigateway::{UpdateVpcLinkInput, UpdateVpcLinkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::view;
use crate::rest::vpc_link::VpcLinkRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateVpcLinkInput,
) -> Result<UpdateVpcLinkOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let apply = |link: &mut VpcLinkRecord| {
        patches.iter().try_for_each(|patch| link.patch(patch))?;
        link.check()
    };
    let link = parts::edit(&gateway.store, Owner::Scope(&cx.scope), &input.vpc_link_id, apply).await?;
    Ok(view::vpc_link(link))
}
