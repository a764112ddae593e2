//! GetDurableExecutionHistory: what happened in an execution, event by event.

use api::lambda::{GetDurableExecutionHistoryInput, GetDurableExecutionHistoryOutput};
use base::Cx;
use wire::Failure;

use crate::{Lambda, error};

const EVENTS_MAX: usize = 1000;
const EVENTS_DEFAULT: usize = 100;

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: GetDurableExecutionHistoryInput,
) -> Result<GetDurableExecutionHistoryOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let history = lambda.executions.history(&execution.scope, &execution.name).await;
    let mut history = history.map_err(|error| error::store(&error))?;
    if input.reverse_order == Some(true) {
        history.reverse();
    }
    let start = match input.marker.as_deref().filter(|marker| !marker.is_empty()) {
        Some(marker) => marker.parse::<usize>().map_err(|_| error::invalid("Invalid marker"))?,
        None => 0,
    };
    let asked = input.max_items.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok());
    let count = asked.unwrap_or(EVENTS_DEFAULT).min(EVENTS_MAX);
    let with_data = input.include_execution_data == Some(true);
    let events = history.iter().skip(start).take(count).map(|event| event.describe(with_data)).collect();
    let end = start.saturating_add(count);
    let next_marker = (end < history.len()).then(|| end.to_string());
    Ok(GetDurableExecutionHistoryOutput { events, next_marker })
}
