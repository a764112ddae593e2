//! CreateFunctionUrlConfig: a URL for a function, or for one of its aliases.

use api::lambda::{
    CreateFunctionUrlConfigInput, CreateFunctionUrlConfigOutput, FunctionUrlAuthType, InvokeMode,
};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::named;
use crate::url::{Cors, UrlConfig, url_id};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: CreateFunctionUrlConfigInput,
) -> Result<CreateFunctionUrlConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let qualifier = reference.qualifier.unwrap_or_default();
    let missing = || error::not_found("Function does not exist");
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edit.now.as_deref().cloned().ok_or_else(missing)?;
    if function.urls.contains_key(qualifier) {
        return Err(error::conflict(format!(
            "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists \
             for this Lambda function",
            reference.qualified_arn()
        )));
    }
    if !qualifier.is_empty() && !function.aliases.contains_key(qualifier) {
        return Err(missing());
    }
    let id = url_id(&function, qualifier).ok_or_else(|| {
        error::invalid(
            "The tag _custom_id_ must be of letters, digits and hyphens, 63 at most with the alias",
        )
    })?;
    if lambda.catalogue.by_url(&id).is_some() {
        return Err(error::conflict(format!("The function URL id {id} is already in use")));
    }
    let now = lambda.config.clock.now().as_millis();
    let config = UrlConfig {
        id,
        signed: input.auth_type == FunctionUrlAuthType::AwsIam,
        streams: input.invoke_mode == Some(InvokeMode::ResponseStream),
        cors: input.cors.map(Cors::new),
        created_ms: now,
        modified_ms: now,
    };
    let told = config.describe(cx, &function, qualifier);
    function.urls.insert(qualifier.to_owned(), config);
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(CreateFunctionUrlConfigOutput {
        function_url: told.function_url,
        function_arn: told.function_arn,
        auth_type: told.auth_type,
        cors: told.cors,
        creation_time: told.creation_time,
        invoke_mode: told.invoke_mode,
    })
}
