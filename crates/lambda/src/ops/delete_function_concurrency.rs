//! DeleteFunctionConcurrency: gives what was set aside back to the account.

use api::lambda::{DeleteFunctionConcurrencyInput, DeleteFunctionConcurrencyOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::{edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteFunctionConcurrencyInput,
) -> Result<DeleteFunctionConcurrencyOutput, Failure> {
    let reference = named(cx, &input.function_name, None)?;
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    function.reserved = None;
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(DeleteFunctionConcurrencyOutput {})
}
