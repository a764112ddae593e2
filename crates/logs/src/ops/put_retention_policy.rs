//! PutRetentionPolicy: events older than so many days go.

use api::logs::{PutRetentionPolicyInput, PutRetentionPolicyOutput};
use base::Cx;
use wire::Failure;

use crate::writer::Change;
use crate::{Journal, error};

/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
const DAYS: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(super) async fn run(
    journal: &Journal,
    cx: &Cx,
    input: PutRetentionPolicyInput,
) -> Result<PutRetentionPolicyOutput, Failure> {
    let days = input.retention_in_days;
    if !DAYS.contains(&days) {
        return Err(error::invalid(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: \
             Member must satisfy enum value set: {:?}",
            DAYS
        )));
    }
    journal.change(cx, Change::RetainGroup { group: input.log_group_name, days }).await?;
    Ok(PutRetentionPolicyOutput {})
}
