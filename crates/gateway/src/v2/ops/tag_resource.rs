//! TagResource.

use api::apigatewayv2::{TagResourceInput, TagResourceOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::tagged::Tagged;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: TagResourceInput) -> Result<TagResourceOutput> {
    let given = input.tags.unwrap_or_default();
    let tagged = Tagged::parse(&input.resource_arn)?;
    tagged.edit(&gateway.store, cx, |tags| tags.extend(given.clone())).await?;
    Ok(TagResourceOutput {})
}
