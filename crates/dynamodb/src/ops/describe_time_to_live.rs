//! DescribeTimeToLive. Expiry is not served yet: every table has it disabled.

use api::dynamodb::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, TimeToLiveDescription, TimeToLiveStatus,
};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeTimeToLiveInput,
) -> Result<DescribeTimeToLiveOutput> {
    db.named_table(cx, &input.table_name).await?;
    Ok(DescribeTimeToLiveOutput {
        time_to_live_description: Some(TimeToLiveDescription {
            time_to_live_status: Some(TimeToLiveStatus::Disabled),
            attribute_name: None,
        }),
    })
}
