//! Filling an index that was added to a table with items, behind the request that added it. Knows no request.

use std::sync::Arc;

use bytes::Bytes;
use store::{Batch, Entry, KeyRange, ScanOptions, Store};

use crate::catalogue::{Catalogue, Decision, refusal};
use crate::error::{Error, Result};
use crate::layout;
use crate::record::Kept;
use crate::table::{Index, Table};
use crate::write::entry_of;

/// Items filled in between two looks at whether the index is still wanted.
const PAGE_ITEMS: usize = 200;

/// Fills the index `number` of `table`, and then lets it be read. `before` is the table without it: its last writers
/// are waited for, because they do not write to the index.
pub(crate) async fn fill(
    store: Store,
    catalogue: Arc<Catalogue>,
    table: Table,
    before: Option<Arc<Table>>,
) -> Result<()> {
    catalogue.quiesce(before).await;
    store.settle().await?;
    let (scope, name, id) = (table.scope.clone(), table.name.clone(), table.id);
    let Some(number) = table.indexes.iter().find(|index| index.building).map(|index| index.number) else {
        return Ok(());
    };
    let options = ScanOptions { limit: PAGE_ITEMS, ..ScanOptions::default() };
    let mut range = KeyRange::prefix(layout::space(id, layout::BASE));
    loop {
        let page = store.scan(range.clone(), options).await?;
        let Some(table) = catalogue.get(&scope, &name).filter(|table| table.id == id) else { return Ok(()) };
        let Some(index) = table.indexes.iter().find(|index| index.number == number) else { return Ok(()) };
        for (key, _) in page.entries {
            fill_one(&store, &table, index, key).await?;
        }
        match page.next {
            Some(next) => range = range.resume(next, false),
            None => break,
        }
    }
    let decide = |before: Option<&Table>| {
        let Some(table) = before.filter(|table| table.id == id) else { return Ok(Decision::stays()) };
        let mut table = table.clone();
        for index in table.indexes.iter_mut().filter(|index| index.number == number) {
            index.building = false;
        }
        Ok(Decision::becomes(table))
    };
    catalogue.alter(&scope, &name, decide).await?;
    Ok(())
}

/// Reads the item again in the transaction, so that no write of it falls between.
async fn fill_one(store: &Store, table: &Table, index: &Index, key: Bytes) -> Result<()> {
    let decide = |entries: &[Option<Entry>]| {
        let Some(entry) = &entries[0] else { return Ok((Batch::new(), ())) };
        let kept = Kept::stored(&entry.value)?;
        let batch = match layout::entry(table, index, &kept.item) {
            Some(key) => Batch::new().put(key, entry_of(table, index, &kept).bytes.clone()),
            None => Batch::new(),
        };
        Ok::<_, Error>((batch, ()))
    };
    store.transact(vec![key], decide).await.map_err(refusal)?;
    Ok(())
}
