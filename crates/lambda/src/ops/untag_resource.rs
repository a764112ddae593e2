//! UntagResource: takes tags away; those that are not there do not matter.

use api::lambda::{UntagResourceInput, UntagResourceOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::edited;
use super::list_tags::{Tagged, tagged};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Failure> {
    let Tagged::Function(reference) = tagged(lambda, cx, &input.resource)? else {
        return Err(error::unsupported("Untagging an event source mapping"));
    };
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    function.tags.retain(|key, _| !input.tag_keys.contains(key));
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(UntagResourceOutput {})
}
