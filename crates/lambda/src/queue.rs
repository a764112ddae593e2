//! The durable queue of asynchronous invocations: accepted once they are durable, run when they are due. Reads
//! ahead a little and keeps no more in memory, however many wait. Knows not how an event is run.
//!
//! Every node accepts into a slot of its own and runs what is in it; the slot of a node that has gone is taken over
//! by another one, through its lease. At least once: an event leaves the store only after its end.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::Bytes;
use ports::InvokeError;
use store::{Batch, Expect, KeyRange, KvError, Lease, Leases, ScanOptions, Store};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::Event;
use crate::keys;

/// Events run at a time; the account's concurrency is the other bound.
const RUNNING_MAX: usize = 256;
/// Events accepted by this process and not ended; further ones are throttled.
const WAITING_MAX: usize = 1_000_000;
/// Keys of due events that are held in memory; what is beyond is read when it is its turn.
const READY_MAX: usize = 1_024;
/// Rows that are gone through for somebody who only looks.
const LOOKED_AT_MAX: usize = 10_000;
/// Rows read at a time.
const PAGE: usize = 256;
/// A commit is visible so long after its event's time was taken, at the latest: rows before are not looked for again.
const COMMIT_LAG: Duration = Duration::from_secs(10);
/// How often all is looked through from the start: for what could not be ended, and for clocks that were set back.
const REVIEW: Duration = Duration::from_secs(60);
/// How often slots are looked for whose nodes have gone.
const ADOPT: Duration = Duration::from_secs(3);
/// How often a lease is asked for while nothing is due.
const LEASE_CHECK: Duration = Duration::from_secs(1);
/// Slot 0 has the events of before there were slots.
const SLOT_FIRST: u8 = 1;
const SLOT_LAST: u8 = u8::MAX - 1;

/// What becomes of an event after an attempt.
#[derive(Debug)]
pub(crate) enum Next {
    Done,
    Again(Timestamp, Event),
}

#[derive(Debug)]
pub(crate) struct Queue {
    store: Store,
    clock: Clock,
    /// Where new events go.
    home: AtomicU8,
    slots: Mutex<Vec<Arc<Slot>>>,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A part of the queue that this node serves.
#[derive(Debug)]
struct Slot {
    id: u8,
    /// None where the store has one process.
    lease: Option<Lease>,
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Debug)]
struct State {
    /// Keys of due events that wait for their turn.
    ready: VecDeque<Bytes>,
    /// Those and what runs: what a scan finds and must leave alone.
    claimed: HashSet<Bytes>,
    /// There may be due rows at the cursor and after it.
    behind: bool,
    /// Due rows may have come behind the cursor since the pass began: another one follows.
    again: bool,
    cursor: Bytes,
    /// When the next row is due that is not yet.
    next_due: Option<u64>,
    reviewed: Timestamp,
}

impl Slot {
    fn new(id: u8, lease: Option<Lease>, now: Timestamp) -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            claimed: HashSet::new(),
            behind: true,
            again: false,
            cursor: keys::queue_slot(id),
            next_due: None,
            reviewed: now,
        };
        Arc::new(Self { id, lease, state: Mutex::new(state), woken: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_held(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::is_held)
    }

    /// An event of this slot was stored.
    fn stored(&self, key: Bytes, due: Timestamp, now: Timestamp) {
        let mut state = self.state();
        if due > now {
            let due = u64::try_from(due.0).unwrap_or(0);
            state.next_due = Some(state.next_due.map_or(due, |next| next.min(due)));
        } else if state.behind || state.ready.len() >= READY_MAX {
            // Its row is found by a scan.
            state.again = state.behind;
            state.behind = true;
        } else if state.claimed.insert(key.clone()) {
            state.ready.push_back(key);
        }
        drop(state);
        self.woken.notify_one();
    }

    /// Takes in what a scan from the cursor found by `now`, which read on at `next`.
    fn found(&self, found: Vec<Bytes>, next: Option<Bytes>, now: Timestamp) {
        let now_ms = u64::try_from(now.0).unwrap_or(0);
        let mut state = self.state();
        for key in found {
            let due = keys::due_of(&key).unwrap_or(0);
            if due > now_ms {
                state.finish_pass(self.id, Some(due), now);
                return;
            }
            if state.claimed.insert(key.clone()) {
                state.ready.push_back(key);
            }
        }
        match next {
            Some(next) => state.cursor = next,
            None => state.finish_pass(self.id, None, now),
        }
    }
}

