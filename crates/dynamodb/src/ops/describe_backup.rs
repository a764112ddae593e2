//! DescribeBackup.

use api::dynamodb::{DescribeBackupInput, DescribeBackupOutput};
use base::Cx;

use crate::error::Result;
use crate::{DynamoDb, backup};

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: DescribeBackupInput) -> Result<DescribeBackupOutput> {
    let backup = backup::find(&db.store, &cx.scope, &input.backup_arn).await?;
    Ok(DescribeBackupOutput { backup_description: Some(backup.description()) })
}
