//! GetFunctionCodeSigningConfig: deploy tools ask for it whether or not the function has one.

use api::lambda::{GetFunctionCodeSigningConfigInput, GetFunctionCodeSigningConfigOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::Lambda;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionCodeSigningConfigInput,
) -> Result<GetFunctionCodeSigningConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let function = existing(lambda, &reference)?;
    Ok(GetFunctionCodeSigningConfigOutput {
        code_signing_config_arn: function.code_signing.clone().unwrap_or_default(),
        function_name: function.name.clone(),
    })
}
