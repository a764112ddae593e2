//! DeleteVpcLink.

use api::apigateway::{DeleteVpcLinkInput, DeleteVpcLinkOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::vpc_link::VpcLinkRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteVpcLinkInput,
) -> Result<DeleteVpcLinkOutput> {
    parts::delete::<VpcLinkRecord>(&gateway.store, Owner::Scope(&cx.scope), &input.vpc_link_id).await?;
    Ok(DeleteVpcLinkOutput {})
}
