//! GetFunctionScalingConfig: what was asked for a version; it applies at once.

use api::lambda::{FunctionScalingConfig, GetFunctionScalingConfigInput, GetFunctionScalingConfigOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::provision::Scaling;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionScalingConfigInput,
) -> Result<GetFunctionScalingConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, Some(&input.qualifier))?;
    let function = existing(lambda, &reference)?;
    if function.reached_by(&input.qualifier).is_empty() && input.qualifier != "$LATEST" {
        return Err(error::function_not_found(&reference));
    }
    let config = function.scaling.get(&input.qualifier).map(|Scaling { min, max }| FunctionScalingConfig {
        min_execution_environments: min.and_then(|count| i32::try_from(count).ok()),
        max_execution_environments: max.and_then(|count| i32::try_from(count).ok()),
    });
    Ok(GetFunctionScalingConfigOutput {
        function_arn: Some(reference.qualified_arn()),
        applied_function_scaling_config: config.clone(),
        requested_function_scaling_config: config,
    })
}
