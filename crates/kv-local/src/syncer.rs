//! With relaxed durability: syncs the journal beside the committer, so that no write waits for the disk. Knows of the
//! storage engine only where its journals are.
//!
//! The engine itself syncs the journal under its lock when it seals a table. What is left to sync then is little,
//! because this thread goes on all the time; a journal with a tenth of a second of writes would stop all writers for
//! as long.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kv::KvError;

use crate::committer::{PoisonOnPanic, Shared, poison};

/// How much time a power loss may take back.
const SYNC_INTERVAL: Duration = Duration::from_millis(100);
/// Written bytes that are synced before their time.
const SYNC_BYTES: usize = 4 << 20;
const JOURNAL_SUFFIX: &str = "jnl";

/// What is written and not synced.
#[derive(Debug, Default)]
pub(crate) struct Syncer {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    /// When the first of them must be synced; none if there are none.
    due: Option<Instant>,
    ended: bool,
}

impl Syncer {
    pub(crate) fn wrote(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes += bytes;
        if state.due.is_none() {
            state.due = Some(Instant::now() + SYNC_INTERVAL);
            self.work.notify_one();
        } else if state.bytes >= SYNC_BYTES {
            self.work.notify_one();
        }
    }

    /// All that was written before is synced by somebody else.
    pub(crate) fn synced(&self) {
        let mut state = self.lock();
        (state.bytes, state.due) = (0, None);
    }

    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.work.notify_one();
    }

    /// Waits until a sync is due; false at the end.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.ended {
                return false;
            }
            let left = state.due.map(|due| due.saturating_duration_since(Instant::now()));
            if state.bytes >= SYNC_BYTES || left == Some(Duration::ZERO) {
                (state.bytes, state.due) = (0, None);
                return true;
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

/// The loop of the thread.
pub(crate) fn run(shared: &Arc<Shared>, folder: &Path) {
    let _guard = PoisonOnPanic(shared);
    let mut journal = None;
    while shared.syncer.wait() {
        if let Err(error) = sync_newest(folder, &mut journal) {
            poison(shared, &KvError::io(format!("cannot sync the journal in {}", folder.display()))(error));
            return;
        }
    }
}

/// Syncs the newest journal. The engine syncs a journal before it begins another, so the older ones are synced. The
/// file is kept open: an error of the kernel's writing is told to who had it open then.
fn sync_newest(folder: &Path, journal: &mut Option<(u64, File)>) -> io::Result<()> {
    let Some((number, path)) = newest(folder)? else { return Ok(()) };
    let file = match journal.take() {
        Some((open, file)) if open == number => file,
        _ => match File::open(&path) {
            // Sealed, flushed and removed in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        },
    };
    file.sync_data()?;
    *journal = Some((number, file));
    Ok(())
}

fn newest(folder: &Path) -> io::Result<Option<(u64, PathBuf)>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|suffix| suffix != JOURNAL_SUFFIX) {
            continue;
        }
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        newest = newest.max(number.map(|number| (number, path)));
    }
    Ok(newest)
}
