//! DisableKinesisStreamingDestination.

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
    if input.enable_kinesis_streaming_configuration.is_some() {
        return Err(Error::invalid(
            "Stream cannot be disabled using EnableKinesisStreamingConfiguration parameters",
        ));
    }
    let name = name::table_name(&cx.scope, &input.table_name)?;
    let decide = |before: Option<&Table>| {
        let mut table = before.ok_or_else(|| Error::NotFound(text::no_table(name)))?.clone();
        table.settings.get_or_insert_default().destinations.disable(&input.stream_arn)?;
        Ok(Decision::becomes(table))
    };
    db.catalogue.alter(&cx.scope, name, decide).await?;
    Ok(KinesisStreamingDestinationOutput {
        table_name: Some(name.to_owned()),
        stream_arn: Some(input.stream_arn),
        destination_status: Some(DestinationStatus::Disabling),
        ..KinesisStreamingDestinationOutput::default()
    })
}
