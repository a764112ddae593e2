//! PutFunctionScalingConfig: how few environments of a version there are at least, kept initialised. The bound above is
//! told again and binds nothing: there are no instances whose room it would divide.

use api::lambda::{PutFunctionScalingConfigInput, PutFunctionScalingConfigOutput, State};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::provision::Scaling;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: PutFunctionScalingConfigInput,
) -> Result<PutFunctionScalingConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, Some(&input.qualifier))?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    if function.reached_by(&input.qualifier).is_empty() && input.qualifier != "$LATEST" {
        return Err(error::function_not_found(&reference));
    }
    let count = |given: Option<i32>| given.and_then(|count| u32::try_from(count).ok());
    let config = input.function_scaling_config.unwrap_or_default();
    let scaling = Scaling {
        min: count(config.min_execution_environments),
        max: count(config.max_execution_environments),
    };
    if let (Some(min), Some(max)) = (scaling.min, scaling.max)
        && min > max
    {
        return Err(error::invalid(
            "MinExecutionEnvironments cannot be greater than MaxExecutionEnvironments.",
        ));
    }
    function.scaling.insert(input.qualifier, scaling);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(PutFunctionScalingConfigOutput { function_state: Some(State::Active) })
}
