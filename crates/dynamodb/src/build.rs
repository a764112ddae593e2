//! Filling an index that was added to a table with items, while writes go on. Knows no request.

use bytes::{BufMut, Bytes, BytesMut};
use store::{Batch, Entry, KeyRange, ScanOptions, Store};

use crate::catalogue::{Catalogue, refusal};
use crate::error::{Error, Result};
use crate::layout;
use crate::record::Kept;
use crate::table::{Index, Table};
use crate::upkeep::Turn;
use crate::write::entry_of;

/// Items filled in between two looks at whether the index is still wanted.
const PAGE_ITEMS: usize = 500;
/// Items filled in by one commit: others wait for their latches, or make it run again.
const COMMIT_ITEMS: usize = 50;

/// Fills the index `number` of `table`, to which all writers write by now. Ends early when the index is to go.
pub(crate) async fn fill(
    store: &Store,
    catalogue: &Catalogue,
    table: &Table,
    number: u8,
    turn: &Turn,
) -> Result<()> {
    let options = ScanOptions { limit: PAGE_ITEMS, ..ScanOptions::default() };
    let mut range = KeyRange::prefix(layout::space(table.id, layout::BASE));
    if let Some((noted, at)) = turn.progress().split_first()
        && *noted == number
    {
        range.start = Bytes::copy_from_slice(at);
    }
    loop {
        let page = store.scan(range.clone(), options).await?;
        turn.check()?;
        let now = catalogue.get(&table.scope, &table.name).filter(|now| now.id == table.id);
        let wanted = |index: &&Index| index.number == number && !index.is_deleting();
        let Some(index) = now.as_ref().and_then(|now| now.indexes.iter().find(wanted)) else { return Ok(()) };
        let keys: Vec<Bytes> = page.entries.into_iter().map(|(key, _)| key).collect();
        for keys in keys.chunks(COMMIT_ITEMS) {
            fill_some(store, table, index, keys.to_vec()).await?;
        }
        let Some(next) = page.next else { return Ok(()) };
        let mut progress = BytesMut::with_capacity(1 + next.len());
        progress.put_u8(number);
        progress.put_slice(&next);
        turn.note(progress.freeze()).await?;
        range = range.resume(next, false);
        tokio::task::yield_now().await;
    }
}

/// Reads the items again in the transaction, so that no write of them falls between.
async fn fill_some(store: &Store, table: &Table, index: &Index, keys: Vec<Bytes>) -> Result<()> {
    let decide = |entries: &[Option<Entry>]| {
        let mut batch = Batch::new();
        for entry in entries.iter().flatten() {
            let kept = Kept::stored(&entry.value)?;
            if let Some(key) = layout::entry(table, index, &kept.item) {
                batch = batch.put(key, entry_of(table, index, &kept).bytes.clone());
            }
        }
        Ok::<_, Error>((batch, ()))
    };
    store.transact(keys, decide).await.map_err(refusal)?;
    Ok(())
}
