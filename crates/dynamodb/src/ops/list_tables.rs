//! ListTables.

use std::ops::Bound;

use api::dynamodb::{ListTablesInput, ListTablesOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

const NAMES_MAX: usize = 100;

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ListTablesInput) -> Result<ListTablesOutput> {
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(NAMES_MAX);
    db.catalogue.look().await?;
    let names = db.catalogue.names(&cx.scope);
    let start = input.exclusive_start_table_name.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = names.range::<str, _>((start, Bound::Unbounded)).map(|(name, _)| name.clone());
    let listed: Vec<String> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    Ok(ListTablesOutput {
        last_evaluated_table_name: if more { listed.last().cloned() } else { None },
        table_names: Some(listed),
    })
}
