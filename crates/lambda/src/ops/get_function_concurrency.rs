//! GetFunctionConcurrency: what a function has reserved; nothing when it has not.

use api::lambda::{GetFunctionConcurrencyInput, GetFunctionConcurrencyOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionConcurrencyInput,
) -> Result<GetFunctionConcurrencyOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    let reserved_concurrent_executions = function.reserved.and_then(|count| i32::try_from(count).ok());
    Ok(GetFunctionConcurrencyOutput { reserved_concurrent_executions })
}
