//! One record of a stream, as stored, and in its two printed forms: the stream API's and the Lambda event's.
//! Pure; knows no store.

use api::dynamodbstreams as shape;
use base::{Scope, Timestamp};
use bytes::Bytes;
use item::{Image, Item, codec};
use minicbor::{Decode, Encode};
use wire::json::Writer;

use crate::error::{Error, Result};
use crate::table::{Stream, StreamView};

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Record {
    #[n(0)]
    pub(crate) event: Event,
    #[n(1)]
    pub(crate) created_ms: i64,
    /// An item in its stored form, as the images are.
    #[cbor(n(2), with = "minicbor::bytes")]
    keys: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    old: Option<Vec<u8>>,
    #[cbor(n(4), with = "minicbor::bytes")]
    new: Option<Vec<u8>>,
    #[n(5)]
    size_bytes: u32,
    /// The service that made the change, when nobody asked for it: expiry.
    #[n(6)]
    pub(crate) service: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Event {
    #[n(0)]
    Insert,
    #[n(1)]
    Modify,
    #[n(2)]
    Remove,
}

/// An item with its stored form.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) item: Item,
    pub(crate) bytes: Bytes,
}

impl Kept {
    pub(crate) fn new(item: Item) -> Self {
        let bytes = codec::encode(&item).into();
        Self { item, bytes }
    }

