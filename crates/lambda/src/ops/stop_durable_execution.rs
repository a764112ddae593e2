//! StopDurableExecution: ends an execution from outside.

use api::lambda::{StopDurableExecutionInput, StopDurableExecutionOutput};
use base::{Cx, Timestamp};
use wire::Failure;

use crate::durable::{ErrorRecord, Status};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: StopDurableExecutionInput,
) -> Result<StopDurableExecutionOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let mut current = execution.state.lock().await;
    let now = lambda.config.clock.now();
    if let Some(ended) = current.state.record.ended_ms {
        return Ok(StopDurableExecutionOutput { stop_timestamp: Timestamp(ended) });
    }
    let mut changes = current.state.tick(now.0);
    current.state.end(Status::Stopped, (None, input.error.map(ErrorRecord::from)), now.0, &mut changes);
    let kept = lambda.executions.keep(&execution, &mut current, &changes).await;
    kept.map_err(|error| error::store(&error))?;
    Ok(StopDurableExecutionOutput { stop_timestamp: now })
}
