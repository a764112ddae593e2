//! GetTags.

use api::apigatewayv2::{GetTagsInput, GetTagsOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::tagged::Tagged;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetTagsInput) -> Result<GetTagsOutput> {
    let tags = Tagged::parse(&input.resource_arn)?.read(&gateway.store, cx).await?;
    Ok(GetTagsOutput { tags: Some(tags) })
}
