//! UpdateKinesisStreamingDestination: the precision of the times it is sent.

use api::dynamodb::{
    DestinationStatus, UpdateKinesisStreamingConfiguration, UpdateKinesisStreamingDestinationInput,
    UpdateKinesisStreamingDestinationOutput,
};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::{Error, Result, text};
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: UpdateKinesisStreamingDestinationInput,
) -> Result<UpdateKinesisStreamingDestinationOutput> {
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let configuration = input.update_kinesis_streaming_configuration.unwrap_or_default();
    let Some(precision) = configuration.approximate_creation_date_time_precision else {
        return Err(Error::invalid(
            "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration \
             cannot be null or contain only null values",
        ));
    };
    let decide = |before: Option<&Table>| {
        let before = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?;
        let mut table = before.clone();
        let settings = table.settings.get_or_insert_default();
        settings.destinations.update(before, &input.stream_arn, precision)?;
        Ok(Decision::becomes(table))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(UpdateKinesisStreamingDestinationOutput {
        table_name: Some(name.to_owned()),
        stream_arn: Some(input.stream_arn),
        destination_status: Some(DestinationStatus::Updating),
        update_kinesis_streaming_configuration: Some(UpdateKinesisStreamingConfiguration {
            approximate_creation_date_time_precision: Some(precision),
        }),
    })
}
