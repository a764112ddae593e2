//! GetDurableExecutionState: a running function reads its operations, page by page.

use api::lambda::{GetDurableExecutionStateInput, GetDurableExecutionStateOutput};
use base::Cx;
use wire::Failure;

use crate::durable::page;
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: GetDurableExecutionStateInput,
) -> Result<GetDurableExecutionStateOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let current = execution.state.lock().await;
    if current.token.as_deref() != Some(&*input.checkpoint_token) {
        return Err(error::invalid("Invalid checkpoint token"));
    }
    let start = match input.marker.as_deref().filter(|marker| !marker.is_empty()) {
        Some(marker) => marker.parse().map_err(|_| error::invalid("Invalid marker"))?,
        None => 0,
    };
    let count = input.max_items.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok());
    let (operations, next_marker) = page(&current.state.operations, start, count.unwrap_or(usize::MAX));
    let operations = operations.iter().map(|operation| operation.describe()).collect();
    Ok(GetDurableExecutionStateOutput { operations, next_marker })
}
