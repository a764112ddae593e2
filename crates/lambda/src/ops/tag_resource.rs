//! TagResource: adds tags or gives known ones another value.

use api::lambda::{TagResourceInput, TagResourceOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::edited;
use super::list_tags::{Tagged, tagged};
use crate::{Lambda, error};

/// AWS's bound on the tags of a resource.
const TAGS_MAX: usize = 50;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Failure> {
    let Tagged::Function(reference) = tagged(lambda, cx, &input.resource)? else {
        return Err(error::unsupported("Tagging an event source mapping after its creation"));
    };
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    function.tags.extend(input.tags);
    if function.tags.len() > TAGS_MAX {
        return Err(error::invalid("Number of tags exceeds resource tag limit."));
    }
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(TagResourceOutput {})
}
