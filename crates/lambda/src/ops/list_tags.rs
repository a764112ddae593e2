//! ListTags: of whatever can have tags.

use api::lambda::{ListTagsInput, ListTagsOutput};
use base::Cx;
use wire::Failure;

use super::existing;
use super::tag_resource::{Tagged, tagged};
use crate::Lambda;

pub(super) async fn run(lambda: &Lambda, cx: &Cx, input: ListTagsInput) -> Result<ListTagsOutput, Failure> {
    let tags = match tagged(lambda, cx, &input.resource)? {
        Tagged::Function(reference) => existing(lambda, &reference)?.tags.clone(),
        Tagged::Mapping(live) => live.mapping.tags.clone(),
        Tagged::SigningConfig(arn) => lambda.signing_config(&cx.scope, arn).await?.tags,
        Tagged::CapacityProvider(arn) => lambda.capacity_provider(&cx.scope, arn).await?.tags,
    };
    Ok(ListTagsOutput { tags: Some(tags) })
}
