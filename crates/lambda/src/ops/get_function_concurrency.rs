//! GetFunctionConcurrency: what a function has reserved; nothing when it has not.

use api::lambda::{GetFunctionConcurrencyInput, GetFunctionConcurrencyOutput};
use base::Cx;
use wire::Failure;

use super::{existing, unqualified};
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionConcurrencyInput,
) -> Result<GetFunctionConcurrencyOutput, Failure> {
    let reference = unqualified(cx, &input.function_name)?;
    let function = existing(lambda, &reference)?;
    let reserved_concurrent_executions = function.reserved.and_then(|count| i32::try_from(count).ok());
    Ok(GetFunctionConcurrencyOutput { reserved_concurrent_executions })
}
