//! DescribeTimeToLive.

use api::dynamodb::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, TimeToLiveDescription, TimeToLiveStatus,
};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;
use crate::table::ExpiryPhase;

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeTimeToLiveInput,
) -> Result<DescribeTimeToLiveOutput> {
    let table = db.named_table(cx, &input.table_name).await?;
    let status = match table.expiry.as_ref().map(|expiry| expiry.phase) {
        None => TimeToLiveStatus::Disabled,
        Some(ExpiryPhase::Enabling) => TimeToLiveStatus::Enabling,
        Some(ExpiryPhase::Enabled) => TimeToLiveStatus::Enabled,
        Some(ExpiryPhase::Disabling) => TimeToLiveStatus::Disabling,
    };
    Ok(DescribeTimeToLiveOutput {
        time_to_live_description: Some(TimeToLiveDescription {
            time_to_live_status: Some(status),
            attribute_name: table.expiry.as_ref().map(|expiry| expiry.attribute.clone()),
        }),
    })
}
