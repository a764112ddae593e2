//! Query.

use api::dynamodb::{QueryInput, QueryOutput};
use base::Cx;
use expr::{KeyAttribute, KeyFault, KeyPlan};
use item::{Place, key};
use store::KeyRange;

use crate::asked::AskedRead;
use crate::error::{Error, Result, text};
use crate::page::{self, PAGE_BYTES_MAX, Sweep};
use crate::request::{all_key_names, key_fault};
use crate::table::{Index, KeyPart, Table};
use crate::{DynamoDb, layout};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: QueryInput) -> Result<QueryOutput> {
    let reading = AskedRead::from(&input).parse()?;
    if let Some(condition) = &reading.key {
        condition.check().map_err(key_fault)?;
    }
    check(&input)?;
    let consistent = input.consistent_read.unwrap_or(false);
    let table = db.table(cx, &input.table_name).await?;
    let index = page::index_to_read(&table, input.index_name.as_deref(), consistent)?;
    let Some(condition) = reading.key else {
        return Err(Error::invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    };
    let schema = index.map_or(&table.key, |index| &index.key);
    let (partition, sort) = (key_attributes(&schema.hash), key_attributes(&schema.range));
    let plan = condition.plan(&expr::KeySchema { partition: &partition, sort: &sort }).map_err(key_fault)?;
    if let Some(filter) = &reading.filter {
        let keys: Vec<&str> = schema.parts().map(|part| part.name.as_str()).collect();
        filter.check_filter(&keys).map_err(|fault| filter_fault(fault, &input))?;
        filter.check_keys(&all_key_names(&table, index)).map_err(key_fault)?;
    }
    let view = page::view(&table, index, input.select, reading.projection.as_ref())?;
    let reverse = input.scan_index_forward == Some(false);
    let range = range(&table, index, &plan, &input, reverse)?;

    let filter = reading.filter.as_ref();
    let sweep = Sweep {
        table: &table,
        index,
        range,
        reverse,
        limit: input.limit,
        bytes_max: PAGE_BYTES_MAX,
        filter,
        view,
        consistent,
    };
    let answer = sweep.run(db).await?;
    answer.tally.record(&cx.trace);
    Ok(QueryOutput {
        consumed_capacity: answer.consumed(&table, &input.table_name, input.return_consumed_capacity),
        items: answer.items,
        count: Some(answer.count),
        scanned_count: Some(answer.scanned),
        last_evaluated_key: answer.last_key,
    })
}

fn check(input: &QueryInput) -> Result<()> {
    let projection = projection_member(&input.projection_expression, &input.attributes_to_get);
    page::check_select(input.select, input.index_name.is_some(), projection)
}

/// The parameter that asks for a projection.
pub(crate) fn projection_member(
    expression: &Option<String>,
    attributes_to_get: &Option<Vec<String>>,
) -> Option<&'static str> {
    match (expression, attributes_to_get) {
        (Some(_), _) => Some("ProjectionExpression"),
        (None, Some(_)) => Some("AttributesToGet"),
        (None, None) => None,
    }
}

/// The older parameter is refused by its own name.
fn filter_fault(fault: KeyFault, input: &QueryInput) -> Error {
    match fault {
        KeyFault::Filtered(name) if input.query_filter.is_some() => Error::invalid(format!(
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: {name}"
        )),
        fault => key_fault(fault),
    }
}

fn key_attributes(parts: &[KeyPart]) -> Vec<KeyAttribute<'_>> {
    parts.iter().map(|part| KeyAttribute { name: &part.name, kind: part.kind.key_kind() }).collect()
}

/// The rows to read.
fn range(
    table: &Table,
    index: Option<&Index>,
    plan: &KeyPlan,
    input: &QueryInput,
    reverse: bool,
) -> Result<KeyRange> {
    let number = index.map_or(layout::BASE, |index| index.number);
    let unkeyed = |error: key::KeyError| Error::Corrupt(error.to_string());
    let partition = layout::partition(table.id, number, &plan.partition).map_err(unkeyed)?;
    let (sort_attributes, last) = match index {
        None => (table.key.range.len(), Place::Last),
        Some(index) => (index.key.range.len(), Place::Inner),
    };
    let bounds = plan.bounds(partition.clone(), sort_attributes, last).map_err(unkeyed)?;
    let whole = KeyRange::prefix(partition.clone());
    let end = bounds.end.map_or(whole.end, Into::into);
    let range = KeyRange { start: bounds.start.into(), end };
    let Some(start) = &input.exclusive_start_key else { return Ok(range) };
    let start = page::start_key(table, index, start)?;
    if !start.starts_with(&partition) {
        return Err(Error::invalid(text::STARTING_KEY_OUTSIDE));
    }
    if !range.contains(&start) {
        return Err(Error::invalid("The provided starting key does not match the range key predicate"));
    }
    Ok(page::after(range, &start, reverse))
}
