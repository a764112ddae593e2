//! GetFunctionUrlConfig.

use api::lambda::{GetFunctionUrlConfigInput, GetFunctionUrlConfigOutput};
use base::Cx;
use wire::Failure;

use super::named;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: GetFunctionUrlConfigInput,
) -> Result<GetFunctionUrlConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let qualifier = reference.qualifier.unwrap_or_default();
    let function = lambda.catalogue.get(&reference.scope, reference.name);
    let function = function.ok_or_else(error::resource_not_found)?;
    let config = function.urls.get(qualifier).ok_or_else(error::resource_not_found)?;
    let told = config.describe(cx, &function, qualifier);
    Ok(GetFunctionUrlConfigOutput {
        function_url: told.function_url,
        function_arn: told.function_arn,
        auth_type: told.auth_type,
        cors: told.cors,
        creation_time: told.creation_time,
        last_modified_time: told.last_modified_time,
        invoke_mode: told.invoke_mode,
    })
}
