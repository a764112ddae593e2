//! ListBackups.

use api::dynamodb::{BackupTypeFilter, ListBackupsInput, ListBackupsOutput};
use base::Cx;

use crate::backup::Backup;
use crate::error::{Error, Result};
use crate::{DynamoDb, backup, name};

const LIMIT_MAX: usize = 100;

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: ListBackupsInput) -> Result<ListBackupsOutput> {
    let bounds = (input.time_range_lower_bound, input.time_range_upper_bound);
    if matches!(bounds, (Some(lower), Some(upper)) if lower.0 > upper.0) {
        return Err(Error::invalid("Time range lower bound must be less than or equal to upper bound"));
    }
    let name = input.table_name.as_deref().map(|text| name::table_name(&cx.scope, text)).transpose()?;
    // A cursor: whether the backup is still there does not matter.
    let after = input.exclusive_start_backup_arn.as_deref();
    let after = after.map(|arn| backup::parts(&cx.scope, arn)).transpose()?.map(|(_, id)| id);
    let wanted = |backup: &Backup| {
        let kind = match input.backup_type.unwrap_or_default() {
            BackupTypeFilter::User => !backup.system,
            BackupTypeFilter::System => backup.system,
            BackupTypeFilter::AwsBackup => false,
            BackupTypeFilter::All => true,
        };
        kind && bounds.0.is_none_or(|lower| backup.created_ms >= lower.0)
            && bounds.1.is_none_or(|upper| backup.created_ms < upper.0)
            && after.is_none_or(|after| backup.id.as_str() > after)
    };
    let found = backup::list(&db.store, &cx.scope, name).await?;
    let mut found: Vec<Backup> = found.into_iter().filter(wanted).collect();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT_MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(ListBackupsOutput {
        last_evaluated_backup_arn: found.last().filter(|_| more).map(Backup::arn),
        backup_summaries: Some(found.iter().map(Backup::summary).collect()),
    })
}
