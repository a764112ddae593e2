//! ListGlobalTables: of the version of 2017, of which there are none.

use api::dynamodb::{ListGlobalTablesInput, ListGlobalTablesOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

#[expect(clippy::unused_async, reason = "all operations have one form")]
pub(crate) async fn run(_: &DynamoDb, _: &Cx, _: ListGlobalTablesInput) -> Result<ListGlobalTablesOutput> {
    Ok(ListGlobalTablesOutput { global_tables: Some(Vec::new()), last_evaluated_global_table_name: None })
}
