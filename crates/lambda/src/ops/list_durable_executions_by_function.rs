//! ListDurableExecutionsByFunction: the executions of a function, newest last or first.

use api::lambda::{ListDurableExecutionsByFunctionInput, ListDurableExecutionsByFunctionOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::durable::ExecutionRecord;
use crate::paging::Paging;
use crate::{Lambda, error};

const LISTED_MAX: usize = 1000;
const LISTED_DEFAULT: i32 = 100;

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: ListDurableExecutionsByFunctionInput,
) -> Result<ListDurableExecutionsByFunctionOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    existing(lambda, &reference)?;
    let qualifier = reference.qualifier().map(|_| lambda.target(&reference, cx.request_id));
    let version = qualifier.transpose().map_err(error::invoke)?.map(|target| target.version.record.number);
    let all = lambda.executions.all().await.map_err(|error| error::store(&error))?;
    let mut found: Vec<_> = all
        .into_iter()
        .filter(|(scope, record)| *scope == reference.scope && record.function == reference.name)
        .map(|(_, record)| record)
        .filter(|record| version.is_none_or(|version| record.version == version))
        .filter(|record| input.durable_execution_name.as_ref().is_none_or(|name| record.name == *name))
        .filter(|record| input.statuses.as_ref().is_none_or(|statuses| statuses.contains(&record.status())))
        .filter(|record| input.started_after.is_none_or(|after| record.started_ms >= after.0))
        .filter(|record| input.started_before.is_none_or(|before| record.started_ms <= before.0))
        .collect();
    found.sort_by(|a, b| (a.started_ms, &a.id).cmp(&(b.started_ms, &b.id)));
    let reversed = input.reverse_order == Some(true);
    if reversed {
        found.reverse();
    }
    let paging = Paging {
        marker: input.marker.as_deref(),
        max_items: input.max_items.filter(|count| *count > 0).or(Some(LISTED_DEFAULT)),
        page_max: LISTED_MAX,
    };
    // Executions begin between two pages: a place in the list would not stay what it is.
    let key = |record: &ExecutionRecord| format!("{:020} {}", record.started_ms, record.id);
    let (page, next_marker) = paging.page_in_order(reversed, found, key)?;
    let page = page.iter().map(|record| record.describe(&reference.scope)).collect();
    Ok(ListDurableExecutionsByFunctionOutput { durable_executions: Some(page), next_marker })
}
