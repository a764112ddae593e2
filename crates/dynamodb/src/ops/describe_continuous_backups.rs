//! DescribeContinuousBackups.

use api::dynamodb::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
};
use base::{Cx, Timestamp};

use crate::error::Result;
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeContinuousBackupsInput,
) -> Result<DescribeContinuousBackupsOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let table = db.backed_up_table(cx, name).await?;
    Ok(DescribeContinuousBackupsOutput {
        continuous_backups_description: Some(description(&table, db.clock.now())),
    })
}

/// AWS keeps continuous backups of every table; point-in-time recovery is what can be turned on.
pub(crate) fn description(table: &Table, now: Timestamp) -> ContinuousBackupsDescription {
    let window = table.recovery_window(now);
    let days = table.recovery.as_ref().map(|kept| i32::from(kept.days));
    let status = match window {
        Some(_) => PointInTimeRecoveryStatus::Enabled,
        None => PointInTimeRecoveryStatus::Disabled,
    };
    ContinuousBackupsDescription {
        continuous_backups_status: ContinuousBackupsStatus::Enabled,
        point_in_time_recovery_description: Some(PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(status),
            recovery_period_in_days: window.and(days),
            earliest_restorable_date_time: window.map(|window| window.earliest),
            latest_restorable_date_time: window.map(|window| window.latest),
        }),
    }
}

/// As times are in the texts of errors: without a fraction.
pub(crate) fn second(time: Timestamp) -> String {
    let (year, month, day, hour, minute, second, _) = time.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
