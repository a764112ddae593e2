//! What API keys use of their plans: a count a day, in the store, where it survives a restart and where the counts of
//! all nodes meet. A request adds to a number in memory; a second later everything that was added goes to the store
//! in one batch. Knows no request.
//!
//! | first byte | rest of the key | row |
//! |---|---|---|
//! | 0x39 | account/region, 0, plan id, 0, key id, 0, day (8 bytes), 0 | counter: requests of the day |
//! | 0x39 | the same, and 1 for the last 0 | counter: what UpdateUsage gave on the day beyond the quota |

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, Scope, Timestamp};
use bytes::Bytes;
use store::{Batch, KeyRange, KvError, Store};

use crate::rest::rows;
use crate::rest::usage_plan::{QuotaRecord, day_of};

const USAGE: u8 = 0x39;
const USED: u8 = 0;
const GRANTED: u8 = 1;
const SHARDS: usize = 64;
/// A shard that has more lets go of those that have nothing to write.
const SHARD_METERS_MAX: usize = 1024;
/// What a crash can lose, and for how long nodes do not see each other's counts.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
const BATCH_MAX: usize = 500;

/// Who uses what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) plan_id: &'a str,
    pub(crate) key_id: &'a str,
}

impl Subscription<'_> {
    fn prefix(self) -> Bytes {
        let scope = self.scope.to_string();
        let parts = [scope.as_bytes(), &[0], self.plan_id.as_bytes(), &[0], self.key_id.as_bytes(), &[0]];
        rows::key(USAGE, &parts)
    }
}

/// Everything of a plan, whoever used it.
pub(crate) fn plan_range(scope: &Scope, plan_id: &str) -> KeyRange {
    KeyRange::prefix(rows::key(USAGE, &[scope.to_string().as_bytes(), &[0], plan_id.as_bytes(), &[0]]))
}

fn counter_key(prefix: &Bytes, day: i64, what: u8) -> Bytes {
    [prefix.as_ref(), &day.to_be_bytes(), &[what]].concat().into()
}

/// A day of a key's usage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DayUsage {
    pub(crate) used: i64,
    pub(crate) granted: i64,
}

/// The usage from day to day, both included, as the store has it.
async fn read(store: &Store, prefix: &Bytes, days: (i64, i64)) -> Result<BTreeMap<i64, DayUsage>, KvError> {
    let keys: Vec<Bytes> = (days.0..=days.1)
        .flat_map(|day| [counter_key(prefix, day, USED), counter_key(prefix, day, GRANTED)])
        .collect();
    let rows = store.multi_get(&keys).await?;
    let count = |row: Option<&store::Entry>| {
        let bytes = row.and_then(|row| row.value.as_ref().try_into().ok());
        bytes.map_or(0, i64::from_le_bytes)
    };
    let pairs = rows.chunks(2).map(|pair| DayUsage {
        used: count(pair.first().and_then(Option::as_ref)),
        granted: count(pair.get(1).and_then(Option::as_ref)),
    });
    Ok((days.0..=days.1).zip(pairs).collect())
}

/// What is left of a quota on `day`: below nothing when several nodes let in too many.
pub(crate) fn remaining(quota: &QuotaRecord, usage: &BTreeMap<i64, DayUsage>, day: i64) -> i64 {
    let period = usage.range(quota.began(day)..=day);
    period.fold(i64::from(quota.limit), |left, (_, usage)| left + usage.granted - usage.used)
}

/// One key in one plan, on this node.
#[derive(Debug)]
struct Meter {
    prefix: Bytes,
    state: Mutex<MeterState>,
}

#[derive(Debug, Default)]
struct MeterState {
    /// As read from the store.
    stored: BTreeMap<i64, DayUsage>,
    /// The days that were read, and when.
    read: Option<(i64, i64, Timestamp)>,
    /// Counted here and not yet on the way to the store.
    pending: BTreeMap<i64, i64>,
    /// On the way.
    writing: BTreeMap<i64, i64>,
}

impl MeterState {
    fn left(&self, quota: &QuotaRecord, day: i64) -> i64 {
        let ours = self.pending.range(quota.began(day)..).chain(self.writing.range(quota.began(day)..));
        remaining(quota, &self.stored, day) - ours.map(|(_, count)| count).sum::<i64>()
    }
}

impl Meter {
    fn state(&self) -> MutexGuard<'_, MeterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The meters of this node.
#[derive(Debug)]
pub(crate) struct Meters {
    store: Store,
    /// Other nodes count too.
    shared: bool,
    clock: Clock,
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<Bytes, Arc<Meter>>>>,
    dirty: Mutex<Vec<Arc<Meter>>>,
    flush_due: AtomicBool,
    /// Held while counts go to the store.
    flushing: tokio::sync::Mutex<()>,
}

impl Meters {
    pub(crate) fn new(store: Store, clock: Clock, shared: bool) -> Self {
        Self {
            store,
            shared,
            clock,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            dirty: Mutex::default(),
            flush_due: AtomicBool::new(false),
            flushing: tokio::sync::Mutex::default(),
        }
    }

