//! Reading streams: shards, positions, records, and the day after which records go. Knows no iterator's text and no
//! function; the stream API and the change feed are both made of this.

use std::time::Duration;

use base::{Scope, Timestamp};
use bytes::Bytes;
use store::{Batch, KeyRange, ScanOptions, Store};

use crate::catalogue::{decode, put_stream};
use crate::error::{Error, Result};
use crate::layout;
use crate::record::{Record, sequence_number};
use crate::table::{Stream, Table};

/// How long records, and streams after their end, are kept.
pub(crate) const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// A page of records at most.
pub(crate) const RECORDS_MAX: usize = 1_000;
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Shards of a table that can take more than one shard's load; AWS starts on-demand tables with as many.
const SHARDS_WIDE: u8 = 4;
/// What one shard takes in provisioned write units.
const SHARD_WRITE_UNITS: i64 = 1_000;

/// Records of one shard, oldest first.
#[derive(Debug)]
pub(crate) struct RecordPage {
    pub(crate) records: Vec<(u64, Record)>,
    /// The sequence after which to read on.
    pub(crate) after: u64,
    /// Nothing will follow.
    pub(crate) ended: bool,
    /// Records after the position asked for are past their day; the page begins after them.
    pub(crate) trimmed: bool,
}

/// How many shards a new stream of `table` has.
pub(crate) fn shards_for(table: &Table) -> u8 {
    match &table.billing.provisioned {
        None => SHARDS_WIDE,
        Some(units) => {
            let shards =
                units.write.saturating_sub(1).div_euclid(SHARD_WRITE_UNITS).saturating_add(1).clamp(1, 4);
            u8::try_from(shards).unwrap_or(SHARDS_WIDE)
        }
    }
}

/// `2026-11-22T17:21:00.123`, as in ARNs.
pub(crate) fn label(now: Timestamp) -> String {
    let text = now.iso8601();
    text.trim_end_matches('Z').to_owned()
}

/// The stream at its ARN's table and label, if its records are still kept.
pub(crate) async fn find(
    store: &Store,
    scope: &Scope,
    (table, label): (&str, &str),
    now: Timestamp,
) -> Result<Option<Stream>> {
    let Some(entry) = store.get(&layout::stream(scope, table, label)).await? else { return Ok(None) };
    let stream: Stream = decode(&entry.value)?;
    Ok((!is_over(&stream, now)).then_some(stream))
}

