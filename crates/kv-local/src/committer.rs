//! The one thread that writes: takes all that waits, makes it one group with one sync, shows it, acknowledges.
//! Knows no decisions: what reaches it is settled.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kv::{KvError, Latches, Seq, Watchers};

use crate::{
    compactor::Compactor,
    options::Durability,
    queue::{Job, Queue, Row},
    rows::Rows,
    staleness::Staleness,
    syncer::Syncer,
};

/// A group beyond this is written in parts, so that its memory stays bounded.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// Full tables that may wait to be written to files. The engine itself halts at one more.
const WAITING_TABLES_MAX: usize = 3;
const WAITING_PAUSE: Duration = Duration::from_millis(2);
const WAITING_PAUSES_MAX: u32 = 500;

/// The rows of queued batches that are not visible yet, kept beside the latch of their stripe. A decision sees them,
/// a reader does not. That frees a latch as soon as its batch has a number: were it held until the sync instead, a
/// hot counter would get one update a sync (about 5,000 a second here), now all that wait share one (over 60,000).
pub(crate) type Overlay = HashMap<Bytes, Staged>;

/// A queued row; `None` is a delete.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) seq: Seq,
    pub(crate) value: Option<Bytes>,
}

/// What the committer shares with the engine in front of it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) rows: Rows,
    pub(crate) queue: Queue,
    pub(crate) latches: Latches<Overlay>,
    pub(crate) watchers: Watchers,
    /// The last commit that readers see.
    pub(crate) visible: AtomicU64,
    pub(crate) durability: Durability,
    pub(crate) syncer: Syncer,
    pub(crate) compactor: Compactor,
    pub(crate) memtable_bytes: u64,
}

/// The loop of the committer thread.
pub(crate) fn run(shared: &Arc<Shared>) {
    let _guard = PoisonOnPanic(shared);
    let mut staleness = Staleness::new(shared.memtable_bytes);
    while let Some(jobs) = shared.queue.take() {
        if commit_all(shared, jobs, &mut staleness).is_err() {
            break;
        }
    }
    shared.watchers.close();
}

/// Without it a panic of one of the threads would leave writers waiting for ever.
pub(crate) struct PoisonOnPanic<'a>(pub(crate) &'a Shared);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue.poison();
            self.0.watchers.close();
        }
    }
}

/// The store is poisoned and the thread's work is over.
struct Ended;

fn commit_all(shared: &Shared, jobs: Vec<Job>, staleness: &mut Staleness) -> Result<(), Ended> {
    let mut jobs = jobs.into_iter().peekable();
    while jobs.peek().is_some() {
        let mut part = Vec::new();
        let mut bytes = 0;
        while let Some(job) = jobs.next_if(|job| part.is_empty() || bytes + job.bytes <= GROUP_BYTES_MAX) {
            bytes += job.bytes;
            part.push(job);
        }
        if let Err(ended) = commit_part(shared, part, staleness) {
            jobs.for_each(|job| job.finish(Err(KvError::Poisoned)));
            return Err(ended);
        }
    }
    Ok(())
}

fn commit_part(shared: &Shared, jobs: Vec<Job>, staleness: &mut Staleness) -> Result<(), Ended> {
    if let Err(error) = write(shared, &jobs, staleness) {
        poison(shared, &error);
        jobs.into_iter().for_each(|job| job.finish(Err(KvError::Poisoned)));
        return Err(Ended);
    }
    if let Some(last) = jobs.last() {
        shared.visible.store(last.seq, Ordering::Release);
        // Asked after the rows are visible: who watches from here on finds them by reading.
        if !shared.watchers.is_empty() {
            let keys = jobs.iter().flat_map(|job| &job.rows).map(|row| row.key.as_ref());
            shared.watchers.wake(keys, last.seq);
        }
    }
    let mut settled = Vec::with_capacity(jobs.len());
    for mut job in jobs {
        settled.push((job.seq, std::mem::take(&mut job.rows)));
        job.finish(Ok(()));
    }
    forget(shared, settled);
    Ok(())
}

/// Writes the rows of these jobs as one group, each key with its last value.
fn write(shared: &Shared, jobs: &[Job], staleness: &mut Staleness) -> Result<(), KvError> {
    let mut newest: HashMap<&Bytes, (Seq, Option<&Bytes>)> = HashMap::with_capacity(jobs.len());
    for job in jobs {
        for row in &job.rows {
            newest.insert(&row.key, (job.seq, row.value.as_ref()));
        }
    }
    let strict = shared.durability == Durability::Strict;
    if let Some(last) = jobs.last().filter(|_| !newest.is_empty()) {
        let mut group = shared.rows.group(newest.len());
        for (key, (seq, value)) in newest {
            staleness.wrote(key, key.len() + value.map_or(0, Bytes::len));
            group.change(key.clone(), value, seq);
        }
        group.write(last.seq, strict)?;
        let bytes = jobs.iter().map(|job| job.bytes).sum();
        if !strict {
            shared.syncer.wrote(bytes);
        }
        if shared.compactor.wrote(bytes, staleness.is_high()) {
            staleness.clear();
        }
        seal_when_full(shared)?;
    }
    if !strict && jobs.iter().any(|job| job.sync) {
        shared.rows.sync()?;
        shared.syncer.synced();
    }
    Ok(())
}

/// The engine asks its worker to seal a full table, and the worker may be writing another to a file all the while: on
/// a slow disk the table would grow to half a gigabyte. And where it halts writes it looks ten times a second.
fn seal_when_full(shared: &Shared) -> Result<(), KvError> {
    if shared.rows.filling_bytes() < shared.memtable_bytes {
        return Ok(());
    }
    // Bounded: an engine whose worker has died says so at the next write.
    for _ in 0..WAITING_PAUSES_MAX {
        if shared.rows.waiting_tables() < WAITING_TABLES_MAX {
            return shared.rows.seal();
        }
        std::thread::park_timeout(WAITING_PAUSE);
    }
    Ok(())
}

/// Drops the overlay's rows that readers see now, unless a later batch staged another.
fn forget(shared: &Shared, settled: Vec<(Seq, Vec<Row>)>) {
    for (seq, rows) in settled {
        for Row { key, .. } in rows {
            shared.latches.with(&key, |overlay| {
                if overlay.get(&key).is_some_and(|staged| staged.seq == seq) {
                    overlay.remove(&key);
                }
            });
        }
    }
}

/// After this the thread that met the failure ends. What the disk holds now is not known, and a
/// second sync could claim success for pages the kernel has dropped.
pub(crate) fn poison(shared: &Shared, error: &KvError) {
    tracing::error!(%error, "a write to the data folder failed: writes are refused until the server is restarted");
    shared.queue.poison();
}
