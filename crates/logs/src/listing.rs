//! What one commit put into a group: which rows, of which streams, how large. The oldest events of a full group are let
//! go by these lists, so that no message is read, and through the store's cache, only to be deleted. Knows no store.

use std::collections::HashMap;

use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::record::{self, EventRow};

#[derive(Debug, Default, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Listing {
    #[n(0)]
    streams: Vec<ListedStream>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct ListedStream {
    #[n(0)]
    id: u64,
    #[n(1)]
    first_ms: i64,
    #[n(2)]
    rows: Vec<ListedRow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct ListedRow {
    /// After the first row of the stream, which may be later: short numbers take a byte.
    #[n(0)]
    ms: i64,
    #[n(1)]
    suffix: u32,
    #[n(2)]
    bytes: u64,
}

impl Listing {
    /// The keys under which a commit of this number put its rows: of each the event's and that of its place in the
    /// stream.
    pub(crate) fn keys(&self, group_id: u64, commit: [u8; 8]) -> impl Iterator<Item = (Bytes, Bytes)> {
        let rows = self.streams.iter().flat_map(|stream| stream.rows.iter().map(move |row| (stream, row)));
        rows.map(move |(stream, row)| {
            let time = record::time_place(stream.first_ms.saturating_add(row.ms));
            let place = [&time[..], &commit, &row.suffix.to_be_bytes()].concat();
            (record::event_key(group_id, &place), record::order_key(group_id, stream.id, &place))
        })
    }

    /// As AWS counts stored bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.streams.iter().flat_map(|stream| &stream.rows).map(|row| row.bytes).sum()
    }

    /// The time of its latest event.
    pub(crate) fn latest_ms(&self) -> i64 {
        let latest = |stream: &ListedStream| {
            stream.rows.iter().map(|row| stream.first_ms.saturating_add(row.ms)).max()
        };
        self.streams.iter().filter_map(latest).max().unwrap_or(i64::MIN)
    }
}

/// The lists of a commit that is being gathered.
#[derive(Debug, Default)]
pub(crate) struct Listings(HashMap<u64, HashMap<u64, ListedStream>>);

impl Listings {
    pub(crate) fn add(&mut self, group_id: u64, (ms, suffix): (i64, u32), row: &EventRow) {
        let streams = self.0.entry(group_id).or_default();
        let stream = streams.entry(row.stream_id).or_insert_with(|| ListedStream {
            id: row.stream_id,
            first_ms: ms,
            rows: Vec::new(),
        });
        stream.rows.push(ListedRow { ms: ms - stream.first_ms, suffix, bytes: row.stored_bytes() });
    }

    /// By group.
    pub(crate) fn finish(self) -> impl Iterator<Item = (u64, Listing)> {
        let listing = |streams: HashMap<_, _>| Listing { streams: streams.into_values().collect() };
        self.0.into_iter().map(move |(group_id, streams)| (group_id, listing(streams)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_the_rows_of_its_commit_and_is_short() {
        let mut listings = Listings::default();
        for n in 0..1_000_u32 {
            let row =
                EventRow { stream_id: u64::MAX, ingested_ms: 0, messages: vec!["x".repeat(300).into()] };
            listings.add(7, (1_795_454_460_000 - i64::from(n % 30), n), &row);
        }
        let (group_id, listing) = listings.finish().next().unwrap();
        let stored = record::encode(&listing);
        assert!(stored.len() < 10_000, "{}", stored.len());
        let listing: Listing = record::decode(&stored).unwrap();
        assert_eq!((group_id, listing.bytes(), listing.latest_ms()), (7, 326_000, 1_795_454_460_000));
        let (event, order) = listing.keys(7, 9_u64.to_be_bytes()).nth(1).unwrap();
        let place =
            [&record::time_place(1_795_454_459_999)[..], &9_u64.to_be_bytes(), &1_u32.to_be_bytes()].concat();
        assert_eq!((event, order), (record::event_key(7, &place), record::order_key(7, u64::MAX, &place)));
    }
}
