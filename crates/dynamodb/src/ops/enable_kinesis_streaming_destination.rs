//! EnableKinesisStreamingDestination.

use api::dynamodb::{DestinationStatus, KinesisStreamingDestinationInput, KinesisStreamingDestinationOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result, text};
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: KinesisStreamingDestinationInput,
) -> Result<KinesisStreamingDestinationOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let configuration = input.enable_kinesis_streaming_configuration.unwrap_or_default();
    let precision = configuration.approximate_creation_date_time_precision;
    let decide = |before: Option<&Table>| {
        let mut table = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?.clone();
        table.settings.get_or_insert_default().destinations.enable(&input.stream_arn, precision)?;
        Ok(Decision::becomes(table))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(KinesisStreamingDestinationOutput {
        table_name: Some(name.to_owned()),
        stream_arn: Some(input.stream_arn),
        destination_status: Some(DestinationStatus::Enabling),
        enable_kinesis_streaming_configuration: Some(configuration),
    })
}
