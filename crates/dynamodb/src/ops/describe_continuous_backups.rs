//! DescribeContinuousBackups. Point-in-time recovery is not served yet: every table has it disabled.

use api::dynamodb::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
};
use base::Cx;

use crate::error::{Error, Result};
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeContinuousBackupsInput,
) -> Result<DescribeContinuousBackupsOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    if db.catalogue.fresh(&cx.scope, name).await?.is_none() {
        return Err(Error::TableNotFound(name.to_owned()));
    }
    Ok(DescribeContinuousBackupsOutput {
        continuous_backups_description: Some(ContinuousBackupsDescription {
            continuous_backups_status: ContinuousBackupsStatus::Enabled,
            point_in_time_recovery_description: Some(PointInTimeRecoveryDescription {
                point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
                ..PointInTimeRecoveryDescription::default()
            }),
        }),
    })
}
