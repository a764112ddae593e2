//! Item collections: the items of one partition key of a table with local indexes, with their entries in these. How
//! large each is stands in a counter, to which every write adds without a conflict. A write looks at the counter
//! before it begins, so writes side by side may pass the limit by what they add themselves.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html#LSI.ItemCollections>

use std::collections::HashMap;

use api::dynamodb::{ItemCollectionMetrics, ReturnItemCollectionMetrics};
use bytes::Bytes;
use item::Item;
use store::Store;

use crate::error::{Error, Result};
use crate::layout;
use crate::plan::Plan;
use crate::table::Table;

/// What AWS takes: 10 GB.
const BYTES_MAX: i64 = 10 << 30;
const GB: i64 = 1 << 30;

/// The sizes of the collections that some writes touch, by the keys of their counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collections(HashMap<Bytes, i64>);

impl Collections {
    /// Reads nothing for tables without local indexes.
    pub(crate) async fn read(store: &Store, plans: impl Iterator<Item = &Plan>) -> Result<Self> {
        let touched = plans.filter(|plan| plan.table.has_locals());
        let mut keys: Vec<Bytes> =
            touched.filter_map(|plan| layout::collection(&plan.table, plan.named())).collect();
        if keys.is_empty() {
            return Ok(Self::default());
        }
        keys.sort_unstable();
        keys.dedup();
        let found = store.multi_get(&keys).await?;
        let size = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_le_bytes).max(0);
        let sizes = found.iter().map(|entry| entry.as_ref().map_or(0, |entry| size(&entry.value)));
        Ok(Self(keys.into_iter().zip(sizes).collect()))
    }

    /// Notes that a write adds `bytes` to the collection with the counter `key`, unless it grows too large; its size
    /// then.
    pub(crate) fn grow(&mut self, key: &Bytes, bytes: i64) -> Result<i64> {
        let Some(size) = self.0.get_mut(key) else { return Ok(0) };
        if bytes > 0 && size.saturating_add(bytes) > BYTES_MAX {
            return Err(Error::CollectionSize);
        }
        *size = size.saturating_add(bytes).max(0);
        Ok(*size)
    }
}

/// Adds what one write tells to what others told: each collection once, as it is after the last.
pub(crate) fn merge(all: &mut Vec<ItemCollectionMetrics>, told: ItemCollectionMetrics) {
    match all.iter_mut().find(|known| known.item_collection_key == told.item_collection_key) {
        Some(known) => *known = told,
        None => all.push(told),
    }
}

/// What a write tells of the collection of `item`, which is of `size` now.
pub(crate) fn metrics(
    table: &Table,
    item: &Item,
    size: i64,
    wanted: Option<ReturnItemCollectionMetrics>,
) -> Option<ItemCollectionMetrics> {
    if wanted != Some(ReturnItemCollectionMetrics::Size) || !table.has_locals() {
        return None;
    }
    let hash = &table.hash().name;
    let key = item.get(hash).map(|value| (hash.as_str(), value.clone()));
    let lower = (size / GB) as f64;
    Some(ItemCollectionMetrics {
        item_collection_key: Some(key.into_iter().collect()),
        size_estimate_range_gb: Some(vec![lower, lower + 1.0]),
    })
}
