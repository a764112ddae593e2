//! GetVpcLink.

use api::apigateway::{GetVpcLinkInput, GetVpcLinkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetVpcLinkInput) -> Result<GetVpcLinkOutput> {
    let link = parts::read(&gateway.store, Owner::Scope(&cx.scope), &input.vpc_link_id).await?;
    Ok(view::vpc_link(link))
}
