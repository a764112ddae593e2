//! DeleteFunctionUrlConfig.

use api::lambda::{DeleteFunctionUrlConfigInput, DeleteFunctionUrlConfigOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::named;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteFunctionUrlConfigInput,
) -> Result<DeleteFunctionUrlConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edit.now.as_deref().cloned().ok_or_else(error::resource_not_found)?;
    let config = function.urls.remove(reference.qualifier.unwrap_or_default());
    config.ok_or_else(error::resource_not_found)?;
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(DeleteFunctionUrlConfigOutput {})
}
