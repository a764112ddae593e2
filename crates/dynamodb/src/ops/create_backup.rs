//! CreateBackup. What the backup has is the table at the time of the request; it is copied behind it.

use api::dynamodb::{CreateBackupInput, CreateBackupOutput};
use base::Cx;
use store::Batch;

use crate::backup::Backup;
use crate::catalogue::{Decision, allocate_id};
use crate::error::{Error, Result};
use crate::job::{BackupWork, Job, TableRef, Work};
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: CreateBackupInput) -> Result<CreateBackupOutput> {
    let now = db.clock.now();
    let name = name::table_name(&cx.scope, &input.table_name)?;
    db.backed_up_table(cx, name).await?;
    let number = allocate_id(&db.store).await?;
    let counts = db.census.of(&*db.backed_up_table(cx, name).await?).await?;
    let bytes = counts.first().map_or(0, |(_, count)| count.bytes);
    let decide = |before: Option<&Table>| {
        let table = before.filter(|table| table.making().is_none());
        let table = table.ok_or_else(|| Error::TableNotFound(name.to_owned()))?;
        let job = Job::new(&cx.scope, now, TableRef::of(table), Work::Backup(BackupWork { number }));
        let backup = Backup {
            scope: cx.scope.clone(),
            id: job.id.clone(),
            number,
            name: input.backup_name.clone(),
            system: false,
            created_ms: now.0,
            expires_ms: None,
            available: false,
            table: table.clone(),
            items: 0,
            bytes,
        };
        let held = table.held_for(&job.id);
        let batch = backup.put(job.begin(Batch::new()));
        Ok(Decision::becomes(held).with(batch).answering((job, backup)))
    };
    let (job, backup) = db.catalogue.alter(&cx.scope, name, decide).await?;
    db.jobs.start(job);
    Ok(CreateBackupOutput { backup_details: Some(backup.details()) })
}
