//! SendDurableExecutionCallbackFailure: what an execution waited for has failed.

use api::lambda::{SendDurableExecutionCallbackFailureInput, SendDurableExecutionCallbackFailureOutput};
use base::Cx;
use wire::Failure;

use crate::durable::{ErrorRecord, Status};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: SendDurableExecutionCallbackFailureInput,
) -> Result<SendDurableExecutionCallbackFailureOutput, Failure> {
    let (execution, id) = lambda.callback(&input.callback_id).await?;
    let outcome = Err(input.error.map(ErrorRecord::from).unwrap_or_default());
    let taken = lambda.complete((&execution.scope, &execution.name), &id, Status::Failed, outcome).await;
    if taken.map_err(|error| error::store(&error))? {
        Ok(SendDurableExecutionCallbackFailureOutput {})
    } else {
        Err(error::callback_over())
    }
}
