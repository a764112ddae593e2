//! GetVpcLink.

use api::apigatewayv2::{GetVpcLinkInput, GetVpcLinkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::vpc_link::VpcLinkRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetVpcLinkInput) -> Result<GetVpcLinkOutput> {
    let link: VpcLinkRecord =
        parts::read(&gateway.store, Owner::Scope(&cx.scope), &input.vpc_link_id).await?;
    Ok(link.shown())
}
