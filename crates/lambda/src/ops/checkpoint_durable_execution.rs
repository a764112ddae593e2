//! CheckpointDurableExecution: a running function tells of its progress.

use api::lambda::{
    CheckpointDurableExecutionInput, CheckpointDurableExecutionOutput, CheckpointUpdatedExecutionState,
};
use base::Cx;
use wire::Failure;

use crate::durable::Checkpoint;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: CheckpointDurableExecutionInput,
) -> Result<CheckpointDurableExecutionOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let updates = input.updates.unwrap_or_default();
    let taken = lambda.checkpoint(&execution, updates, &input.checkpoint_token, input.client_token).await;
    let (checkpoint_token, operations) = taken.map_err(|refused| match refused {
        Checkpoint::Refused(message) => error::invalid(message),
        Checkpoint::Store(error) => error::store(&error),
    })?;
    let new_execution_state =
        CheckpointUpdatedExecutionState { operations: Some(operations), next_marker: None };
    Ok(CheckpointDurableExecutionOutput { checkpoint_token, new_execution_state })
}
