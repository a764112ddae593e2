//! The Kinesis streams that a table is said to send its changes to. They are stored and told; nothing is sent.
//! Pure; knows no request.

use api::dynamodb as shape;
use api::dynamodb::{ApproximateCreationDateTimePrecision as Precision, DestinationStatus};
use minicbor::{Decode, Encode};

use crate::error::{Error, Result};
use crate::table::Table;

/// At most one of them is active.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Destinations(#[n(0)] Vec<Destination>);

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Destination {
    #[n(0)]
    stream_arn: String,
    #[n(1)]
    active: bool,
    /// What is not said means milliseconds.
    #[n(2)]
    microseconds: Option<bool>,
}

impl Destinations {
    pub(crate) fn enable(&mut self, stream_arn: &str, precision: Option<Precision>) -> Result<()> {
        if self.0.iter().any(|destination| destination.active) {
            return Err(wrong_state(
                "EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation.",
            ));
        }
        self.0.retain(|destination| destination.stream_arn != stream_arn);
        self.0.push(Destination {
            stream_arn: stream_arn.to_owned(),
            active: true,
            microseconds: precision.map(is_micro),
        });
        Ok(())
    }

    pub(crate) fn disable(&mut self, stream_arn: &str) -> Result<()> {
        match self.of(stream_arn).filter(|destination| destination.active) {
            Some(destination) => {
                destination.active = false;
                destination.microseconds = None;
                Ok(())
            }
            None => {
                Err(wrong_state("KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."))
            }
        }
    }

    /// `table` is told in refusals.
    pub(crate) fn update(&mut self, table: &Table, stream_arn: &str, precision: Precision) -> Result<()> {
        let Some(destination) = self.of(stream_arn) else {
            return Err(wrong_state(&format!(
                "No streaming destination with streamArn: {stream_arn} found for table with tableName: {}",
                table.name
            )));
        };
        if !destination.active {
            return Err(wrong_state(&format!(
                "Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. TableName: \
                 {}, kdsArn: {stream_arn}",
                table.name
            )));
        }
        if destination.microseconds.unwrap_or(false) == is_micro(precision) {
            return Err(Error::invalid(format!(
                "Invalid Request: Precision is already set to the desired value of {} for tableId: {}, kdsArn: \
                 {stream_arn}",
                precision.as_str(),
                table.uuid
            )));
        }
        destination.microseconds = Some(is_micro(precision));
        Ok(())
    }

    pub(crate) fn told(&self) -> Vec<shape::KinesisDataStreamDestination> {
        let told = |destination: &Destination| shape::KinesisDataStreamDestination {
            stream_arn: Some(destination.stream_arn.clone()),
            destination_status: Some(match destination.active {
                true => DestinationStatus::Active,
                false => DestinationStatus::Disabled,
            }),
            destination_status_description: None,
            approximate_creation_date_time_precision: destination.microseconds.map(|micro| match micro {
                true => Precision::Microsecond,
                false => Precision::Millisecond,
            }),
        };
        self.0.iter().map(told).collect()
    }

    fn of(&mut self, stream_arn: &str) -> Option<&mut Destination> {
        self.0.iter_mut().find(|destination| destination.stream_arn == stream_arn)
    }
}

fn is_micro(precision: Precision) -> bool {
    precision == Precision::Microsecond
}

/// AWS says "to enable" of every operation.
fn wrong_state(why: &str) -> Error {
    Error::invalid(format!("Table is not in a valid state to enable Kinesis Streaming Destination: {why}"))
}
