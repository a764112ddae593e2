//! DescribeKinesisStreamingDestination.

use api::dynamodb::{DescribeKinesisStreamingDestinationInput, DescribeKinesisStreamingDestinationOutput};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DescribeKinesisStreamingDestinationInput,
) -> Result<DescribeKinesisStreamingDestinationOutput> {
    let table = db.named_table(cx, &input.table_name).await?;
    let told = table.settings.as_ref().map(|settings| settings.destinations.told());
    Ok(DescribeKinesisStreamingDestinationOutput {
        table_name: Some(table.name.clone()),
        kinesis_data_stream_destinations: Some(told.unwrap_or_default()),
    })
}
