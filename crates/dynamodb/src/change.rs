//! Committing the change of one item: read it, decide, write it with its index entries and stream record, as one
//! transaction. Knows no operation.

use std::sync::Arc;

use api::dynamodb::{ItemCollectionMetrics, ReturnItemCollectionMetrics};
use bytes::Bytes;
use item::Item;
use store::{Batch, Entry};

use crate::DynamoDb;
use crate::capacity::Tally;
use crate::catalogue::refusal;
use crate::error::{Error, Result};
use crate::record::Kept;
use crate::table::Table;
use crate::write::Change;

/// A change that is committed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) old: Option<Arc<Kept>>,
    pub(crate) new: Option<Arc<Kept>>,
    pub(crate) tally: Tally,
}

/// Lets `decide` say what the item at `key` becomes. It may be asked again with another item.
pub(crate) async fn commit<F>(db: &DynamoDb, table: &Table, key: Bytes, decide: F) -> Result<Outcome>
where
    F: Fn(Option<&Arc<Kept>>) -> Result<Option<Arc<Kept>>> + Send + Sync,
{
    let now = db.clock.now();
    let whole = |entries: &[Option<Entry>]| {
        let old = entries[0].as_ref().map(|entry| Kept::stored(&entry.value)).transpose()?.map(Arc::new);
        let new = decide(old.as_ref())?;
        let change = Change { key: &key, old: old.as_deref(), new: new.as_deref(), now, ordinal: 0 };
        let effects = change.effects(table)?;
        let batch = Batch { expects: Vec::new(), mutations: effects.mutations };
        Ok::<_, Error>((batch, Outcome { old, new, tally: effects.tally }))
    };
    let (outcome, _) = db.store.transact(vec![key.clone()], whole).await.map_err(refusal)?;
    Ok(outcome)
}

/// Whether a change can be committed without a look at the item: nothing else is kept of it, and nothing is told.
pub(crate) fn is_blind(table: &Table) -> bool {
    table.indexes.is_empty() && table.live_stream().is_none() && table.live_expiry().is_none()
}

/// The size of an item collection is told of tables with local indexes; here always as the smallest range.
pub(crate) fn collection_metrics(
    table: &Table,
    item: &Item,
    wanted: Option<ReturnItemCollectionMetrics>,
) -> Option<ItemCollectionMetrics> {
    if wanted != Some(ReturnItemCollectionMetrics::Size) || !table.has_locals() {
        return None;
    }
    let hash = &table.hash().name;
    let key = item.get(hash).map(|value| (hash.as_str(), value.clone()));
    Some(ItemCollectionMetrics {
        item_collection_key: Some(key.into_iter().collect()),
        size_estimate_range_gb: Some(vec![0.0, 1.0]),
    })
}
