//! GetDurableExecutionHistory: what happened in an execution, event by event.

use api::lambda::{GetDurableExecutionHistoryInput, GetDurableExecutionHistoryOutput};
use base::Cx;
use wire::Failure;

use crate::paging::Paging;
use crate::{Lambda, error};

const EVENTS_MAX: usize = 1000;
const EVENTS_DEFAULT: i32 = 100;

pub(super) async fn run(
    lambda: &Lambda,
    _: &Cx,
    input: GetDurableExecutionHistoryInput,
) -> Result<GetDurableExecutionHistoryOutput, Failure> {
    let execution = lambda.execution(&input.durable_execution_arn).await?;
    let history = lambda.executions.history(&execution.scope, &execution.name).await;
    let mut history = history.map_err(|error| error::store(&error))?;
    let reversed = input.reverse_order == Some(true);
    if reversed {
        history.reverse();
    }
    let paging = Paging {
        marker: input.marker.as_deref(),
        max_items: input.max_items.filter(|count| *count > 0).or(Some(EVENTS_DEFAULT)),
        page_max: EVENTS_MAX,
    };
    let (events, next_marker) =
        paging.page_in_order(reversed, history, |event| format!("{:010}", event.number))?;
    let with_data = input.include_execution_data == Some(true);
    let events = events.iter().map(|event| event.describe(with_data)).collect();
    Ok(GetDurableExecutionHistoryOutput { events, next_marker })
}
