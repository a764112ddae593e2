//! TransactGetItems: one snapshot over all tables.

use std::sync::Arc;

use api::dynamodb::{ItemResponse, TransactGetItemsInput, TransactGetItemsOutput};
use base::Cx;
use expr::Projection;

use crate::asked::AskedRead;
use crate::error::Result;
use crate::request::check_projection;
use crate::table::Table;
use crate::transaction::{self, Get};
use crate::{DynamoDb, write};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput> {
    let projections = input
        .transact_items
        .iter()
        .map(|action| Ok(AskedRead::from(&action.get).parse()?.projection))
        .collect::<Result<Vec<_>>>()?;
    let names = input.transact_items.iter().map(|action| action.get.table_name.as_str());
    let tables = transaction::tables(db, cx, names).await?;
    let actions = input.transact_items.into_iter().zip(projections).zip(tables);
    let gets = actions.map(|((action, projection), table)| get(table, action.get, projection));
    let gets = transaction::gather(gets)?;
    let found = transaction::read(db, &gets, input.return_consumed_capacity).await?;
    Ok(TransactGetItemsOutput {
        consumed_capacity: found.consumed,
        responses: Some(found.items.into_iter().map(|item| ItemResponse { item }).collect()),
    })
}

fn get(table: Arc<Table>, asked: api::dynamodb::Get, projection: Option<Projection>) -> Result<Get> {
    check_projection(projection.as_ref(), &table, None)?;
    let key = write::request_key(&table, &asked.key)?;
    Ok(Get { name: asked.table_name, table, key, projection })
}
