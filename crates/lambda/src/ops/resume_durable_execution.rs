//! ResumeDurableExecution: a paused execution goes on.

use api::lambda::{ResumeDurableExecutionInput, ResumeDurableExecutionOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: ResumeDurableExecutionInput,
) -> Result<ResumeDurableExecutionOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let mut current = execution.state.lock().await;
    if current.state.record.pause.is_none() {
        return Err(error::conflict("Cannot resume a durable execution that is not paused."));
    }
    let changes = current.state.resume(input.reason, lambda.config.clock.now().0);
    let kept = lambda.executions.keep(&execution, &mut current, &changes).await;
    kept.map_err(|error| error::store(&error))?;
    Ok(ResumeDurableExecutionOutput {})
}
