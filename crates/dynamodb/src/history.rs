//! The history of tables: before each change, the item as it was. Undoing it from its end leads a table, or a copy of
//! it that was made while it changed, back to any commit. Knows no job.

use std::collections::{HashMap, HashSet};

use base::Timestamp;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{KeyRange, Mutation, ScanOptions, Store};

use crate::catalogue::{Catalogue, decode, encode};
use crate::error::{Error, Result};
use crate::layout;
use crate::table::Table;
use crate::write::Change;

/// An item before a change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Past {
    #[n(0)]
    pub(crate) at_ms: i64,
    /// The item's key without its table.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) tail: Vec<u8>,
    /// None: it was not there.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) old: Option<Vec<u8>>,
}

/// An item by the tail of its key, in its stored form; none if there is none.
pub(crate) type Row = (Bytes, Option<Bytes>);

/// How far the times of commits may be out of the order of the commits.
const SKEW_MS: i64 = 10_000;
const PAGE_ROWS: usize = 100;

/// What a change adds to the history of `table`.
pub(crate) fn mutation(table: &Table, change: &Change<'_>) -> Option<Mutation> {
    if !table.records_history() {
        return None;
    }
    let past = Past {
        at_ms: change.now.0,
        tail: layout::tail(change.key).to_vec(),
        old: change.old.map(|old| old.bytes.to_vec()),
    };
    Some(Mutation::Append {
        prefix: layout::history(table.id),
        suffix: Bytes::copy_from_slice(&[change.ordinal]),
        value: encode(&past),
    })
}

/// The commit after which everything was committed later than `when`: the end of all commits if none was. A table is at
/// `when` what it is after that commit, so that it has every write that was acknowledged by then, none that began
/// later, and of each transaction all or nothing.
pub(crate) async fn cut(store: &Store, table_id: u32, when: Timestamp) -> Result<u64> {
    store.settle().await?;
    let end = store.safe_seq().await?;
    // Times follow the commits but for a small skew: halve as far as that goes, then look at each.
    let (mut before, mut after) = (0, end);
    while before < after {
        let middle = before + (after - before) / 2;
        let options = ScanOptions::limit(1);
        let page = store.scan(layout::history_between(table_id, middle, end), options).await?;
        match page.entries.first() {
            Some((key, past)) if decode::<Past>(past)?.at_ms <= when.0 - SKEW_MS => before = commit_at(key)?,
            _ => after = middle,
        }
    }
    let mut range = layout::history_between(table_id, before, end);
    loop {
        let page = store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS)).await?;
        for (key, past) in &page.entries {
            if decode::<Past>(past)?.at_ms > when.0 {
                return Ok(commit_at(key)? - 1);
            }
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => return Ok(end),
        }
        tokio::task::yield_now().await;
    }
}

fn commit_at(key: &[u8]) -> Result<u64> {
    let place = layout::place_in_history(key).ok_or_else(|| Error::Corrupt(format!("history at {key:?}")))?;
    Ok(place.1)
}

/// The newest part of a history.
#[derive(Debug)]
pub(crate) struct Undone {
    /// Each item once, as it was before the part.
    pub(crate) rows: Vec<Row>,
    /// When each of `rows` was last written in the part.
    pub(crate) written_ms: Vec<i64>,
    /// What is left, older than this.
    pub(crate) rest: Option<KeyRange>,
}

/// Reads the end of a part of a history. Applied to a copy page after page, it becomes what the table was before all.
pub(crate) async fn undo(store: &Store, range: KeyRange) -> Result<Undone> {
    let page = store.scan(range.clone(), ScanOptions::limit(PAGE_ROWS).reversed()).await?;
    let mut places: HashMap<Bytes, usize> = HashMap::with_capacity(page.entries.len());
    let mut undone = Undone { rows: Vec::new(), written_ms: Vec::new(), rest: None };
    for (_, past) in &page.entries {
        let past: Past = decode(past)?;
        let (tail, old) = (Bytes::from(past.tail), past.old.map(Bytes::from));
        match places.get(&tail) {
            // From the newest to the oldest: the last one read is what it was before all of them.
            Some(place) => undone.rows[*place].1 = old,
            None => {
                places.insert(tail.clone(), undone.rows.len());
                undone.rows.push((tail, old));
                undone.written_ms.push(past.at_ms);
            }
        }
    }
    undone.rest = page.next.map(|next| range.resume(next, true));
    Ok(undone)
}

/// Deletes what no table can be restored to any more. `held` are the tables that jobs still read.
pub(crate) async fn sweep(
    store: &Store,
    catalogue: &Catalogue,
    held: &HashSet<u32>,
    now: Timestamp,
) -> Result<()> {
    let mut rest = KeyRange::prefix(layout::histories());
    loop {
        let page = store.scan(rest.clone(), ScanOptions::limit(1)).await?;
        let Some((key, _)) = page.entries.first() else { return Ok(()) };
        let (id, _) =
            layout::place_in_history(key).ok_or_else(|| Error::Corrupt(format!("history at {key:?}")))?;
        let whole = KeyRange::prefix(layout::history(id));
        rest.start = whole.end.clone();
        // Looked for after its row was seen: history comes only after what asks for it.
        let table = catalogue.all().into_iter().find(|table| table.id == id);
        if held.contains(&id) || table.as_ref().is_some_and(|table| is_held(table)) {
            continue;
        }
        match table.and_then(|table| table.recovery_window(now)) {
            Some(window) => {
                let cut = cut(store, id, Timestamp(window.earliest.0 - 1)).await?;
                store.delete_range(layout::history_between(id, 0, cut)).await?;
            }
            None => {
                store.delete_range(whole).await?;
            }
        }
    }
}

fn is_held(table: &Table) -> bool {
    table.recovery.as_ref().is_some_and(|kept| !kept.holds.is_empty())
}
