//! What is left to do after a table has changed: filling and deleting indexes, closing streams, filling and clearing the
//! queue of expiring items, deleting tables. The table's record says what that is, so that whoever comes to it after a
//! crash, here or on another node, goes on. Knows no request.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base::{Clock, Scope};
use bytes::Bytes;
use store::{Batch, KeyRange, KvError, Lease, Leases, Store};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use crate::catalogue::{Catalogue, Decision, put_stream};
use crate::error::{Error, Result};
use crate::table::{ExpiryPhase, Index, IndexPhase, Stream, Table, TablePhase};
use crate::{build, expiry, job, layout, streams};

/// The work of one node on all tables.
#[derive(Debug)]
pub(crate) struct Upkeep {
    store: Store,
    clock: Clock,
    catalogue: Arc<Catalogue>,
    /// None: no other node does the same.
    leases: Option<Leases>,
    /// By table: who works holds the lock.
    turns: Mutex<HashMap<u32, Weak<tokio::sync::Mutex<()>>>>,
    /// The tables for which a task was started because they were seen with work undone.
    seen: Mutex<HashSet<u32>>,
    /// Tasks of this process.
    running: watch::Sender<usize>,
}

/// The right of one node to work on a table.
#[derive(Debug)]
pub(crate) struct Turn {
    lease: Option<Lease>,
}

/// Follows the changes of other nodes until it is dropped.
#[derive(Debug)]
pub(crate) struct Following(AbortHandle);

/// The next thing to do for a table.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    CloseStream,
    DeleteTable,
    AllocateIndex(u8),
    FillIndex(u8),
    DeleteIndex(u8),
    ChangeExpiry,
}