/// All streams of an account and region, or of one table, by table name and label.
pub(crate) async fn list(
    store: &Store,
    scope: &Scope,
    table: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Stream>> {
    let prefix = match table {
        Some(table) => layout::stream(scope, table, ""),
        None => layout::streams(scope),
    };
    let mut streams = Vec::new();
    let mut range = KeyRange::prefix(prefix);
    loop {
        let page = store.scan(range.clone(), ScanOptions::default()).await?;
        for (_, value) in &page.entries {
            streams.push(decode(value)?);
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => break,
        }
    }
    streams.retain(|stream| !is_over(stream, now));
    Ok(streams)
}

/// Up to `records_max` records after the sequence `after`.
pub(crate) async fn read(
    store: &Store,
    stream: &Stream,
    shard: u8,
    after: u64,
    (records_max, now): (usize, Timestamp),
) -> Result<RecordPage> {
    let prefix = layout::shard(stream.table_id, stream.number, shard);
    let oldest = oldest_kept(now);
    let mut page = RecordPage { records: Vec::new(), after, ended: false, trimmed: false };
    let start = layout::shard_from(&prefix, after.saturating_add(1));
    let mut range = KeyRange { start, ..KeyRange::prefix(prefix) };
    loop {
        let options = ScanOptions {
            limit: records_max.clamp(1, RECORDS_MAX),
            max_bytes: PAGE_BYTES_MAX,
            // What is not settled may be followed by a smaller number.
            settled: true,
            ..ScanOptions::default()
        };
        if range.is_empty() {
            break;
        }
        let found = store.scan(range.clone(), options).await?;
        for (key, value) in &found.entries {
            let sequence = layout::sequence_of(key).ok_or_else(|| corrupt_key(key))?;
            let record: Record = decode(value)?;
            page.after = sequence;
            match record.created_ms >= oldest.0 {
                true => page.records.push((sequence, record)),
                // From the trim horizon on nothing is missed.
                false => page.trimmed |= after > 0,
            }
        }
        match found.next {
            // Only records past their day were found: go on to those that are not.
            Some(next) if page.records.is_empty() => range = range.resume(next, false),
            Some(_) => return Ok(page),
            None => break,
        }
    }
    page.ended = page.records.is_empty() && is_closed(stream, now);
    Ok(page)
}

/// Writers that began before a stream was disabled may still append for a moment; its last commit is known when they
/// are through, or will never be, if the server ended in between.
fn is_closed(stream: &Stream, now: Timestamp) -> bool {
    const STRAGGLERS: Duration = Duration::from_secs(60);
    match (stream.disabled_ms, stream.last_seq) {
        (None, _) => false,
        (Some(_), Some(_)) => true,
        (Some(at), None) => now.since(Timestamp(at)) >= STRAGGLERS,
    }
}

/// A disabled stream, to which nobody writes any more, with its last commit.
pub(crate) async fn closed(store: &Store, stream: &Stream) -> Result<Stream> {
    store.settle().await?;
    Ok(Stream { last_seq: Some(store.safe_seq().await?), ..stream.clone() })
}

/// Notes the end of the stream of a table that is no more.
pub(crate) async fn close(store: &Store, table: &Table) -> Result<()> {
    if let Some(stream) = table.stream.as_ref().filter(|stream| stream.last_seq.is_none()) {
        let closed = closed(store, stream).await?;
        store.commit(put_stream(Batch::new(), &table.scope, &closed)).await?;
    }
    Ok(())
}

/// The position before everything that `store` will append from now on.
pub(crate) async fn latest(store: &Store) -> Result<u64> {
    // What was acknowledged before is not to come again.
    store.settle().await?;
    Ok((store.safe_seq().await? << 8) | 0xff)
}

/// The position before the first record of `from` or later: before the end, if there is none.
pub(crate) async fn before(store: &Store, stream: &Stream, shard: u8, from: Timestamp) -> Result<u64> {
    let mut after = 0;
    loop {
        // At the beginning of time no record is past its day.
        let page = read(store, stream, shard, after, (RECORDS_MAX, Timestamp(0))).await?;
        if page.records.is_empty() {
            return Ok(after);
        }
        for (sequence, record) in &page.records {
            if record.created_ms >= from.0 {
                return Ok(after);
            }
            after = *sequence;
        }
    }
}

/// Deletes the records that are past their day, and streams whose last record is.
pub(crate) async fn sweep(store: &Store, now: Timestamp) -> Result<()> {
    let mut range = KeyRange::prefix(layout::all_streams());
    loop {
        let page = store.scan(range.clone(), ScanOptions::default()).await?;
        for (key, value) in &page.entries {
            let stream: Stream = decode(value)?;
            if is_over(&stream, now) {
                store.delete_range(KeyRange::prefix(layout::records(stream.table_id, stream.number))).await?;
                store.commit(Batch::new().delete(key.clone())).await?;
            } else {
                for shard in 0..stream.shards {
                    trim(store, &stream, shard, now).await?;
                }
            }
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(()),
        }
    }
}

/// Records of a shard are in the order of their times, so the first one to keep ends the search. The newest of those
/// that are past their day stays: by it a reader who comes too late learns that it has missed something.
async fn trim(store: &Store, stream: &Stream, shard: u8, now: Timestamp) -> Result<()> {
    let whole = KeyRange::prefix(layout::shard(stream.table_id, stream.number, shard));
    let oldest = oldest_kept(now);
    let mut range = whole.clone();
    let mut newest = None;
    loop {
        let page = store.scan(range.clone(), ScanOptions::default()).await?;
        let mut kept = false;
        for (key, value) in page.entries {
            if decode::<Record>(&value)?.created_ms >= oldest.0 {
                kept = true;
                break;
            }
            newest = Some(key);
        }
        if let Some(newest) = &newest {
            store.delete_range(KeyRange { start: whole.start.clone(), end: newest.clone() }).await?;
        }
        match page.next.filter(|_| !kept) {
            Some(next) => range = range.resume(next, false),
            None => return Ok(()),
        }
    }
}

/// The time of the oldest record that readers still get.
pub(crate) fn oldest_kept(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(RETENTION.as_millis()).unwrap_or(i64::MAX)))
}

fn is_over(stream: &Stream, now: Timestamp) -> bool {
    stream.disabled_ms.is_some_and(|at| now.since(Timestamp(at)) >= RETENTION)
}

fn corrupt_key(key: &Bytes) -> Error {
    Error::Corrupt(format!("stream record at {key:?}"))
}

impl Stream {
    /// `shardId-` , the stream's birth, and the shard's number in hexadecimal: as AWS prints it.
    pub(crate) fn shard_id(&self, shard: u8) -> String {
        format!("shardId-{:020}-{shard:08x}", self.created_ms)
    }

    pub(crate) fn shard_number(&self, id: &str) -> Option<u8> {
        (0..self.shards).find(|shard| self.shard_id(*shard) == id)
    }

    /// This stream, disabled at `now`; see [`closed`].
    pub(crate) fn disabled(&self, now: Timestamp) -> Self {
        Self { disabled_ms: Some(now.0), ..self.clone() }
    }

    pub(crate) fn starting_number(&self) -> String {
        sequence_number((self.first_seq << 8) | 0xff)
    }

    pub(crate) fn ending_number(&self) -> Option<String> {
        self.last_seq.map(|last| sequence_number((last << 8) | 0xff))
    }
}
