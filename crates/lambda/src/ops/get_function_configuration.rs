//! GetFunctionConfiguration: the settings of `$LATEST`, a version, or the version behind an alias.

use api::lambda::{FunctionConfiguration, GetFunctionConfigurationInput, GetFunctionConfigurationOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::catalogue::Function;
use crate::name::FunctionRef;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionConfigurationInput,
) -> Result<GetFunctionConfigurationOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let function = existing(lambda, &reference)?;
    configuration(&function, &reference)
}

pub(super) fn configuration(
    function: &Function,
    reference: &FunctionRef<'_>,
) -> Result<FunctionConfiguration, Failure> {
    // An alias with weights shows its main version, which a roll of 1 always falls to.
    let version = function.version(reference.qualifier(), || 1.0);
    let version = version.ok_or_else(|| error::function_not_found(reference))?;
    Ok(version.record.describe(&function.scope, &function.name, reference.qualifier))
}