    /// Counts a request, unless the quota is used up; the answer says whether it was counted.
    pub(crate) async fn count(
        self: &Arc<Self>,
        who: Subscription<'_>,
        quota: Option<&QuotaRecord>,
    ) -> Result<bool, KvError> {
        let meter = self.meter(who.prefix());
        let now = self.clock.now();
        let day = day_of(now);
        if let Some(quota) = quota {
            self.refresh(&meter, quota.began(day), day, now).await?;
        }
        let first = {
            let mut state = meter.state();
            if quota.is_some_and(|quota| state.left(quota, day) <= 0) {
                return Ok(false);
            }
            let first = state.pending.is_empty();
            *state.pending.entry(day).or_default() += 1;
            first
        };
        if first {
            self.dirty.lock().unwrap_or_else(PoisonError::into_inner).push(meter);
            self.flush_soon();
        }
        Ok(true)
    }

    fn meter(&self, prefix: Bytes) -> Arc<Meter> {
        let place = usize::try_from(self.hasher.hash_one(&prefix) % SHARDS as u64).unwrap_or_default();
        let mut shard = self.shards[place].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.get(&prefix) {
            return Arc::clone(found);
        }
        if shard.len() >= SHARD_METERS_MAX {
            // Who else holds one counts in it now, or has it on its way to the store.
            shard.retain(|_, meter| Arc::strong_count(meter) > 1);
        }
        let meter = Arc::new(Meter { prefix: prefix.clone(), state: Mutex::default() });
        shard.insert(prefix, Arc::clone(&meter));
        meter
    }

    /// Reads the period from the store: once, and every second where other nodes count too.
    async fn refresh(&self, meter: &Meter, from: i64, to: i64, now: Timestamp) -> Result<(), KvError> {
        let fresh = |read: Option<(i64, i64, Timestamp)>| {
            read.is_some_and(|(begin, end, when)| {
                (begin, end) == (from, to) && (!self.shared || now.since(when) < FLUSH_EVERY)
            })
        };
        if fresh(meter.state().read) {
            return Ok(());
        }
        // Not while this node's own counts are on their way: they would be seen twice, or not at all.
        let _alone = self.flushing.lock().await;
        if fresh(meter.state().read) {
            return Ok(());
        }
        let stored = read(&self.store, &meter.prefix, (from, to)).await?;
        let mut state = meter.state();
        (state.stored, state.read) = (stored, Some((from, to, now)));
        Ok(())
    }

    fn flush_soon(self: &Arc<Self>) {
        if self.flush_due.swap(true, Ordering::AcqRel) {
            return;
        }
        let meters = Arc::clone(self);
        tokio::spawn(async move {
            meters.clock.sleep(FLUSH_EVERY).await;
            meters.flush_due.store(false, Ordering::Release);
            if let Err(error) = meters.flush().await {
                tracing::warn!(%error, "the usage of API keys waits for the database");
                meters.flush_soon();
            }
        });
    }

    /// Writes what was counted. After an error it is still counted here, and written the next time.
    pub(crate) async fn flush(&self) -> Result<(), KvError> {
        let _alone = self.flushing.lock().await;
        let mut dirty = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        while !dirty.is_empty() {
            let rest = dirty.split_off(dirty.len().min(BATCH_MAX));
            if let Err(error) = self.write(&dirty).await {
                let mut waiting = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.extend(dirty.into_iter().chain(rest));
                return Err(error);
            }
            dirty = rest;
        }
        Ok(())
    }

    async fn write(&self, meters: &[Arc<Meter>]) -> Result<(), KvError> {
        let mut batch = Batch::new();
        for meter in meters {
            let mut state = meter.state();
            state.writing = std::mem::take(&mut state.pending);
            for (&day, &count) in &state.writing {
                batch = batch.add(counter_key(&meter.prefix, day, USED), count);
            }
        }
        let done = self.store.commit(batch).await;
        for meter in meters {
            let mut state = meter.state();
            let written = std::mem::take(&mut state.writing);
            for (day, count) in written {
                if done.is_ok() {
                    state.stored.entry(day).or_default().used += count;
                } else {
                    *state.pending.entry(day).or_default() += count;
                }
            }
        }
        done.map(|_| ())
    }

    /// The usage from day to day, with what this node counted until now.
    pub(crate) async fn usage(
        self: &Arc<Self>,
        who: Subscription<'_>,
        days: (i64, i64),
    ) -> Result<BTreeMap<i64, DayUsage>, KvError> {
        // In a task of its own: a caller who goes away must not take counts with them that are on their way.
        let meters = Arc::clone(self);
        let flushed = tokio::spawn(async move { meters.flush().await }).await;
        flushed.map_err(|error| KvError::Unavailable(error.to_string()))??;
        read(&self.store, &who.prefix(), days).await
    }

    /// Gives more, or takes away, beyond the quota of the period that has `day`.
    pub(crate) async fn grant(&self, who: Subscription<'_>, day: i64, delta: i64) -> Result<(), KvError> {
        let prefix = who.prefix();
        self.store.commit(Batch::new().add(counter_key(&prefix, day, GRANTED), delta)).await?;
        self.meter(prefix).state().read = None;
        Ok(())
    }
}
