//! The one thread that writes: takes all that waits, makes it one group with one sync, shows it, acknowledges.
//! Knows no decisions: what reaches it is settled.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use kv::{KvError, Latches, Seq, Watchers};

use crate::{
    options::Durability,
    queue::{Job, Queue, Row, Work},
    rows::Rows,
};

/// With relaxed durability: how much time a power loss may take back.
const SYNC_INTERVAL: Duration = Duration::from_millis(100);
/// A group beyond this is written in parts, so that its memory stays bounded.
const GROUP_BYTES_MAX: usize = 16 << 20;

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
}

/// The loop of the committer thread.
pub(crate) fn run(shared: Arc<Shared>) {
    let _guard = PoisonOnPanic(&shared);
    // When a sync is due, if something is written and not synced.
    let mut due: Option<Instant> = None;
    loop {
        let ended = match shared.queue.take(due) {
            Work::Jobs(jobs) => commit_all(&shared, jobs, &mut due),
            Work::Deadline => sync(&shared, &mut due),
            Work::Closed => {
                let _ = sync(&shared, &mut due);
                break;
            }
        };
        let overdue = due.is_some_and(|due| due <= Instant::now());
        if ended.is_err() || (overdue && sync(&shared, &mut due).is_err()) {
            break;
        }
    }
    shared.watchers.close();
}

/// Without it a panic here would leave writers waiting for ever.
struct PoisonOnPanic<'a>(&'a Shared);

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

fn commit_all(shared: &Shared, jobs: Vec<Job>, due: &mut Option<Instant>) -> Result<(), Ended> {
    let mut jobs = jobs.into_iter().peekable();
    while jobs.peek().is_some() {
        let mut part = Vec::new();
        let mut bytes = 0;
        while let Some(job) = jobs.next_if(|job| part.is_empty() || bytes + job.bytes <= GROUP_BYTES_MAX) {
            bytes += job.bytes;
            part.push(job);
        }
        if let Err(ended) = commit_part(shared, part, due) {
            jobs.for_each(|job| job.finish(Err(KvError::Poisoned)));
            return Err(ended);
        }
    }
    Ok(())
}

fn commit_part(shared: &Shared, jobs: Vec<Job>, due: &mut Option<Instant>) -> Result<(), Ended> {
    if let Err(error) = write(shared, &jobs, due) {
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
fn write(shared: &Shared, jobs: &[Job], due: &mut Option<Instant>) -> Result<(), KvError> {
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
            group.change(key.clone(), value, seq);
        }
        group.write(last.seq, strict)?;
        if !strict {
            due.get_or_insert_with(|| Instant::now() + SYNC_INTERVAL);
        }
    }
    if due.is_some() && jobs.iter().any(|job| job.sync) {
        shared.rows.sync()?;
        *due = None;
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

fn sync(shared: &Shared, due: &mut Option<Instant>) -> Result<(), Ended> {
    if due.take().is_none() {
        return Ok(());
    }
    shared.rows.sync().map_err(|error| {
        poison(shared, &error);
        Ended
    })
}

/// Said once: after this the thread ends and nothing else can fail. What the disk holds now is not known, and a
/// second sync could claim success for pages the kernel has dropped.
fn poison(shared: &Shared, error: &KvError) {
    tracing::error!(%error, "a write to the data folder failed: writes are refused until the server is restarted");
    shared.queue.poison();
}
