//! How many items tables and indexes hold. Counted when somebody asks, not on every write: AWS tells figures of up
//! to six hours ago, so nobody may rely on more, and a counter would cost each write two more rows. Small tables are
//! counted on the spot and exactly, large ones behind the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Clock, Timestamp};
use item::codec;
use store::{KeyRange, ScanOptions, Store};

use crate::error::{Error, Result};
use crate::layout;
use crate::table::{ENTRY_OVERHEAD, Table};

/// Items of a table or entries of an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) items: i64,
    pub(crate) bytes: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Census {
    store: Store,
    clock: Clock,
    /// By table id and index number.
    known: Arc<Mutex<HashMap<(u32, u8), Known>>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    count: Count,
    at: Timestamp,
    counting: bool,
}

/// What is counted while the caller waits.
const AT_ONCE: usize = 2_000;
/// As old as AWS's figures may be.
const KNOWN_FOR: Duration = Duration::from_secs(6 * 3600);

impl Census {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, known: Arc::default() }
    }

    /// The table itself, as 0, and its indexes.
    pub(crate) async fn of(&self, table: &Table) -> Result<Vec<(u8, Count)>> {
        let numbers = std::iter::once(layout::BASE).chain(table.indexes.iter().map(|index| index.number));
        let mut counts = Vec::with_capacity(table.indexes.len() + 1);
        for number in numbers {
            counts.push((number, self.count(table.id, number).await?));
        }
        Ok(counts)
    }

    pub(crate) fn forget(&self, table_id: u32) {
        self.lock().retain(|(known, _), _| *known != table_id);
    }

    async fn count(&self, table_id: u32, number: u8) -> Result<Count> {
        let mut tally = Count::default();
        let space = KeyRange::prefix(layout::space(table_id, number));
        let Some(rest) = add_page(&self.store, space, AT_ONCE, &mut tally).await? else {
            return Ok(tally.told(number));
        };
        let now = self.clock.now();
        let (told, stale) = {
            let mut known = self.lock();
            let known = known.entry((table_id, number)).or_insert(Known {
                count: tally,
                at: Timestamp(0),
                counting: false,
            });
            let stale = !known.counting && now.since(known.at) >= KNOWN_FOR;
            known.counting |= stale;
            (known.count, stale)
        };
        if stale {
            let census = self.clone();
            tokio::spawn(async move { census.count_behind(table_id, number, rest, tally).await });
        }
        Ok(told.told(number))
    }

    async fn count_behind(self, table_id: u32, number: u8, mut rest: KeyRange, mut tally: Count) {
        let counted = loop {
            match add_page(&self.store, rest, AT_ONCE, &mut tally).await {
                Ok(Some(following)) => rest = following,
                Ok(None) => break true,
                Err(error) => {
                    tracing::warn!(%error, table_id, "a table could not be counted");
                    break false;
                }
            }
            tokio::task::yield_now().await;
        };
        if let Some(known) = self.lock().get_mut(&(table_id, number)) {
            known.counting = false;
            if counted {
                known.count = tally;
                known.at = self.clock.now();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(u32, u8), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn told(self, number: u8) -> Self {
        let overhead = if number == layout::BASE { 0 } else { ENTRY_OVERHEAD as i64 };
        Self { items: self.items, bytes: self.bytes + self.items * overhead }
    }
}

/// Counts one page; answers what is left of `range`.
async fn add_page(
    store: &Store,
    range: KeyRange,
    limit: usize,
    tally: &mut Count,
) -> Result<Option<KeyRange>> {
    let page = store.scan(range.clone(), ScanOptions::limit(limit)).await?;
    for (_, value) in &page.entries {
        let size = codec::size(value).map_err(|error| Error::Corrupt(error.to_string()))?;
        tally.items += 1;
        tally.bytes += i64::try_from(size).unwrap_or(i64::MAX);
    }
    Ok(page.next.map(|next| range.resume(next, false)))
}
