//! DeleteFunctionCodeSigningConfig: also answers well when the function has none.

use api::lambda::{DeleteFunctionCodeSigningConfigInput, DeleteFunctionCodeSigningConfigOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteFunctionCodeSigningConfigInput,
) -> Result<DeleteFunctionCodeSigningConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    if function.code_signing.take().is_some() {
        edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    }
    Ok(DeleteFunctionCodeSigningConfigOutput {})
}
