//! DeleteTable. The table is gone when this answers; its items go behind the request.

use api::dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use base::{Cx, Timestamp};
use store::{Batch, KeyRange, Store};

use crate::catalogue::{Altered, Decision, put_stream};
use crate::error::{Error, Result, text};
use crate::table::Table;
use crate::{DynamoDb, describe, expiry, layout, name, streams};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DeleteTableInput) -> Result<DeleteTableOutput> {
    let now = db.clock.now();
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let table = db.named_table(cx, name).await?;
    let counts = db.census.of(&table).await?;
    drop(table);
    let decide = |before: Option<&Table>| {
        let table = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?;
        if table.deletion_protection {
            return Err(Error::invalid(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                 protection first.",
            ));
        }
        let batch = match table.live_stream() {
            Some(stream) => put_stream(Batch::new(), &table.scope, &stream.disabled(now)),
            None => Batch::new(),
        };
        Ok(Decision::goes().with(batch).answering(table.clone()))
    };
    let Altered { before, answer: table, .. } = db.catalogue.alter(&cx.scope, name, decide).await?;
    db.census.forget(table.id);

    let standing = describe::Standing { status: TableStatus::Deleting, now, counts: &counts };
    let described = describe::table(&table, &standing);
    let (store, catalogue) = (db.store.clone(), db.catalogue.clone());
    let id = table.id;
    tokio::spawn(async move {
        catalogue.quiesce(before).await;
        if let Err(error) = clear(store, table, now).await {
            tracing::error!(%error, table_id = id, "something of a deleted table is still there");
        }
    });
    Ok(DeleteTableOutput { table_description: Some(described) })
}

async fn clear(store: Store, table: Table, now: Timestamp) -> Result<()> {
    let everything = KeyRange::prefix(layout::everything(table.id));
    let collections = KeyRange::prefix(layout::collections(Some(table.id)));
    let scope = table.scope.clone();
    let stream = table.live_stream().map(|stream| stream.disabled(now));
    let (id, expires) = (table.id, table.expiry.is_some());
    store.settle().await?;
    store.delete_range(everything).await?;
    store.delete_range(collections).await?;
    if expires {
        expiry::clear(&store, id).await?;
    }
    if let Some(stream) = stream {
        streams::close(&store, &scope, &stream).await?;
    }
    Ok(())
}
