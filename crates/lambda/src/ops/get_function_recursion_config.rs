//! GetFunctionRecursionConfig: whether recursive loops of a function are cut.

use api::lambda::{GetFunctionRecursionConfigInput, GetFunctionRecursionConfigOutput, RecursiveLoop};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionRecursionConfigInput,
) -> Result<GetFunctionRecursionConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    let answer = if function.allows_loops { RecursiveLoop::Allow } else { RecursiveLoop::Terminate };
    Ok(GetFunctionRecursionConfigOutput { recursive_loop: Some(answer) })
}
