//! PauseDurableExecution: no invocation begins until the execution is resumed; one that runs ends by itself.

use api::lambda::{PauseDurableExecutionInput, PauseDurableExecutionOutput};
use base::Cx;
use wire::Failure;

use crate::durable::Pause;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: PauseDurableExecutionInput,
) -> Result<PauseDurableExecutionOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let mut current = execution.state.lock().await;
    if current.state.is_over() {
        return Err(error::conflict("Cannot pause a durable execution that is not running."));
    }
    if current.state.record.pause.is_some() {
        return Ok(PauseDurableExecutionOutput {});
    }
    let now = lambda.config.clock.now().0;
    let timeout_paused = input.execution_timeout_paused.unwrap_or(false);
    let changes = current.state.pause(Pause { requested_ms: now, reason: input.reason, timeout_paused }, now);
    let kept = lambda.executions.keep(&execution, &mut current, &changes).await;
    kept.map_err(|error| error::store(&error))?;
    Ok(PauseDurableExecutionOutput {})
}
