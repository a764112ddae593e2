//! DeleteFunctionEventInvokeConfig: back to AWS's defaults for a qualifier.

use api::lambda::{DeleteFunctionEventInvokeConfigInput, DeleteFunctionEventInvokeConfigOutput};
use base::Cx;
use store::Batch;
use wire::Failure;

use super::put_function_event_invoke_config::{none, place};
use super::{edited, named};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: DeleteFunctionEventInvokeConfigInput,
) -> Result<DeleteFunctionEventInvokeConfigOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    // Where `$LATEST` is meant, AWS names it in this error only when the caller did.
    let arn = reference.qualified_arn();
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference).map_err(|_| none(&arn))?;
    if function.event_configs.remove(place(&reference)).is_none() {
        return Err(none(&arn));
    }
    edit.commit(Some(function), Batch::new()).await.map_err(|error| error::store(&error))?;
    Ok(DeleteFunctionEventInvokeConfigOutput {})
}
