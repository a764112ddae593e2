//! Keeps reads short: merges sorted files, and has a table of rows in memory that is mostly old versions of the same
//! rows sealed before it is full. Knows no commit and no queue.
//!
//! The storage engine has workers for merging. With two of them one busily hands its messages back to the queue for as
//! long as the other merges, with one no table is written while it merges. So the engine has one, which writes tables,
//! and is told to merge almost never (see `rows`); the merging is done here.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kv::KvError;

use crate::committer::{PoisonOnPanic, Shared, poison};

/// What is written between two looks at the files.
const LOOK_BYTES: usize = 4 << 20;
/// Until the engine's worker has written the table that is full.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two tables that are sealed early: every one is a file more to merge.
const SEAL_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(crate) struct Compactor {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug)]
struct State {
    bytes: usize,
    /// Since when the table in memory is mostly old versions.
    stale: Option<Instant>,
    /// A table was sealed, and the committer does not know yet.
    sealed: bool,
    ended: bool,
}

impl Default for State {
    fn default() -> Self {
        // The first look is at what an earlier run left.
        Self { bytes: LOOK_BYTES, stale: None, sealed: false, ended: false }
    }
}

/// What there is to do.
enum Work {
    Look,
    Seal,
    End,
}

impl Compactor {
    /// Answers whether a new table was begun since the last call.
    pub(crate) fn wrote(&self, bytes: usize, stale: bool) -> bool {
        let mut state = self.lock();
        state.bytes += bytes;
        if std::mem::take(&mut state.sealed) {
            return true;
        }
        let newly_stale = stale && state.stale.is_none();
        if newly_stale {
            state.stale = Some(Instant::now());
        } else if !stale {
            state.stale = None;
        }
        if newly_stale || state.bytes >= LOOK_BYTES {
            self.work.notify_one();
        }
        false
    }

    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.work.notify_one();
    }

    fn wait(&self) -> Work {
        let mut state = self.lock();
        loop {
            if state.ended {
                return Work::End;
            }
            let left =
                state.stale.map(|since| (since + SEAL_INTERVAL).saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                state.stale = None;
                return Work::Seal;
            }
            if state.bytes >= LOOK_BYTES {
                state.bytes = 0;
                return Work::Look;
            }
            state = match left {
                Some(left) => self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    // Nothing that can panic happens while the state is half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop of the thread. A failure loses nothing, but without merging the engine would in the end halt writes without
/// a word: they are refused instead.
pub(crate) fn run(shared: &Arc<Shared>) {
    let _guard = PoisonOnPanic(shared);
    loop {
        let done = match shared.compactor.wait() {
            Work::Look => merge(shared),
            Work::Seal => seal(shared),
            Work::End => return,
        };
        if let Err(error) = done {
            return poison(shared, &error);
        }
    }
}

/// Merges until nothing is left to merge and no table waits to be written.
fn merge(shared: &Shared) -> Result<(), KvError> {
    while !shared.compactor.lock().ended {
        if shared.rows.compact()? {
            continue;
        }
        if shared.rows.waiting_tables() == 0 {
            break;
        }
        std::thread::park_timeout(PAUSE);
    }
    Ok(())
}

/// The file that is written has each row once.
fn seal(shared: &Shared) -> Result<(), KvError> {
    if shared.rows.waiting_tables() == 0 {
        shared.rows.seal()?;
        shared.compactor.lock().sealed = true;
    }
    Ok(())
}