impl State {
    fn finish_pass(&mut self, slot: u8, next_due: Option<u64>, now: Timestamp) {
        let lag = i64::try_from(COMMIT_LAG.as_millis()).unwrap_or(i64::MAX);
        let seen = u64::try_from(now.0.saturating_sub(lag)).unwrap_or(0);
        self.cursor = keys::queue_due(slot, seen);
        self.behind = std::mem::take(&mut self.again);
        // What was stored since the scan began is in no scan.
        let now = u64::try_from(now.0).unwrap_or(0);
        let stored = self.next_due.filter(|due| *due > now);
        self.next_due = stored.into_iter().chain(next_due).min();
    }
}

impl Queue {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            home: AtomicU8::new(SLOT_FIRST),
            slots: Mutex::default(),
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Returns once the event is durable.
    pub(crate) async fn accept(&self, event: Event) -> Result<(), InvokeError> {
        if self.waiting.load(Ordering::Relaxed) >= WAITING_MAX {
            return Err(InvokeError::Throttled("ConcurrentInvocationLimitExceeded".to_owned()));
        }
        self.put(&event, self.clock.now(), Batch::new()).await.map_err(|error| {
            tracing::error!(%error, "an event could not be stored");
            InvokeError::Internal("the event could not be stored".to_owned())
        })?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Stores the event with whatever else is in `batch`.
    pub(crate) async fn put(&self, event: &Event, due: Timestamp, batch: Batch) -> Result<(), KvError> {
        let home = self.home.load(Ordering::Acquire);
        let prefix = keys::queue_due(home, u64::try_from(due.0).unwrap_or(0));
        let value = minicbor::to_vec(event).expect("writing to a Vec does not fail");
        let seq = self.store.commit(batch.append(prefix.clone(), Bytes::new(), value)).await?;
        let slot = self.slots().iter().find(|slot| slot.id == home).cloned();
        if let Some(slot) = slot {
            slot.stored([&prefix[..], &seq.to_be_bytes()].concat().into(), due, self.clock.now());
        }
        Ok(())
    }

    /// Runs events as they become due, until `stop`.
    pub(crate) async fn work<R, F>(self: Arc<Self>, stop: CancellationToken, tasks: TaskTracker, run: R)
    where
        R: Fn(Event) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Next> + Send,
    {
        let leases = if self.store.is_shared() {
            match Leases::open(self.store.clone(), keys::queue_leases(), true).await {
                Ok(leases) => Some(leases),
                Err(error) => return tracing::error!(%error, "asynchronous events are not run"),
            }
        } else {
            None
        };
        let worker = Worker { queue: self, leases, stop, tasks, run };
        tokio::join!(worker.keep_home(), worker.adopt());
    }

    /// Slots that have rows.
    async fn used(&self) -> Result<Vec<u8>, KvError> {
        let mut used = Vec::new();
        let mut range = KeyRange::prefix(keys::queue());
        loop {
            let options = ScanOptions { limit: 1, ..ScanOptions::default() };
            let page = self.store.scan(range.clone(), options).await?;
            match page.entries.first() {
                Some((key, _)) => {
                    let slot = key.get(1).copied().unwrap_or(0);
                    used.push(slot);
                    range = range.resume(KeyRange::prefix(keys::queue_slot(slot)).end, false);
                }
                None => match page.next {
                    Some(next) => range = range.resume(next, false),
                    None => return Ok(used),
                },
            }
            if range.is_empty() {
                return Ok(used);
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What serves the queue.
struct Worker<R> {
    queue: Arc<Queue>,
    leases: Option<Leases>,
    stop: CancellationToken,
    tasks: TaskTracker,
    run: R,
}

impl<R, F> Worker<R>
where
    R: Fn(Event) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Next> + Send,
{
    /// Holds a slot for what this node accepts, and another one when it has lost that.
    async fn keep_home(&self) {
        while !self.stop.is_cancelled() {
            match self.take_home().await {
                Ok(Some((id, lease))) => {
                    self.queue.home.store(id, Ordering::Release);
                    self.serve(Slot::new(id, lease, self.queue.clock.now()), false).await;
                    continue;
                }
                Ok(None) => tracing::error!("no slot of the asynchronous queue is free"),
                Err(error) => tracing::warn!(%error, "the asynchronous queue cannot be served now"),
            }
            self.pause(ADOPT).await;
        }
    }

    async fn take_home(&self) -> Result<Option<(u8, Option<Lease>)>, KvError> {
        let Some(leases) = &self.leases else { return Ok(Some((SLOT_FIRST, None))) };
        for id in SLOT_FIRST..=SLOT_LAST {
            if let Some(lease) = leases.try_take(&[id]).await? {
                return Ok(Some((id, Some(lease))));
            }
        }
        Ok(None)
    }

    /// Serves the slots of nodes that have gone until nothing is left in them.
    async fn adopt(&self) {
        let watched = Arc::new(Mutex::new(HashSet::new()));
        let mut adopted = futures_util::stream::FuturesUnordered::new();
        loop {
            if !self.stop.is_cancelled() {
                for id in self.queue.used().await.unwrap_or_default() {
                    let is_mine = self.queue.slots().iter().any(|slot| slot.id == id)
                        || self.queue.home.load(Ordering::Acquire) == id;
                    let new = || watched.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                    if !is_mine && new() {
                        adopted.push(self.adopt_one(id, watched.clone()));
                    }
                }
            }
            if self.stop.is_cancelled() || (self.leases.is_none() && adopted.is_empty()) {
                while futures_util::StreamExt::next(&mut adopted).await.is_some() {}
                return;
            }
            tokio::select! {
                _ = futures_util::StreamExt::next(&mut adopted), if !adopted.is_empty() => {}
                () = self.pause(ADOPT) => {}
            }
        }
    }

    async fn adopt_one(&self, id: u8, watched: Arc<Mutex<HashSet<u8>>>) {
        let name = [id];
        let lease = match &self.leases {
            None => Some(None),
            Some(leases) => tokio::select! {
                lease = leases.take(&name) => lease.ok().map(Some),
                () = self.stop.cancelled() => None,
            },
        };
        if let Some(lease) = lease {
            self.serve(Slot::new(id, lease, self.queue.clock.now()), true).await;
        }
        watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    async fn serve(&self, slot: Arc<Slot>, until_empty: bool) {
        self.queue.slots().push(slot.clone());
        self.serve_held(&slot, until_empty).await;
        self.queue.slots().retain(|other| !Arc::ptr_eq(other, &slot));
        // What still runs keeps the lease: nobody runs it a second time meanwhile.
        if let Some(slot) = Arc::into_inner(slot)
            && let Some(lease) = slot.lease
            && let Err(error) = lease.release().await
        {
            tracing::debug!(%error, "the lease of a queue runs out by itself");
        }
    }

    async fn serve_held(&self, slot: &Arc<Slot>, until_empty: bool) {
        while !self.stop.is_cancelled() && slot.is_held() {
            let permit = tokio::select! {
                () = self.stop.cancelled() => return,
                permit = self.queue.running.clone().acquire_owned() => permit,
            };
            let Ok(permit) = permit else { return };
            let next = slot.state().ready.pop_front();
            let Some(key) = next else {
                drop(permit);
                match self.read_on(slot).await {
                    Ok(true) => {}
                    Ok(false) if until_empty && self.is_empty(slot).await => return,
                    Ok(false) => self.wait(slot).await,
                    Err(error) => {
                        tracing::warn!(%error, "queued events cannot be read now");
                        self.pause(LEASE_CHECK).await;
                    }
                }
                continue;
            };
            let (queue, slot, run) = (self.queue.clone(), slot.clone(), self.run.clone());
            self.tasks.spawn(async move {
                queue.attempt(&key, run).await;
                slot.state().claimed.remove(&key);
                // Who waits for an empty slot looks again.
                slot.woken.notify_one();
                drop(permit);
            });
        }
    }

    /// Reads what is due, if there may be something. `false`: nothing was.
    async fn read_on(&self, slot: &Slot) -> Result<bool, KvError> {
        let now = self.queue.clock.now();
        let start = {
            let mut state = slot.state();
            if now.since(state.reviewed) >= REVIEW {
                state.reviewed = now;
                state.behind = true;
                state.cursor = keys::queue_slot(slot.id);
            }
            let due = state.next_due.is_some_and(|due| due <= u64::try_from(now.0).unwrap_or(0));
            if !state.behind && !due {
                return Ok(false);
            }
            state.behind = true;
            state.cursor.clone()
        };
        let range = KeyRange::new(start, KeyRange::prefix(keys::queue_slot(slot.id)).end);
        let page =
            self.queue.store.scan(range, ScanOptions { limit: PAGE, ..ScanOptions::default() }).await?;
        slot.found(page.entries.into_iter().map(|(key, _)| key).collect(), page.next, now);
        Ok(true)
    }

    async fn is_empty(&self, slot: &Slot) -> bool {
        if !slot.state().claimed.is_empty() {
            return false;
        }
        let range = KeyRange::prefix(keys::queue_slot(slot.id));
        let page = self.queue.store.scan(range, ScanOptions { limit: 1, ..ScanOptions::default() }).await;
        page.is_ok_and(|page| page.entries.is_empty() && page.next.is_none())
    }

    async fn wait(&self, slot: &Slot) {
        let (review, next) = {
            let state = slot.state();
            (state.reviewed.plus(REVIEW), state.next_due.and_then(|due| i64::try_from(due).ok()))
        };
        let due = Timestamp(next.unwrap_or(i64::MAX)).min(review);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = slot.woken.notified() => {}
            () = self.queue.clock.sleep_until(due) => {}
            () = tokio::time::sleep(LEASE_CHECK), if slot.lease.is_some() => {}
        }
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Queue {
    /// Events that wait for an attempt, and when that is due: those that `wants`, at most `limit`.
    pub(crate) async fn waiting(
        &self,
        limit: usize,
        wants: impl Fn(&Event) -> bool,
    ) -> Result<Vec<(Timestamp, Event)>, KvError> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        let mut range = KeyRange::prefix(keys::queue());
        loop {
            let options = ScanOptions { limit: PAGE, ..ScanOptions::default() };
            let page = self.store.scan(range.clone(), options).await?;
            looked_at += page.entries.len();
            for (key, value) in page.entries {
                let due = keys::due_of(&key).and_then(|due| i64::try_from(due).ok());
                let event = minicbor::decode::<Event>(&value).ok();
                if let (Some(due), Some(event)) = (due, event.filter(|event| wants(event))) {
                    found.push((Timestamp(due), event));
                }
                if found.len() == limit {
                    return Ok(found);
                }
            }
            match page.next {
                Some(next) if looked_at < LOOKED_AT_MAX => range = range.resume(next, false),
                _ => return Ok(found),
            }
        }
    }

    async fn attempt<R, F>(&self, key: &Bytes, run: R)
    where
        R: Fn(Event) -> F,
        F: Future<Output = Next>,
    {
        let entry = match self.store.get(key).await {
            Ok(Some(entry)) => entry,
            // It had its end already.
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "a queued event could not be read; it waits for the next look at the queue");
                return;
            }
        };
        let next = match minicbor::decode::<Event>(&entry.value) {
            Ok(event) => run(event).await,
            Err(error) => {
                tracing::error!(%error, "a queued event cannot be understood, and is dropped");
                Next::Done
            }
        };
        // Whoever took the slot over may have ended it.
        let done = Batch::new().expect(key.clone(), Expect::Version(entry.version)).delete(key.clone());
        let stored = match next {
            Next::Again(due, event) => self.put(&event, due, done).await,
            Next::Done => {
                // One that an earlier process accepted was never counted.
                let less = |count: usize| count.checked_sub(1);
                _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
                self.store.commit(done).await.map(drop)
            }
        };
        match stored {
            Ok(()) | Err(KvError::Conflict(_)) => {}
            Err(error) => tracing::error!(%error, "an event's end could not be stored; it runs again"),
        }
    }
}
