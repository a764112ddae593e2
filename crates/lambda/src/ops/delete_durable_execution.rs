//! DeleteDurableExecution: forgets an execution that is over.

use api::lambda::{DeleteDurableExecutionInput, DeleteDurableExecutionOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: DeleteDurableExecutionInput,
) -> Result<DeleteDurableExecutionOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    if !execution.state.lock().await.state.is_over() {
        return Err(error::conflict("Cannot delete a durable execution that is running."));
    }
    let removed = lambda.executions.remove(&execution.scope, &execution.name).await;
    removed.map_err(|error| error::store(&error))?;
    Ok(DeleteDurableExecutionOutput { deletion_request_timestamp: lambda.config.clock.now() })
}
