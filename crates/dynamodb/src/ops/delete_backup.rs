//! DeleteBackup. The backup is gone when this answers; its rows go behind the request.

use api::dynamodb::{BackupStatus, DeleteBackupInput, DeleteBackupOutput, errors};
use base::{Cx, Timestamp};
use store::{Batch, KeyRange};

use crate::error::{Error, Result};
use crate::job::{self, RestoreFrom, Work};
use crate::{DynamoDb, backup, layout};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DeleteBackupInput) -> Result<DeleteBackupOutput> {
    let backup = backup::find(&db.store, &cx.scope, &input.backup_arn).await?;
    let arn = backup.arn();
    if let Some(expires) = backup.expires_ms {
        return Err(Error::invalid(format!(
            "User is not allowed to delete the system backup with arn {arn}. It will automatically expire on {}",
            Timestamp(expires).iso8601()
        )));
    }
    if !backup.available {
        return Err(Error::shaped(errors::backup_in_use(format!("Backup is being created: {arn}"))));
    }
    let unfinished = job::unfinished(&db.store).await?;
    let reads = |work: &Work| match work {
        Work::Restore(restore) => {
            matches!(restore.from, RestoreFrom::Backup { number, .. } if number == backup.number)
        }
        _ => false,
    };
    if unfinished.iter().any(|job| reads(&job.work)) {
        let message = format!("Backup is being used to restore table: {arn}");
        return Err(Error::shaped(errors::backup_in_use(message)));
    }
    db.store.commit(Batch::new().delete(backup.key())).await?;

    let (store, rows) = (db.store.clone(), KeyRange::prefix(layout::aside(backup.number)));
    tokio::spawn(async move {
        if let Err(error) = store.delete_range(rows).await {
            tracing::warn!(%error, "rows of a deleted backup wait for the next sweep");
        }
    });
    let mut description = backup.description();
    if let Some(details) = &mut description.backup_details {
        details.backup_status = BackupStatus::Deleted;
    }
    Ok(DeleteBackupOutput { backup_description: Some(description) })
}
