//! GetEventSourceMapping.

use std::sync::Arc;

use api::lambda::{GetEventSourceMappingInput, GetEventSourceMappingOutput};
use base::Cx;
use wire::Failure;

use crate::mapping::Live;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetEventSourceMappingInput,
) -> Result<GetEventSourceMappingOutput, Failure> {
    Ok(existing(lambda, cx, &input.uuid)?.describe())
}

pub(super) fn existing(lambda: &Lambda, cx: &Cx, uuid: &str) -> Result<Arc<Live>, Failure> {
    let live = lambda.mappings.get(uuid).filter(|live| live.mapping.scope() == cx.scope);
    live.ok_or_else(error::resource_not_found)
}
