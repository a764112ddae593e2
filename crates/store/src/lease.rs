//! Work that one node at a time does: a lease is a row that its holder writes again and again, and whose silence lets
//! another take it. Nobody's clock is compared with another's. Knows nothing of the work.
//!
//! A holder that stands still (a paused machine) may go on for a moment after another took over, so the work must
//! bear to be done twice, or its commits are guarded with [`Lease::guard`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::task::AbortHandle;

use crate::{Batch, Entry, Expect, KvError, Seq, Store};

/// After so long without a sign its holder is taken for dead.
pub const LEASE_SILENCE: Duration = Duration::from_secs(6);

/// The leases below one prefix of keys.
#[derive(Debug, Clone)]
pub struct Leases {
    store: Store,
    prefix: Bytes,
    silence: Duration,
    /// Rows of the commits up to this one were left by a process that has ended.
    dead: Seq,
}

/// The right to do a work, until it is released, lost or dropped. Renewed behind its holder.
#[derive(Debug)]
pub struct Lease {
    row: Arc<Row>,
    renewal: AbortHandle,
}

#[derive(Debug)]
struct Row {
    store: Store,
    key: Bytes,
    silence: Duration,
    /// Held while the row is written.
    writing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
struct State {
    version: Seq,
    progress: Bytes,
    /// Begin of the last write that succeeded.
    written: Instant,
    lost: bool,
}

impl Leases {
    /// A store that is not shared has one process, so what an earlier one held is free at once.
    pub async fn open(store: Store, prefix: impl Into<Bytes>, shared: bool) -> Result<Self, KvError> {
        let dead = if shared { 0 } else { store.safe_seq().await? };
        Ok(Self { store, prefix: prefix.into(), silence: LEASE_SILENCE, dead })
    }

    /// Another silence than [`LEASE_SILENCE`]; the same on all nodes.
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// Waits until nobody holds the work `name`, and takes it. Safe to cancel.
    pub async fn take(&self, name: &[u8]) -> Result<Lease, KvError> {
        let mut seen: Option<(Seq, Instant)> = None;
        let mut row = self.store.watch(self.key(name));
        loop {
            let held = match self.attempt(name, seen).await? {
                Ok(lease) => return Ok(lease),
                Err(held) => held,
            };
            if seen.is_none_or(|(version, _)| version != held) {
                seen = Some((held, Instant::now()));
            }
            tokio::select! {
                () = tokio::time::sleep(self.silence / 6) => {}
                changed = row.changed() => {
                    changed?;
                }
            }
        }
    }

    /// Takes the work `name` if it is free now.
    pub async fn try_take(&self, name: &[u8]) -> Result<Option<Lease>, KvError> {
        Ok(self.attempt(name, None).await?.ok())
    }

    /// The lease, or the version of the row that somebody else holds; `seen` is one that the caller has seen, and when.
    async fn attempt(
        &self,
        name: &[u8],
        seen: Option<(Seq, Instant)>,
    ) -> Result<Result<Lease, Seq>, KvError> {
        let key = self.key(name);
        let row = self.store.get(&key).await?;
        let silent = |entry: &Entry| {
            entry.version <= self.dead
                || seen.is_some_and(|(seen, at)| seen == entry.version && at.elapsed() >= self.silence)
        };
        let (expect, progress) = match row {
            None => (Expect::Absent, Bytes::new()),
            Some(entry) if silent(&entry) => (Expect::Version(entry.version), entry.value),
            Some(entry) => return Ok(Err(entry.version)),
        };
        let written = Instant::now();
        let batch = Batch::new().expect(key.clone(), expect).put(key.clone(), progress.clone());
        let version = match self.store.commit(batch).await {
            Ok(version) => version,
            Err(KvError::Conflict(_)) => return Ok(Err(0)),
            Err(error) => return Err(error),
        };
        let state = Mutex::new(State { version, progress, written, lost: false });
        let (store, silence) = (self.store.clone(), self.silence);
        let row = Arc::new(Row { store, key, silence, writing: tokio::sync::Mutex::default(), state });
        let renewal = tokio::spawn(renew(row.clone())).abort_handle();
        Ok(Ok(Lease { row, renewal }))
    }

    fn key(&self, name: &[u8]) -> Bytes {
        let mut key = BytesMut::with_capacity(self.prefix.len() + name.len());
        key.put_slice(&self.prefix);
        key.put_slice(name);
        key.freeze()
    }
}

impl Lease {
    /// What the holder before this one, or this one, noted last.
    pub fn progress(&self) -> Bytes {
        self.row.state().progress.clone()
    }

    /// Keeps how far the work is, for whoever takes it over. `false`: the lease is lost, stop.
    pub async fn note(&self, progress: impl Into<Bytes>) -> Result<bool, KvError> {
        self.row.write(Some(progress.into())).await
    }

    /// Whether the work may go on. Ask before each step.
    pub fn is_held(&self) -> bool {
        let state = self.row.state();
        // A successor waits for the whole silence, and only from when it saw the row.
        !state.lost && state.written.elapsed() < self.row.silence * 2 / 3
    }

    /// `batch`, which then commits only while nobody else has taken the work. Renewals wait for it no longer than
    /// the silence allows, so a conflict may also mean a renewal: ask [`Self::is_held`] and try again.
    #[must_use]
    pub fn guard(&self, batch: Batch) -> Batch {
        batch.expect(self.row.key.clone(), Expect::Version(self.row.state().version))
    }

    /// The work is done or given up: the next may take it at once, and finds no progress.
    pub async fn release(self) -> Result<(), KvError> {
        let _writing = self.row.writing.lock().await;
        // Now, when it writes nothing.
        self.renewal.abort();
        let version = self.row.state().version;
        let batch = Batch::new().expect(self.row.key.clone(), Expect::Version(version));
        match self.row.store.commit(batch.delete(self.row.key.clone())).await {
            Ok(_) | Err(KvError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Row {
    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes the row again, if it still is this holder's.
    async fn write(&self, progress: Option<Bytes>) -> Result<bool, KvError> {
        let _writing = self.writing.lock().await;
        let State { version, progress: before, lost, .. } = self.state();
        if lost {
            return Ok(false);
        }
        let progress = progress.unwrap_or(before);
        let written = Instant::now();
        let batch = Batch::new().expect(self.key.clone(), Expect::Version(version));
        match self.store.commit(batch.put(self.key.clone(), progress.clone())).await {
            Ok(version) => {
                self.change(|state| *state = State { version, progress, written, lost: false });
                Ok(true)
            }
            Err(KvError::Conflict(_)) => {
                self.change(|state| state.lost = true);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

async fn renew(row: Arc<Row>) {
    loop {
        tokio::time::sleep(row.silence / 6).await;
        match row.write(None).await {
            Ok(true) => {}
            Ok(false) => return,
            // The database may come back in time; [`Lease::is_held`] says whether it did.
            Err(error) => tracing::debug!(%error, "a lease could not be renewed"),
        }
    }
}
