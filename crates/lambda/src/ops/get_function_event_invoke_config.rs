//! GetFunctionEventInvokeConfig: how asynchronous invocations of a qualifier are treated.

use api::lambda::{FunctionEventInvokeConfig, GetFunctionEventInvokeConfigInput};
use base::Cx;
use wire::Failure;

use super::named;
use super::put_function_event_invoke_config::{none, place, place_arn};
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionEventInvokeConfigInput,
) -> Result<FunctionEventInvokeConfig, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let arn = place_arn(&reference);
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    let config = function.as_ref().and_then(|function| function.event_configs.get(place(&reference)));
    config.map(|config| config.describe(arn.clone())).ok_or_else(|| none(&arn))
}
