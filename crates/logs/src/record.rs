//! What is stored and under which keys. Names lead to ids once; events are kept by id, in two orders: of the group
//! (the event itself) and of the stream (its key alone). Knows no operation.

use base::Scope;
use bytes::{BufMut, Bytes, BytesMut};
use minicbor::{Decode, Encode};
use store::{KeyRange, KvError};

const GROUP: u8 = 0x40;
const STREAM: u8 = 0x41;
const STREAM_NAME: u8 = 0x42;
const EVENT: u8 = 0x43;
const STREAM_ORDER: u8 = 0x44;
const GROUP_BYTES: u8 = 0x45;

/// Bytes of what follows the group's or stream's id in a key of an event: time, commit, place in the commit.
pub(crate) const PLACE_BYTES: usize = 8 + 8 + 4;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct GroupRecord {
    #[n(0)]
    pub(crate) id: u64,
    #[n(1)]
    pub(crate) created_ms: i64,
    #[n(2)]
    pub(crate) retention_days: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StreamRecord {
    #[n(0)]
    pub(crate) id: u64,
    #[n(1)]
    pub(crate) created_ms: i64,
    #[n(2)]
    pub(crate) first_ms: Option<i64>,
    #[n(3)]
    pub(crate) last_ms: Option<i64>,
    #[n(4)]
    pub(crate) ingested_ms: Option<i64>,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) stream_id: u64,
    pub(crate) ingested_ms: i64,
    pub(crate) message: Bytes,
}

impl EventRow {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(16 + self.message.len());
        bytes.put_u64(self.stream_id);
        bytes.put_i64(self.ingested_ms);
        bytes.put_slice(&self.message);
        bytes.freeze()
    }

    pub(crate) fn decode(row: &Bytes) -> Result<Self, KvError> {
        let (stream_id, ingested) = (read_u64(row, 0)?, read_u64(row, 8)?);
        Ok(Self { stream_id, ingested_ms: ingested.cast_signed(), message: row.slice(16..) })
    }
}

pub(crate) fn read_u64(bytes: &[u8], at: usize) -> Result<u64, KvError> {
    let eight = bytes.get(at..at + 8).and_then(|slice| slice.try_into().ok());
    eight.map(u64::from_be_bytes).ok_or_else(|| KvError::Damaged("a log row is too short".into()))
}

pub(crate) fn encode<T: Encode<()>>(record: &T) -> Bytes {
    Bytes::from(minicbor::to_vec(record).expect("a Vec takes all that is written to it"))
}

pub(crate) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, KvError> {
    minicbor::decode(bytes).map_err(|error| KvError::Damaged(format!("a record of the logs: {error}")))
}

/// Of all groups of `scope` whose name begins with `prefix`.
pub(crate) fn group_key(scope: &Scope, prefix: &str) -> Bytes {
    key(GROUP, &[scope.to_string().as_bytes(), &[0], prefix.as_bytes()])
}

/// The name in a group's key.
pub(crate) fn group_name<'a>(scope: &Scope, key: &'a [u8]) -> &'a str {
    let start = scope.to_string().len() + 2;
    std::str::from_utf8(&key[start.min(key.len())..]).unwrap_or_default()
}

/// Every group of every scope.
pub(crate) fn all_groups() -> KeyRange {
    KeyRange::prefix(key(GROUP, &[]))
}

/// Of all streams of a group whose name begins with `prefix`.
pub(crate) fn stream_key(group_id: u64, prefix: &str) -> Bytes {
    key(STREAM, &[&group_id.to_be_bytes(), prefix.as_bytes()])
}

/// The name in a stream's key.
pub(crate) fn stream_name(key: &[u8]) -> &str {
    std::str::from_utf8(key.get(9..).unwrap_or_default()).unwrap_or_default()
}

pub(crate) fn stream_name_key(group_id: u64, stream_id: u64) -> Bytes {
    key(STREAM_NAME, &[&group_id.to_be_bytes(), &stream_id.to_be_bytes()])
}

/// The stored bytes of a group: a counter.
pub(crate) fn group_bytes_key(group_id: u64) -> Bytes {
    key(GROUP_BYTES, &[&group_id.to_be_bytes()])
}

/// Events of a group from `place` on; a place may be cut short or be longer than a whole one.
pub(crate) fn event_key(group_id: u64, place: &[u8]) -> Bytes {
    key(EVENT, &[&group_id.to_be_bytes(), place])
}

pub(crate) fn event_place(key: &[u8]) -> &[u8] {
    key.get(9..).unwrap_or_default()
}

/// Events of a stream from `place` on, in the stream's order.
pub(crate) fn order_key(group_id: u64, stream_id: u64, place: &[u8]) -> Bytes {
    key(STREAM_ORDER, &[&group_id.to_be_bytes(), &stream_id.to_be_bytes(), place])
}

pub(crate) fn order_place(key: &[u8]) -> &[u8] {
    key.get(17..).unwrap_or_default()
}

/// The first place at or after a time.
pub(crate) fn time_place(ms: i64) -> [u8; 8] {
    ms.max(0).cast_unsigned().to_be_bytes()
}

/// Everything that belongs to a group, but for its own record.
pub(crate) fn group_ranges(group_id: u64) -> [KeyRange; 5] {
    [STREAM, STREAM_NAME, EVENT, STREAM_ORDER, GROUP_BYTES]
        .map(|space| KeyRange::prefix(key(space, &[&group_id.to_be_bytes()])))
}

fn key(space: u8, parts: &[&[u8]]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.put_u8(space);
    for part in parts {
        bytes.put_slice(part);
    }
    bytes.freeze()
}
