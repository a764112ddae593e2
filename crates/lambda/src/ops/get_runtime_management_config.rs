//! GetRuntimeManagementConfig: `Auto` unless it was set.

use api::lambda::{GetRuntimeManagementConfigInput, GetRuntimeManagementConfigOutput, UpdateRuntimeOn};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetRuntimeManagementConfigInput,
) -> Result<GetRuntimeManagementConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let function = existing(lambda, &reference)?;
    let version = function.version(reference.qualifier(), || 1.0);
    let version = version.ok_or_else(|| error::function_not_found(&reference))?;
    let management = function.runtime_management.get(&version.text);
    let update_on = management.and_then(|management| management.update_on.parse().ok());
    Ok(GetRuntimeManagementConfigOutput {
        update_runtime_on: Some(update_on.unwrap_or(UpdateRuntimeOn::Auto)),
        function_arn: Some(reference.qualified_arn()),
        runtime_version_arn: management.and_then(|management| management.version_arn.clone()),
    })
}