    pub(crate) fn stored(bytes: &Bytes) -> Result<Self> {
        Ok(Self { item: decode(bytes)?, bytes: bytes.clone() })
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Item> {
    codec::decode(bytes).map_err(|error| Error::Corrupt(error.to_string()))
}

impl Record {
    /// The record of a change from `old` to `new`; none if nothing was there before or after.
    pub(crate) fn of(
        stream: &Stream,
        old: Option<&Kept>,
        new: Option<&Kept>,
        now: Timestamp,
    ) -> Option<Self> {
        let event = match (old, new) {
            (None, Some(_)) => Event::Insert,
            (Some(_), Some(_)) => Event::Modify,
            (Some(_), None) => Event::Remove,
            (None, None) => return None,
        };
        let keys = stream.key.of(&new.or(old)?.item);
        let old = old.filter(|_| stream.view.shows_old());
        let new = new.filter(|_| stream.view.shows_new());
        let images: usize = [old, new].into_iter().flatten().map(|image| image.item.size()).sum();
        Some(Self {
            event,
            created_ms: now.0,
            size_bytes: u32::try_from(keys.size() + images).unwrap_or(u32::MAX),
            keys: codec::encode(&keys),
            old: old.map(|image| image.bytes.to_vec()),
            new: new.map(|image| image.bytes.to_vec()),
            service: None,
        })
    }

    /// As GetRecords answers it.
    pub(crate) fn shape(&self, scope: &Scope, stream: &Stream, sequence: u64) -> Result<shape::Record> {
        let image = |bytes: &Vec<u8>| {
            Image::stored(bytes.clone().into()).map_err(|error| Error::Corrupt(error.to_string()))
        };
        Ok(shape::Record {
            event_id: Some(event_id(stream, sequence)),
            event_name: Some(match self.event {
                Event::Insert => shape::OperationType::Insert,
                Event::Modify => shape::OperationType::Modify,
                Event::Remove => shape::OperationType::Remove,
            }),
            event_version: Some("1.1".to_owned()),
            event_source: Some("aws:dynamodb".to_owned()),
            aws_region: Some(scope.region.to_string()),
            dynamodb: Some(shape::StreamRecord {
                approximate_creation_date_time: Some(self.created()),
                keys: Some(image(&self.keys)?),
                new_image: self.new.as_ref().map(image).transpose()?,
                old_image: self.old.as_ref().map(image).transpose()?,
                sequence_number: Some(sequence_number(sequence)),
                size_bytes: Some(i64::from(self.size_bytes)),
                stream_view_type: Some(match stream.view {
                    StreamView::KeysOnly => shape::StreamViewType::KeysOnly,
                    StreamView::NewImage => shape::StreamViewType::NewImage,
                    StreamView::OldImage => shape::StreamViewType::OldImage,
                    StreamView::NewAndOldImages => shape::StreamViewType::NewAndOldImages,
                }),
            }),
            user_identity: self.service.as_ref().map(|service| shape::Identity {
                principal_id: Some(service.clone()),
                r#type: Some("Service".to_owned()),
            }),
        })
    }

    /// As an element of the `Records` that a function receives.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>
    pub(crate) fn event_json(&self, scope: &Scope, stream: &Stream, sequence: u64) -> Result<Bytes> {
        let capacity = 512 + [&self.old, &self.new].into_iter().flatten().map(|i| i.len() * 2).sum::<usize>();
        let mut writer = Writer::with_capacity(capacity);
        let member = |writer: &mut Writer, name: &str, text: &str| {
            writer.key(name);
            writer.string(text);
        };
        writer.begin_object();
        member(&mut writer, "eventID", &event_id(stream, sequence));
        member(&mut writer, "eventName", self.event.as_str());
        member(&mut writer, "eventVersion", "1.1");
        member(&mut writer, "eventSource", "aws:dynamodb");
        member(&mut writer, "awsRegion", scope.region.as_str());
        writer.key("dynamodb");
        writer.begin_object();
        writer.key("ApproximateCreationDateTime");
        writer.integer(self.created().as_secs());
        for (name, image) in
            [("Keys", Some(&self.keys)), ("NewImage", self.new.as_ref()), ("OldImage", self.old.as_ref())]
        {
            if let Some(image) = image {
                writer.key(name);
                codec::write_json(image, &mut writer).map_err(|error| Error::Corrupt(error.to_string()))?;
            }
        }
        member(&mut writer, "SequenceNumber", &sequence_number(sequence));
        writer.key("SizeBytes");
        writer.integer(i64::from(self.size_bytes));
        member(&mut writer, "StreamViewType", stream.view.as_str());
        writer.end_object();
        if let Some(service) = &self.service {
            writer.key("userIdentity");
            writer.begin_object();
            member(&mut writer, "principalId", service);
            member(&mut writer, "type", "Service");
            writer.end_object();
        }
        member(&mut writer, "eventSourceARN", &stream.arn(scope));
        writer.end_object();
        Ok(writer.into_vec().into())
    }

    /// AWS rounds the time of a record down to the second.
    fn created(&self) -> Timestamp {
        Timestamp::from_secs(Timestamp(self.created_ms).as_secs())
    }
}

impl Event {
    fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Modify => "MODIFY",
            Self::Remove => "REMOVE",
        }
    }
}

/// What every sequence number is more than, so that all have 21 digits and sort as text.
const NUMBER_BASE: u128 = 100_000_000_000_000_000_000;

/// As printed in `SequenceNumber`.
pub(crate) fn sequence_number(sequence: u64) -> String {
    (NUMBER_BASE + u128::from(sequence)).to_string()
}

pub(crate) fn parse_sequence_number(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<u128>().ok()?.checked_sub(NUMBER_BASE)?).ok()
}

/// The same for the same record, however often it is read.
fn event_id(stream: &Stream, sequence: u64) -> String {
    let place = (u64::from(stream.table_id) << 16) | u64::from(stream.number);
    format!("{:016x}{:016x}", scatter(place ^ scatter(sequence)), scatter(sequence ^ scatter(!place)))
}

/// SplitMix64's finisher: every bit of the answer depends on every bit of `x`.
fn scatter(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_sort_as_text_and_come_back() {
        let numbers: Vec<String> = [0, 1, 255, 256, u64::MAX].map(sequence_number).into();
        assert!(numbers.is_sorted());
        assert!(numbers.iter().all(|number| number.len() == 21));
        assert_eq!(parse_sequence_number(&numbers[3]), Some(256));
        assert_eq!(parse_sequence_number("12"), None);
    }
}
