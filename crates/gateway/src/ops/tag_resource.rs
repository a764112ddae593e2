//! TagResource.

use api::apigateway::{TagResourceInput, TagResourceOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::tagged::Tagged;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: TagResourceInput) -> Result<TagResourceOutput> {
    let tagged = Tagged::parse(&input.resource_arn)?;
    tagged.edit(&gateway.store, cx, |tags| tags.extend(input.tags.clone())).await?;
    Ok(TagResourceOutput {})
}
