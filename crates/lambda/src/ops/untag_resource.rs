//! UntagResource: takes tags away; those that are not there do not matter.

use api::lambda::{UntagResourceInput, UntagResourceOutput};
use base::Cx;
use wire::Failure;

use super::tag_resource::change;
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Failure> {
    change(lambda, cx, &input.resource, |tags| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(UntagResourceOutput {})
}
