//! Time to live: a queue of items in the order in which they expire, kept by the writes themselves, and the sweeper
//! that deletes what is due. A row of the queue is only a hint: the sweeper looks at the item in the transaction that
//! deletes it, so rows may be too many, and several nodes may sweep. Knows no request.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-how-to.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use item::{Item, Value};
use store::{Batch, Entry, KeyRange, ScanOptions, Store};

use crate::catalogue::{Catalogue, Decision, refusal};
use crate::error::{Error, Result};
use crate::layout;
use crate::record::Kept;
use crate::table::{Expiry, ExpiryPhase, Table};
use crate::write::Change;

/// Who deletes expired items, as streams tell it.
const SERVICE: &str = "dynamodb.amazonaws.com";

/// AWS leaves items alone whose time is longer past: they are taken for mistakes.
const AGE_MAX_SECS: i64 = 5 * 365 * 86_400;

/// 9999-12-31T23:59:59Z. What is later (milliseconds taken for seconds) never comes and needs no row.
const SECOND_MAX: u64 = 253_402_300_799;

/// Items deleted, or added to the queue, by one commit: an ordinal in a stream is a byte, and others wait for the
/// latches of their keys meanwhile.
const COMMIT_ITEMS: usize = 100;

/// Rows of the queue deleted by one commit.
const COMMIT_ROWS: usize = 1_000;

impl Expiry {
    /// When `item` expires, in whole seconds: only a number counts.
    pub(crate) fn second(&self, item: &Item) -> Option<u64> {
        let Some(Value::N(number)) = item.get(&self.attribute) else { return None };
        u64::try_from(number.whole()?).ok().filter(|second| *second <= SECOND_MAX)
    }
}

/// Whether an item whose time is or was `second` is ever deleted for it.
pub(crate) fn is_recent(second: u64, now: Timestamp) -> bool {
    i64::try_from(second).is_ok_and(|second| second >= now.as_secs().saturating_sub(AGE_MAX_SECS))
}

/// A row of the queue.
struct Due {
    row: Bytes,
    second: u64,
    item: Bytes,
}

/// Deletes the items that are due at `now`; answers how many.
pub(crate) async fn sweep(store: &Store, catalogue: &Catalogue, now: Timestamp) -> Result<u64> {
    let mut range = layout::expired(u64::try_from(now.as_secs()).unwrap_or(0));
    let mut deleted = 0;
    loop {
        let page = store.scan(range.clone(), ScanOptions::limit(COMMIT_ITEMS)).await?;
        if !page.entries.is_empty() {
            // A row may be of a table that another node has just made.
            catalogue.look().await?;
        }
        let mut tables: BTreeMap<u32, Vec<Due>> = BTreeMap::new();
        for (row, _) in page.entries {
            let (second, table_id, item) =
                layout::expiring(&row).ok_or_else(|| Error::Corrupt(format!("expiry at {row:?}")))?;
            tables.entry(table_id).or_default().push(Due { row, second, item });
        }
        for (table_id, due) in tables {
            match catalogue.with_id(table_id).filter(|table| table.live_expiry().is_some()) {
                Some(table) => deleted += delete(store, &table, &due, now).await?,
                // A server ended before it cleared the queue.
                None => drop_rows(store, due.into_iter().map(|due| due.row)).await?,
            }
        }
        let Some(next) = page.next else { return Ok(deleted) };
        range = range.resume(next, false);
        tokio::task::yield_now().await;
    }
}

/// Deletes those of the items that are still due. One that was given more time has another row.
async fn delete(store: &Store, table: &Table, due: &[Due], now: Timestamp) -> Result<u64> {
    let Some(expiry) = table.live_expiry() else { return Ok(0) };
    let decide = |entries: &[Option<Entry>]| {
        let mut batch = Batch::new();
        let mut deleted = 0;
        for (ordinal, (due, entry)) in due.iter().zip(entries).enumerate() {
            let old = entry.as_ref().map(|entry| Kept::stored(&entry.value)).transpose()?;
            let is_due =
                |old: &&Kept| expiry.second(&old.item) == Some(due.second) && is_recent(due.second, now);
            batch = batch.delete(due.row.clone());
            if let Some(old) = old.as_ref().filter(is_due) {
                let ordinal = u8::try_from(ordinal).unwrap_or(u8::MAX);
                let change = Change { key: &due.item, old: Some(old), new: None, now, ordinal };
                batch.mutations.extend(change.effects_by(table, Some(SERVICE))?.mutations);
                deleted += 1;
            }
        }
        Ok::<_, Error>((batch, deleted))
    };
    let keys = due.iter().map(|due| due.item.clone()).collect();
    let (deleted, _) = store.transact(keys, decide).await.map_err(refusal)?;
    Ok(deleted)
}

