//! UpdateFunctionUrlConfig: what is given changes, the rest stays; cross-origin rules change as a whole.

use api::lambda::{
    FunctionUrlAuthType, InvokeMode, UpdateFunctionUrlConfigInput, UpdateFunctionUrlConfigOutput,
};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::named;
use crate::url::Cors;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: UpdateFunctionUrlConfigInput,
) -> Result<UpdateFunctionUrlConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let qualifier = reference.qualifier.unwrap_or_default();
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edit.now.as_deref().cloned().ok_or_else(error::resource_not_found)?;
    let config = function.urls.get_mut(qualifier).ok_or_else(error::resource_not_found)?;
    if let Some(auth_type) = input.auth_type {
        config.signed = auth_type == FunctionUrlAuthType::AwsIam;
    }
    if let Some(mode) = input.invoke_mode {
        config.streams = mode == InvokeMode::ResponseStream;
    }
    if let Some(cors) = input.cors {
        config.cors = Some(Cors::new(cors));
    }
    config.modified_ms = lambda.config.clock.now().as_millis();
    let config = config.clone();
    let told = config.describe(cx, &function, qualifier);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(UpdateFunctionUrlConfigOutput {
        function_url: told.function_url,
        function_arn: told.function_arn,
        auth_type: told.auth_type,
        cors: told.cors,
        creation_time: told.creation_time,
        last_modified_time: told.last_modified_time,
        invoke_mode: told.invoke_mode,
    })
}
