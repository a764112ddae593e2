//! BatchWriteItem. As a rule all of it is one commit, and so one wait for the disk; AWS promises less.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use api::dynamodb::{BatchWriteItemInput, BatchWriteItemOutput, ItemCollectionMetrics, WriteRequest};
use base::{Cx, Timestamp};
use bytes::Bytes;
use item::Item;
use store::{Batch, Entry};

use crate::capacity::Tally;
use crate::catalogue::refusal;
use crate::error::{Error, Result, text};
use crate::record::Kept;
use crate::table::{KeyPart, Table};
use crate::write::Change;
use crate::{DynamoDb, change, write};

const WRITES_MAX: usize = 25;
/// What one commit writes at most, index entries and images in the stream estimated.
const COMMIT_BYTES_MAX: usize = 32 << 20;

/// One put or delete, checked.
struct Write {
    /// Which of the request's tables.
    part: usize,
    key: Bytes,
    new: Option<Kept>,
}

pub(crate) async fn run(db: &DynamoDb, cx: &Cx, input: BatchWriteItemInput) -> Result<BatchWriteItemOutput> {
    if input.request_items.is_empty() {
        return Err(Error::invalid("The requestItems parameter is required for BatchWriteItem"));
    }
    if input.request_items.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
        return Err(Error::invalid("Too many items requested for the BatchWriteItem call"));
    }
    let mut tables: Vec<(String, Arc<Table>)> = Vec::new();
    let mut writes = Vec::new();
    let mut metrics: BTreeMap<String, Vec<ItemCollectionMetrics>> = BTreeMap::new();
    for (name, requests) in input.request_items {
        let table = db.table(cx, &name).await?;
        for request in requests {
            let write = write(&table, tables.len(), request)?;
            let wanted = input.return_item_collection_metrics;
            if let Some(told) = change::collection_metrics(&table, &write.1, wanted) {
                metrics.entry(name.clone()).or_default().push(told);
            }
            writes.push(write.0);
        }
        tables.push((name, table));
    }
    let mut seen = HashSet::with_capacity(writes.len());
    if !writes.iter().all(|write| seen.insert(&write.key)) {
        return Err(Error::invalid(text::DUPLICATE_KEYS));
    }
    let tallies = commit(db, &tables, &writes).await?;
    let consumed: Vec<_> = tables
        .iter()
        .zip(&tallies)
        .filter_map(|((name, table), tally)| tally.told(table, name, input.return_consumed_capacity))
        .collect();
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(BTreeMap::new()),
        item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
}

/// The write, and the item or key that it names.
fn write(table: &Table, part: usize, request: WriteRequest) -> Result<(Write, Item)> {
    match (request.put_request, request.delete_request) {
        (Some(put), None) => {
            // PutItem says more of it.
            let misfits =
                |part: &KeyPart| put.item.get(&part.name).is_some_and(|value| !part.kind.fits(value));
            if table.key.parts().any(misfits) {
                return Err(Error::invalid(text::KEY_SCHEMA));
            }
            put.item.size_check().map_err(|_| Error::invalid(text::ITEM_SIZE))?;
            let key = write::item_key(table, &put.item)?;
            let named = table.key.of(&put.item);
            Ok((Write { part, key, new: Some(Kept::new(put.item)) }, named))
        }
        (None, Some(delete)) => {
            let key = write::request_key(table, &delete.key)?;
            Ok((Write { part, key, new: None }, delete.key))
        }
        (Some(_), Some(_)) => Err(Error::invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes",
        )),
        (None, None) => Err(Error::invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
    }
}

/// One tally a table.
async fn commit(db: &DynamoDb, tables: &[(String, Arc<Table>)], writes: &[Write]) -> Result<Vec<Tally>> {
    let now = db.clock.now();
    let mut tallies = vec![Tally::default(); tables.len()];
    let mut rest = writes;
    while !rest.is_empty() {
        let (part, following) = rest.split_at(fitting(tables, rest));
        rest = following;
        let keys = part.iter().map(|write| write.key.clone()).collect();
        let decide = |entries: &[Option<Entry>]| decide(tables, part, entries, now);
        let (added, _) = db.store.transact(keys, decide).await.map_err(refusal)?;
        for (tally, added) in tallies.iter_mut().zip(&added) {
            tally.merge(added);
        }
    }
    Ok(tallies)
}

/// How many of `writes` one commit takes: at least one.
fn fitting(tables: &[(String, Arc<Table>)], writes: &[Write]) -> usize {
    let mut bytes = 0;
    let beyond = writes.iter().position(|write| {
        let copies = 3 + tables[write.part].1.indexes.len();
        bytes += copies * write.new.as_ref().map_or(0, |new| new.bytes.len());
        bytes > COMMIT_BYTES_MAX
    });
    beyond.unwrap_or(writes.len()).max(1)
}

fn decide(
    tables: &[(String, Arc<Table>)],
    writes: &[Write],
    entries: &[Option<Entry>],
    now: Timestamp,
) -> Result<(Batch, Vec<Tally>)> {
    let mut batch = Batch::new();
    let mut tallies = vec![Tally::default(); tables.len()];
    for (ordinal, (write, entry)) in writes.iter().zip(entries).enumerate() {
        let old = entry.as_ref().map(|entry| Kept::stored(&entry.value)).transpose()?;
        let ordinal = u8::try_from(ordinal).unwrap_or(u8::MAX);
        let change = Change { key: &write.key, old: old.as_ref(), new: write.new.as_ref(), now, ordinal };
        let effects = change.effects(&tables[write.part].1)?;
        batch.mutations.extend(effects.mutations);
        tallies[write.part].merge(&effects.tally);
    }
    Ok((batch, tallies))
}
