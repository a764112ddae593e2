//! ListDurableExecutionsByFunction: the executions of a function, newest last.

use api::lambda::{ListDurableExecutionsByFunctionInput, ListDurableExecutionsByFunctionOutput};
use base::Cx;
use wire::Failure;

use super::{existing, named};
use crate::{Lambda, error};

const LISTED_MAX: usize = 1000;
const LISTED_DEFAULT: usize = 100;

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
    if input.reverse_order == Some(true) {
        found.reverse();
    }
    let start = match input.marker.as_deref().filter(|marker| !marker.is_empty()) {
        Some(marker) => marker.parse::<usize>().map_err(|_| error::invalid("Invalid marker"))?,
        None => 0,
    };
    let asked = input.max_items.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok());
    let count = asked.unwrap_or(LISTED_DEFAULT).min(LISTED_MAX);
    let page = found.iter().skip(start).take(count).map(|record| record.describe(&reference.scope)).collect();
    let end = start.saturating_add(count);
    let next_marker = (end < found.len()).then(|| end.to_string());
    Ok(ListDurableExecutionsByFunctionOutput { durable_executions: Some(page), next_marker })
}
