//! DeleteTable. Alone on its store a server has no table any more when this answers, and deletes its items behind the
//! request. With others it is DELETING until none of them can work with it any more and its items are gone.

use api::dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use base::{Cx, Timestamp};
use store::Batch;

use crate::catalogue::{Decision, allocate_id, put_stream};
use crate::error::{Error, Result, text};
use crate::table::{Table, TablePhase};
use crate::{DynamoDb, backup, describe, name, streams};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DeleteTableInput) -> Result<DeleteTableOutput> {
    let now = db.clock.now();
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let table = db.any_table(cx, name).await?;
    let number =
        if table.recovery_window(now).is_some() { Some(allocate_id(&db.store).await?) } else { None };
    let counts = db.census.of(&table).await?;
    drop(table);
    let shared = db.catalogue.is_shared();
    let decide = |before: Option<&Table>| {
        let before = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?;
        check(before)?;
        let table = gone(before, now);
        let batch = match &table.stream {
            Some(stream) if stream.disabled_ms == Some(now.0) => put_stream(Batch::new(), &cx.scope, stream),
            _ => Batch::new(),
        };
        // As on AWS, what could be restored to any time is kept once more, as it is now.
        let kept = number.map(|number| backup::of_deleted(before, number, now));
        let batch = match &kept {
            Some((backup, job)) => backup.put(job.begin(batch)),
            None => batch,
        };
        let job = kept.map(|(_, job)| job);
        let decision = if shared { Decision::becomes(table.clone()) } else { Decision::goes() };
        Ok(decision.with(batch).answering((before.clone(), table, job)))
    };
    let (before, table, job) = db.catalogue.alter(&cx.scope, name, decide).await?;
    if let Some(job) = job {
        db.jobs.start(job);
    }
    db.census.forget(table.id);
    if let Some(throttle) = &db.throttle {
        throttle.forget(table.id);
    }

    let standing = describe::Standing { status: TableStatus::Deleting, now, counts: &counts };
    let described = describe::table(&before, &standing);
    if shared {
        db.upkeep.tend(&table).await;
    } else {
        let (upkeep, catalogue, store) = (db.upkeep.clone(), db.catalogue.clone(), db.store.clone());
        tokio::spawn(async move {
            let cleared = async {
                catalogue.quiesce(table.id).await?;
                upkeep.erase(&table).await?;
                streams::close(&store, &table).await
            };
            if let Err(error) = cleared.await {
                tracing::error!(%error, table_id = table.id, "something of a deleted table is still there");
            }
        });
    }
    Ok(DeleteTableOutput { table_description: Some(described) })
}

fn check(table: &Table) -> Result<()> {
    let in_use =
        |what: &str| Err(Error::InUse(format!("Attempt to change a resource which is still in use: {what}")));
    match table.phase {
        Some(TablePhase::Creating) => return in_use(&format!("Table is being created: {}", table.name)),
        Some(TablePhase::Deleting) => return in_use(&format!("Table is being deleted: {}", table.name)),
        None => {}
    }
    if table.indexes.iter().any(|index| index.building || index.is_deleting()) {
        return in_use("Cannot delete table while indexes are being created, updated, or deleted.");
    }
    if table.deletion_protection {
        return Err(Error::invalid(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
             protection first.",
        ));
    }
    Ok(())
}

/// The table on its way out.
fn gone(table: &Table, now: Timestamp) -> Table {
    let stream = table.stream.as_ref().map(|stream| match stream.disabled_ms {
        None => stream.disabled(now),
        Some(_) => stream.clone(),
    });
    Table { phase: Some(TablePhase::Deleting), stream, ..table.clone() }
}
