//! RestoreTableFromBackup. The table is CREATING until all of it is there.

use api::dynamodb::{RestoreTableFromBackupInput, RestoreTableFromBackupOutput, TableStatus, errors};
use base::Cx;

use crate::catalogue::allocate_id;
use crate::error::{Error, Result};
use crate::job::{self, Job, RestoreFrom, RestoreWork, TableRef, Work};
use crate::recovery::{Making, Restored};
use crate::restore::{self, Overrides};
use crate::{DynamoDb, backup, describe};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: RestoreTableFromBackupInput,
) -> Result<RestoreTableFromBackupOutput> {
    let now = db.clock.now();
    let backup = backup::find(&db.store, &cx.scope, &input.backup_arn).await?;
    let arn = backup.arn();
    if !backup.available {
        return Err(Error::shaped(errors::backup_in_use(format!("Backup is being created: {arn}"))));
    }
    let restored =
        Restored { backup_arn: Some(arn.clone()), table_arn: backup.table.arn(), when_ms: backup.created_ms };
    let overrides = Overrides {
        billing_mode: input.billing_mode_override,
        globals: input.global_secondary_index_override.as_deref(),
        locals: input.local_secondary_index_override.as_deref(),
        vectors: input.vector_index_override.as_deref(),
        throughput: input.provisioned_throughput_override.as_ref(),
        on_demand: input.on_demand_throughput_override.as_ref(),
        sse: input.sse_specification_override.as_ref(),
    };
    let id = job::new_id(now);
    let making = Making { job: id.clone(), restored: Some(restored) };
    let mut table = restore::declare(&backup.table, &input.target_table_name, &overrides, (making, now))?;
    db.catalogue.look().await?;
    restore::check_target(&db.jobs, &cx.scope, &table.name)?;
    // As on AWS, one table at a time is restored from a backup.
    let unfinished = job::unfinished(&db.store).await?;
    let same = |work: &Work| matches!(work, Work::Restore(RestoreWork { from: RestoreFrom::Backup { number, .. }, .. }) if *number == backup.number);
    if unfinished.iter().any(|job| same(&job.work)) {
        let message = format!("Backup is being used to restore another table: {arn}");
        return Err(Error::shaped(errors::backup_in_use(message)));
    }

    table.id = allocate_id(&db.store).await?;
    let from = RestoreFrom::Backup { arn, number: backup.number };
    let work = Work::Restore(RestoreWork { target: TableRef::of(&table), from });
    let job = Job { id, ..Job::new(&cx.scope, now, TableRef::of(&backup.table), work) };
    restore::begin(&db.jobs, &table, job).await?;
    let standing = describe::Standing { status: TableStatus::Creating, now, counts: &[] };
    Ok(RestoreTableFromBackupOutput { table_description: Some(describe::table(&table, &standing)) })
}
