//! What a server that ended in the middle left behind: items of tables and entries of indexes that are deleted. Their
//! numbers are never used again, so nobody reads them; they only take room.

use std::collections::HashSet;

use store::{KeyRange, ScanOptions, Store};

use crate::catalogue::Catalogue;
use crate::error::{Error, Result};
use crate::layout;

/// Looks at the items and entries of all tables, and at what is counted of their item collections.
pub(crate) async fn sweep(store: &Store, catalogue: &Catalogue, held: &HashSet<u32>) -> Result<()> {
    sweep_space(store, catalogue, held, KeyRange::prefix(layout::all_items())).await?;
    sweep_space(store, catalogue, held, KeyRange::prefix(layout::collections(None))).await
}

/// Steps from the first row of one table or index to that of the next, and deletes the ones that nothing belongs to.
/// A table is looked for after its row was seen: rows come only after their table. `held` are those that jobs still read.
async fn sweep_space(
    store: &Store,
    catalogue: &Catalogue,
    held: &HashSet<u32>,
    mut rest: KeyRange,
) -> Result<()> {
    loop {
        let page = store.scan(rest.clone(), ScanOptions::limit(1)).await?;
        let Some((key, _)) = page.entries.first() else { return Ok(()) };
        let (table_id, number) =
            layout::space_of(key).ok_or_else(|| Error::Corrupt(format!("item at {key:?}")))?;
        let space = KeyRange::prefix(key.slice(..layout::SPACE_BYTES));
        catalogue.look().await?;
        if !held.contains(&table_id) && !catalogue.knows(table_id, number) {
            let rows = store.delete_range(space.clone()).await?;
            tracing::info!(table_id, index = number, rows, "deleted what was left of a table or index");
        }
        rest.start = space.end;
    }
}
