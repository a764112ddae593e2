//! DeleteTable. The table is gone when this answers; its items go behind the request.

use std::sync::Arc;

use api::dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use base::{Cx, Timestamp};
use store::{Batch, KeyRange, Store};

use crate::catalogue::{put_stream, settle};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::{DynamoDb, describe, layout, streams};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DeleteTableInput) -> Result<DeleteTableOutput> {
    let now = db.clock.now();
    let changing = db.catalogue.change().await;
    let table = db.named_table(cx, &input.table_name)?;
    if table.deletion_protection {
        return Err(Error::invalid(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
             protection first.",
        ));
    }
    let counts = db.census.of(&table).await?;
    let mut batch = Batch::new();
    if let Some(stream) = table.live_stream() {
        batch = put_stream(batch, &table.scope, &stream.disabled(now));
    }
    db.catalogue.remove(&db.store, batch, &table).await?;
    drop(changing);
    db.census.forget(table.id);

    let standing = describe::Standing { status: TableStatus::Deleting, now, counts: &counts };
    let described = describe::table(&table, &standing);
    let store = db.store.clone();
    let id = table.id;
    tokio::spawn(async move {
        if let Err(error) = clear(store, table, now).await {
            tracing::error!(%error, table_id = id, "something of a deleted table is still there");
        }
    });
    Ok(DeleteTableOutput { table_description: Some(described) })
}

async fn clear(store: Store, table: Arc<Table>, now: Timestamp) -> Result<()> {
    let everything = KeyRange::prefix(layout::everything(table.id));
    let scope = table.scope.clone();
    let stream = table.live_stream().map(|stream| stream.disabled(now));
    settle(table).await;
    store.delete_range(everything).await?;
    if let Some(stream) = stream {
        streams::close(&store, &scope, &stream).await?;
    }
    Ok(())
}
