//! GetLayerVersionByArn: GetLayerVersion by one ARN.

use api::lambda::{GetLayerVersionByArnInput, GetLayerVersionByArnOutput};
use base::Cx;
use wire::Failure;

use super::get_layer_version::{layer, readable};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetLayerVersionByArnInput,
) -> Result<GetLayerVersionByArnOutput, Failure> {
    let reference = layer(cx, &input.arn)?;
    let number = reference.number.ok_or_else(error::resource_not_found)?;
    Ok(readable(lambda, cx, &reference, number)?.found(&cx.origin()))
}