/// Does what is left to do after `table`'s time to live was changed. Nobody writes any more as it was before.
pub(crate) async fn follow(
    store: &Store,
    catalogue: &Catalogue,
    table: &Table,
    now: Timestamp,
) -> Result<()> {
    let Some(expiry) = table.expiry.as_ref().filter(|expiry| expiry.phase != ExpiryPhase::Enabled) else {
        return Ok(());
    };
    let is_current = |found: &Table| found.id == table.id && found.expiry == table.expiry;
    let current = || catalogue.get(&table.scope, &table.name).filter(|found| is_current(found));
    let done = match expiry.phase {
        ExpiryPhase::Disabling => {
            clear(store, table.id).await?;
            None
        }
        ExpiryPhase::Enabling | ExpiryPhase::Enabled => {
            fill(store, table.id, now, current).await?;
            Some(Expiry { phase: ExpiryPhase::Enabled, ..expiry.clone() })
        }
    };
    let decide = |before: Option<&Table>| match before.filter(|found| is_current(found)) {
        Some(table) => Ok(Decision::becomes(Table { expiry: done.clone(), ..table.clone() })),
        None => Ok(Decision::stays()),
    };
    catalogue.alter(&table.scope, &table.name, decide).await
}

/// Adds the items of a table to the queue, as long as `current` has the table.
async fn fill(
    store: &Store,
    table_id: u32,
    now: Timestamp,
    current: impl Fn() -> Option<Arc<Table>>,
) -> Result<()> {
    let mut range = KeyRange::prefix(layout::space(table_id, layout::BASE));
    loop {
        let page = store.scan(range.clone(), ScanOptions::limit(COMMIT_ITEMS)).await?;
        let Some(table) = current() else { return Ok(()) };
        let Some(expiry) = table.live_expiry() else { return Ok(()) };
        // Read again in the transaction, so that no write of them falls between.
        let keys: Vec<Bytes> = page.entries.into_iter().map(|(key, _)| key).collect();
        let decide = |entries: &[Option<Entry>]| {
            let mut batch = Batch::new();
            for (key, entry) in keys.iter().zip(entries) {
                let Some(entry) = entry else { continue };
                let second = expiry.second(&Kept::stored(&entry.value)?.item);
                if let Some(second) = second.filter(|second| is_recent(*second, now)) {
                    batch = batch.put(layout::expiry(second, key), Bytes::new());
                }
            }
            Ok::<_, Error>((batch, ()))
        };
        if !keys.is_empty() {
            store.transact(keys.clone(), decide).await.map_err(refusal)?;
        }
        let Some(next) = page.next else { return Ok(()) };
        range = range.resume(next, false);
        tokio::task::yield_now().await;
    }
}

/// Deletes a table's rows from the queue. They lie between those of others, by time: it reads the whole queue.
pub(crate) async fn clear(store: &Store, table_id: u32) -> Result<()> {
    let mut range = layout::expiries();
    loop {
        let page = store.scan(range.clone(), ScanOptions::limit(COMMIT_ROWS)).await?;
        let of_table = |row: &Bytes| layout::expiring(row).is_some_and(|(_, id, _)| id == table_id);
        let rows = page.entries.into_iter().map(|(row, _)| row).filter(of_table);
        drop_rows(store, rows).await?;
        let Some(next) = page.next else { return Ok(()) };
        range = range.resume(next, false);
        tokio::task::yield_now().await;
    }
}

async fn drop_rows(store: &Store, rows: impl Iterator<Item = Bytes>) -> Result<()> {
    let batch = rows.fold(Batch::new(), Batch::delete);
    if !batch.mutations.is_empty() {
        store.commit(batch).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_of_numbers_count() {
        let expiry = Expiry { attribute: "t".to_owned(), phase: ExpiryPhase::Enabled };
        let number = |text: &str| Value::N(item::Number::parse(text).unwrap());
        for (value, second) in [
            (number("1795368060"), Some(1_795_368_060)),
            (number("1795368060.999"), Some(1_795_368_060)),
            (number("0.5"), Some(0)),
            (number("1E-130"), Some(0)),
            (number("17953680600000E-4"), Some(1_795_368_060)),
            (number("253402300799"), Some(SECOND_MAX)),
            (number("1795368060123"), None),
            (number("1E+125"), None),
            (number("-1"), None),
            (Value::S("1795368060".into()), None),
        ] {
            let item: Item = [("t", value)].into_iter().collect();
            assert_eq!(expiry.second(&item), second, "{item:?}");
        }
        assert_eq!(expiry.second(&Item::new()), None);
    }

    #[test]
    fn what_is_past_for_five_years_stays() {
        let now = Timestamp::from_secs(1_795_368_060);
        let oldest = 1_795_368_060 - 5 * 365 * 86_400;
        assert!(is_recent(oldest, now) && is_recent(u64::MAX >> 1, now));
        assert!(!is_recent(oldest - 1, now));
    }
}