/// How long a request waits for what follows its change: that of a small table is ready when the caller reads on, also
/// where the leases of other nodes have to run out first.
const REQUEST_WAIT: Duration = Duration::from_millis(1_500);
/// After the store could not be reached, or the lease was lost.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Between two looks at the catalogue, if nothing wakes the node earlier. Well below [`crate::hold::LEASE`].
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Upkeep {
    pub(crate) async fn new(store: Store, clock: Clock, catalogue: Arc<Catalogue>) -> Result<Arc<Self>> {
        let leases = match catalogue.is_shared() {
            true => Some(Leases::open(store.clone(), layout::leases(), true).await?),
            false => None,
        };
        let (turns, seen, running) = (Mutex::default(), Mutex::default(), watch::channel(0).0);
        Ok(Arc::new(Self { store, clock, catalogue, leases, turns, seen, running }))
    }

    /// Does what `table`, which was just changed, needs, and waits for a moment until it is done.
    pub(crate) async fn tend(self: &Arc<Self>, table: &Table) {
        if Step::of(table).is_none() {
            return;
        }
        let task = self.start(table);
        // The task goes on when the wait ends.
        if tokio::time::timeout(REQUEST_WAIT, task).await.is_err() {
            tracing::debug!(table = table.name, "a change of a table goes on behind the request");
        }
    }

    /// Starts what is left to do for any table and for which no task was started.
    pub(crate) fn tend_all(self: &Arc<Self>) {
        for table in self.catalogue.all() {
            if Step::of(&table).is_some() && lock(&self.seen).insert(table.id) {
                self.start(&table);
            }
        }
    }

    fn start(self: &Arc<Self>, table: &Table) -> JoinHandle<()> {
        let upkeep = self.clone();
        self.running.send_modify(|running| *running += 1);
        let (scope, name, id) = (table.scope.clone(), table.name.clone(), table.id);
        tokio::spawn(async move {
            while let Err(error) = upkeep.finish(&scope, &name, id).await {
                match &error {
                    Error::Outdated | Error::Store(KvError::Unavailable(_) | KvError::Contended) => {
                        tracing::debug!(%error, table = name, "a change of a table waits");
                        tokio::time::sleep(RETRY_AFTER).await;
                    }
                    _ => {
                        tracing::error!(%error, table = name, "a change of a table was not completed");
                        break;
                    }
                }
            }
            lock(&upkeep.seen).remove(&id);
            upkeep.running.send_modify(|running| *running -= 1);
        })
    }

    /// Returns when this process does nothing for any table.
    pub(crate) async fn quiet(&self) {
        let mut running = self.running.subscribe();
        // The sender is in `self`.
        _ = running.wait_for(|running| *running == 0).await;
    }

    /// Takes the steps that the table needs, one after another.
    async fn finish(&self, scope: &Scope, name: &str, id: u32) -> Result<()> {
        let local = self.local_turn(id);
        let _local = local.lock().await;
        let lease = match &self.leases {
            Some(leases) => Some(leases.take(&id.to_be_bytes()).await?),
            None => None,
        };
        let turn = Turn { lease };
        loop {
            let table = self.catalogue.fresh(scope, name).await?.filter(|table| table.id == id);
            let Some((table, step)) = table.and_then(|table| Some((Table::clone(&table), Step::of(&table)?)))
            else {
                break;
            };
            turn.check()?;
            self.take(step, table, &turn).await?;
        }
        match turn.lease {
            Some(lease) => Ok(lease.release().await?),
            None => Ok(()),
        }
    }

    fn local_turn(&self, id: u32) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.turns);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&id).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(id, Arc::downgrade(&turn));
        turn
    }

    async fn take(&self, step: Step, table: Table, turn: &Turn) -> Result<()> {
        if !matches!(step, Step::FillIndex(_)) {
            self.catalogue.quiesce(table.id).await?;
        }
        match step {
            Step::CloseStream => self.close_stream(&table).await,
            Step::DeleteTable => {
                self.erase(&table).await?;
                self.change(&table, |_| Ok(Decision::goes())).await
            }
            Step::AllocateIndex(number) => {
                self.change_index(&table, number, |index| index.phase = None).await
            }
            Step::FillIndex(number) => {
                build::fill(&self.store, &self.catalogue, &table, number, turn).await?;
                self.change_index(&table, number, |index| index.building = false).await
            }
            Step::DeleteIndex(number) => {
                let entries = KeyRange::prefix(layout::space(table.id, number));
                self.store.delete_range(entries).await?;
                self.drop_index(&table, number).await
            }
            Step::ChangeExpiry => {
                expiry::follow(&self.store, &self.catalogue, &table, self.clock.now()).await
            }
        }
    }

    /// Deletes everything that belongs to a table to which nobody writes any more, but for its streams.
    pub(crate) async fn erase(&self, table: &Table) -> Result<()> {
        // Jobs that still read it delete what they read when they have ended.
        if !job::held(&self.store).await?.contains(&table.id) {
            self.store.delete_range(KeyRange::prefix(layout::everything(table.id))).await?;
            self.store.delete_range(KeyRange::prefix(layout::history(table.id))).await?;
        }
        self.store.delete_range(KeyRange::prefix(layout::collections(Some(table.id)))).await?;
        if table.expiry.is_some() {
            expiry::clear(&self.store, table.id).await?;
        }
        Ok(())
    }

    async fn close_stream(&self, table: &Table) -> Result<()> {
        let Some(stream) = &table.stream else { return Ok(()) };
        let closed = streams::closed(&self.store, stream).await?;
        self.change(table, |found| {
            if found.stream.as_ref() != Some(stream) {
                return Ok(Decision::stays());
            }
            let batch = put_stream(Batch::new(), &found.scope, &closed);
            Ok(Decision::becomes(Table { stream: Some(closed.clone()), ..found.clone() }).with(batch))
        })
        .await
    }

    async fn change_index(
        &self,
        table: &Table,
        number: u8,
        change: impl Fn(&mut Index) + Send + Sync,
    ) -> Result<()> {
        self.change(table, |found| {
            let mut found = found.clone();
            // One that is to be deleted meanwhile is left to that.
            let wanted = |index: &&mut Index| index.number == number && !index.is_deleting();
            match found.indexes.iter_mut().find(wanted) {
                Some(index) => change(index),
                None => return Ok(Decision::stays()),
            }
            Ok(Decision::becomes(found))
        })
        .await
    }

    async fn drop_index(&self, table: &Table, number: u8) -> Result<()> {
        self.change(table, |found| {
            let mut found = found.clone();
            found.indexes.retain(|index| index.number != number);
            found.drop_unused_attributes();
            Ok(Decision::becomes(found))
        })
        .await
    }

    /// Changes the table's record, if it still is this table's.
    async fn change(
        &self,
        table: &Table,
        change: impl Fn(&Table) -> Result<Decision> + Send + Sync,
    ) -> Result<()> {
        let decide = |found: Option<&Table>| match found.filter(|found| found.id == table.id) {
            Some(found) => change(found),
            None => Ok(Decision::stays()),
        };
        self.catalogue.alter(&table.scope, &table.name, decide).await
    }

    /// Keeps the catalogue of this node valid and goes on with what others left, until the answer is dropped.
    pub(crate) fn follow(self: &Arc<Self>) -> Following {
        let upkeep = Arc::downgrade(self);
        let shared = self.catalogue.is_shared();
        let interrupted = self.catalogue.interrupted();
        let mut epoch = self.store.watch(layout::epoch());
        let task = tokio::spawn(async move {
            let mut reachable = true;
            loop {
                tokio::select! {
                    () = interrupted.notified() => {}
                    _ = tokio::time::sleep(LOOK_EVERY), if shared => {}
                    // The store is closed: nothing changes any more.
                    changed = epoch.changed(), if shared => if changed.is_err() { return },
                }
                let Some(upkeep) = upkeep.upgrade() else { return };
                let looked = upkeep.catalogue.catch_up().await;
                upkeep.tend_all();
                match (&looked, reachable) {
                    // The engine has said so.
                    (Err(Error::Store(KvError::Unavailable(_))), _) => {}
                    (Err(error), true) => {
                        tracing::warn!(%error, "the tables of the store cannot be looked up")
                    }
                    (Ok(()), false) => tracing::debug!("the tables of the store can be looked up again"),
                    _ => {}
                }
                reachable = looked.is_ok();
                if !reachable {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        });
        Following(task.abort_handle())
    }
}

impl Step {
    fn of(table: &Table) -> Option<Self> {
        let unclosed = |stream: &Stream| stream.disabled_ms.is_some() && stream.last_seq.is_none();
        if table.stream.as_ref().is_some_and(unclosed) {
            return Some(Self::CloseStream);
        }
        if table.phase == Some(TablePhase::Deleting) {
            return Some(Self::DeleteTable);
        }
        let of_index = |index: &Index| match (index.phase, index.building) {
            (Some(IndexPhase::Deleting), _) => Some(Self::DeleteIndex(index.number)),
            (Some(IndexPhase::Allocating), _) => Some(Self::AllocateIndex(index.number)),
            (None, true) => Some(Self::FillIndex(index.number)),
            (None, false) => None,
        };
        let expiry = table.expiry.as_ref().filter(|expiry| expiry.phase != ExpiryPhase::Enabled);
        table.indexes.iter().find_map(of_index).or_else(|| expiry.map(|_| Self::ChangeExpiry))
    }
}

impl Turn {
    /// How far this work had come when its last node lost it.
    pub(crate) fn progress(&self) -> Bytes {
        self.lease.as_ref().map(Lease::progress).unwrap_or_default()
    }

    pub(crate) async fn note(&self, progress: Bytes) -> Result<()> {
        match &self.lease {
            Some(lease) if !lease.note(progress).await? => Err(Error::Outdated),
            _ => Ok(()),
        }
    }

    /// Refuses to go on when another node may have taken over.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.lease {
            Some(lease) if !lease.is_held() => Err(Error::Outdated),
            _ => Ok(()),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
