//! DeleteEventSourceMapping: it is gone when the invocation that may still run has ended.

use api::lambda::{DeleteEventSourceMappingInput, DeleteEventSourceMappingOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::get_event_source_mapping;
use crate::mapping::Phase;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteEventSourceMappingInput,
) -> Result<DeleteEventSourceMappingOutput, Failure> {
    let _turn = lambda.mappings.edit.lock().await;
    let live = get_event_source_mapping::existing(lambda, cx, &input.uuid)?;
    if live.mapping.deleting {
        return Ok(live.describe());
    }
    let mut mapping = live.mapping.clone();
    mapping.deleting = true;
    let deleting = lambda.commit_mapping(mapping, Phase::Deleting, Batch::new()).await;
    deleting.map_err(|error| error::store(&error))
}
