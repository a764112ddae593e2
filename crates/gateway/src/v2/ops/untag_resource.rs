//! UntagResource.

use api::apigatewayv2::{UntagResourceInput, UntagResourceOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::tagged::Tagged;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput> {
    let tagged = Tagged::parse(&input.resource_arn)?;
    tagged.edit(&gateway.store, cx, |tags| tags.retain(|key, _| !input.tag_keys.contains(key))).await?;
    Ok(UntagResourceOutput {})
}
