//! What is stored and under which keys. Names lead to ids once; events are kept by id, in two orders: of the group
//! (the event itself) and of the stream (its key alone). Knows no operation.

use base::Scope;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use minicbor::{Decode, Encode};
use store::{KeyRange, KvError};

const GROUP: u8 = 0x40;
const STREAM: u8 = 0x41;
const STREAM_NAME: u8 = 0x42;
const EVENT: u8 = 0x43;
const STREAM_ORDER: u8 = 0x44;
const GROUP_BYTES: u8 = 0x45;
const LISTING: u8 = 0x46;

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
    /// Whether each commit leaves a list of what it put here. A group from before there were lists has none.
    #[n(3)]
    #[cbor(default)]
    pub(crate) listed: bool,
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

/// Events of one stream that came in one commit with the same time: START, END and REPORT of a short invocation are
/// one row of each order instead of three. The n-th of them is at the row's place and n more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) stream_id: u64,
    pub(crate) ingested_ms: i64,
    pub(crate) messages: Vec<Bytes>,
}

/// Marks a row whose messages have lengths before them; without it the rest is the one message.
const SEVERAL: u64 = 1 << 63;

impl EventRow {
    pub(crate) fn new(stream_id: u64, ingested_ms: i64) -> Self {
        Self { stream_id, ingested_ms, messages: Vec::new() }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let several = self.messages.len() != 1;
        let text: usize = self.messages.iter().map(|message| 4 + message.len()).sum();
        let mut bytes = BytesMut::with_capacity(16 + text);
        bytes.put_u64(self.stream_id);
        bytes.put_u64(self.ingested_ms.max(0).cast_unsigned() | if several { SEVERAL } else { 0 });
        for message in &self.messages {
            if several {
                bytes.put_u32(u32::try_from(message.len()).expect("messages are cut far below 4 GiB"));
            }
            bytes.put_slice(message);
        }
        bytes.freeze()
    }

    pub(crate) fn decode(row: &Bytes) -> Result<Self, KvError> {
        let (stream_id, ingested) = (read_u64(row, 0)?, read_u64(row, 8)?);
        let mut rest = row.slice(16..);
        let mut messages = Vec::new();
        if ingested & SEVERAL == 0 {
            messages.push(rest);
        } else {
            while !rest.is_empty() {
                let length = rest.try_get_u32().map_err(|_| too_short())? as usize;
                if length > rest.len() {
                    return Err(too_short());
                }
                messages.push(rest.split_to(length));
            }
        }
        Ok(Self { stream_id, ingested_ms: (ingested & !SEVERAL).cast_signed(), messages })
    }

    /// As AWS counts stored bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.messages.iter().map(|message| message.len() as u64 + 26).sum()
    }
}

/// Bytes of an event's place: its row's, and its number there.
pub(crate) const EVENT_PLACE_BYTES: usize = PLACE_BYTES + 4;

/// The place of the n-th event of a row. Places are in the order of events as they are compared byte by byte.
pub(crate) fn event_in_row(row: &[u8], n: usize) -> Vec<u8> {
    [row, &u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes()].concat()
}

/// The rows that hold every event from the place `low` to before the place `high`, and perhaps a few more.
pub(crate) fn rows_between(low: &[u8], high: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let row = |place: &[u8]| place[..place.len().min(PLACE_BYTES)].to_vec();
    let mut end = row(high);
    if high.len() > PLACE_BYTES {
        end.push(0);
    }
    (row(low), end)
}

fn too_short() -> KvError {
    KvError::Damaged("a log row is too short".into())
}

pub(crate) fn read_u64(bytes: &[u8], at: usize) -> Result<u64, KvError> {
    let eight = bytes.get(at..at + 8).and_then(|slice| slice.try_into().ok());
    eight.map(u64::from_be_bytes).ok_or_else(too_short)
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

/// Lists of a group's commits, from the one of a number on.
pub(crate) fn listing_key(group_id: u64, commit: &[u8]) -> Bytes {
    key(LISTING, &[&group_id.to_be_bytes(), commit])
}

/// The commit's number in a list's key.
pub(crate) fn listing_commit(key: &[u8]) -> Option<[u8; 8]> {
    key.get(9..)?.try_into().ok()
}

/// The first place at or after a time.
pub(crate) fn time_place(ms: i64) -> [u8; 8] {
    ms.max(0).cast_unsigned().to_be_bytes()
}

/// Everything that belongs to a group, but for its own record.
pub(crate) fn group_ranges(group_id: u64) -> [KeyRange; 6] {
    [STREAM, STREAM_NAME, EVENT, STREAM_ORDER, GROUP_BYTES, LISTING]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_one_event_or_several() {
        for messages in [&["one"][..], &["START", "", "REPORT"], &[""]] {
            let messages = messages.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
            let row = EventRow { stream_id: 7, ingested_ms: 5, messages };
            assert_eq!(EventRow::decode(&row.encode()).unwrap(), row);
        }
        // As rows were before they could hold several.
        let single = [&7_u64.to_be_bytes()[..], &5_u64.to_be_bytes(), b"text"].concat();
        assert_eq!(EventRow::decode(&single.into()).unwrap().messages, ["text"]);
        let cut = EventRow { stream_id: 7, ingested_ms: 5, messages: vec!["a".into(), "bc".into()] }.encode();
        for end in 17..cut.len() - 1 {
            let read = EventRow::decode(&cut.slice(..end));
            assert!(read.is_err() || read.unwrap().messages.len() == 1, "{end}");
        }
    }
}
