//! DeleteFunctionConcurrency: gives what was set aside back to the account.

use api::lambda::{DeleteFunctionConcurrencyInput, DeleteFunctionConcurrencyOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, unqualified};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteFunctionConcurrencyInput,
) -> Result<DeleteFunctionConcurrencyOutput, Failure> {
    let reference = unqualified(cx, &input.function_name)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    function.reserved = None;
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(DeleteFunctionConcurrencyOutput {})
}
