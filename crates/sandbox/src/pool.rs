//! Processes that wait for a function: how many of each kind are kept, and when one may be started. Knows not how a
//! process is made, and no function.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::interpreter::{Family, Interpreter};
use crate::process::Process;

/// Starting a process costs tens of milliseconds of processor time, which functions that have just been started shall
/// not have to share: it is begun when for so long nobody has asked for one.
const QUIET: Duration = Duration::from_millis(30);

/// For so long a pool keeps the size to which demand has brought it.
const GROWN_FOR: Duration = Duration::from_secs(60);

/// For so long processes with the SDK loaded are kept though no function takes them: they are large.
const PRELOADED_FOR: Duration = Duration::from_secs(900);

/// What all that waits may take, by [`Kind::mib`].
const WAITING_MIB_MAX: usize = 256;

/// What processes of one pool have in common. Runtimes whose names differ may share an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) interpreter: Arc<Interpreter>,
    /// The AWS SDK is loaded already.
    pub(crate) preloaded: bool,
}

impl Kind {
    /// Only for these two there is an SDK to load.
    pub(crate) fn new(interpreter: Arc<Interpreter>, uses_sdk: bool) -> Self {
        let preloaded = uses_sdk && matches!(interpreter.family, Family::Node | Family::Python);
        Self { interpreter, preloaded }
    }

    /// About the memory of one process that waits, its share of what it has in common with others (PSS).
    fn mib(&self) -> usize {
        match (self.interpreter.family, self.preloaded) {
            (Family::Python | Family::Ruby, false) => 8,
            (Family::Java, false) => 32,
            (_, false) => 12,
            (Family::Python, true) => 40,
            (_, true) => 24,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Pools {
    /// Kept of each kind whatever the demand; 0: nothing is kept at all.
    size: usize,
    state: Mutex<State>,
    /// Interpreters that may be starting at a time, in the order in which they were asked for: a burst of first
    /// invocations is answered one after another instead of all at its end.
    starts: Arc<Semaphore>,
    /// Somebody has asked for a process.
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    kinds: HashMap<Kind, Pool>,
    stopped: bool,
}

/// Processes of one kind.
#[derive(Debug)]
struct Pool {
    ready: VecDeque<Process>,
    wanted: usize,
    asked_at: Instant,
    /// A task looks after it.
    tended: bool,
}

/// What whoever looks after a pool does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Start,
    /// Until then, or until [`Pools::asked`].
    Wait(Instant),
}

impl Pools {
    pub(crate) fn new(size: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            size,
            state: Mutex::default(),
            starts: Arc::new(Semaphore::new(cores.max(2))),
            asked: Notify::new(),
        }
    }

    /// The right to start an interpreter, to be held until it has.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.starts).acquire_owned().await.ok()
    }

    /// A process that waits. Where there is none, more are wanted from now on.
    pub(crate) fn take(&self, kind: &Kind) -> Option<Process> {
        if self.size == 0 {
            return None;
        }
        let mut state = self.lock();
        let spare = WAITING_MIB_MAX.saturating_sub(state.wanted_mib());
        let pool = state.pool(kind, self.floor(kind));
        pool.asked_at = Instant::now();
        let mut taken = None;
        while taken.is_none()
            && let Some(mut process) = pool.ready.pop_front()
        {
            taken = process.is_running().then_some(process);
        }
        if taken.is_none() && kind.mib() <= spare {
            pool.wanted += 1;
        }
        drop(state);
        self.asked.notify_waiters();
        taken
    }

    /// Whether the caller is to look after the pool of `kind`, by [`Self::next`] until that gives nothing.
    pub(crate) fn begin(&self, kind: &Kind) -> bool {
        let mut state = self.lock();
        if self.size == 0 || state.stopped {
            return false;
        }
        let floor = self.floor(kind);
        let pool = state.pool(kind, floor);
        pool.wanted = pool.wanted.max(floor);
        !std::mem::replace(&mut pool.tended, true)
    }

    pub(crate) fn next(&self, kind: &Kind, now: Instant) -> Option<Step> {
        let mut state = self.lock();
        let stopped = state.stopped;
        let floor = self.floor(kind);
        let pool = state.kinds.get_mut(kind)?;
        if kind.preloaded && now >= pool.asked_at + PRELOADED_FOR {
            pool.wanted = 0;
        } else if pool.wanted > floor && now >= pool.asked_at + GROWN_FOR {
            pool.wanted = floor;
        }
        pool.ready.truncate(pool.wanted);
        if pool.ready.len() < pool.wanted && !stopped {
            let quiet = pool.asked_at + QUIET;
            return Some(if now < quiet { Step::Wait(quiet) } else { Step::Start });
        }
        let changes = if pool.wanted > floor {
            Some(pool.asked_at + GROWN_FOR)
        } else {
            (kind.preloaded && pool.wanted > 0).then(|| pool.asked_at + PRELOADED_FOR)
        };
        let step = changes.filter(|_| !stopped).map(Step::Wait);
        pool.tended = step.is_some();
        step
    }

    /// Returns at the next [`Self::take`].
    pub(crate) fn asked(&self) -> impl Future<Output = ()> {
        self.asked.notified()
    }

    /// One more that waits.
    pub(crate) fn add(&self, kind: &Kind, process: Process) {
        let mut state = self.lock();
        if !state.stopped {
            state.pool(kind, 0).ready.push_back(process);
        }
    }

    /// Nobody looks after the pool any more: there can be no process of this kind.
    pub(crate) fn give_up(&self, kind: &Kind) {
        self.lock().pool(kind, 0).tended = false;
    }

    pub(crate) fn stop(&self) {
        let ended = {
            let mut state = self.lock();
            state.stopped = true;
            std::mem::take(&mut state.kinds)
        };
        drop(ended);
        self.asked.notify_waiters();
    }

    fn floor(&self, kind: &Kind) -> usize {
        if kind.preloaded { self.size.min(1) } else { self.size }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pool(&mut self, kind: &Kind, wanted: usize) -> &mut Pool {
        let new = || Pool { ready: VecDeque::new(), wanted, asked_at: Instant::now(), tended: false };
        self.kinds.entry(kind.clone()).or_insert_with(new)
    }

    fn wanted_mib(&self) -> usize {
        self.kinds.iter().map(|(kind, pool)| kind.mib() * pool.wanted).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(preloaded: bool) -> Kind {
        let interpreter = Interpreter {
            family: Family::Node,
            program: "/node".into(),
            version: String::new(),
            needs: Vec::new(),
            home: None,
            flags: Vec::new(),
            packages: Vec::new(),
            sdk: None,
        };
        Kind { interpreter: Arc::new(interpreter), preloaded }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_grows_with_demand_and_shrinks_after() {
        let (pools, kind) = (Pools::new(2), kind(false));
        let now = Instant::now;
        assert!(pools.begin(&kind));
        assert!(!pools.begin(&kind), "one task is enough");
        assert_eq!(pools.next(&kind, now()), Some(Step::Wait(now() + QUIET)));
        tokio::time::advance(QUIET).await;
        assert_eq!(pools.next(&kind, now()), Some(Step::Start));
        for _ in 0..100 {
            assert!(pools.take(&kind).is_none());
        }
        let wanted = |pools: &Pools| pools.lock().kinds[&kind].wanted;
        assert_eq!(wanted(&pools), WAITING_MIB_MAX / kind.mib(), "bounded by memory");
        assert_eq!(pools.next(&kind, now()), Some(Step::Wait(now() + QUIET)), "not while functions start");
        tokio::time::advance(GROWN_FOR).await;
        assert_eq!(pools.next(&kind, now()), Some(Step::Start));
        assert_eq!(wanted(&pools), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_large_is_not_kept_for_ever() {
        let (pools, kind) = (Pools::new(2), kind(true));
        assert!(pools.begin(&kind));
        tokio::time::advance(QUIET).await;
        assert_eq!(pools.next(&kind, Instant::now()), Some(Step::Start));
        tokio::time::advance(PRELOADED_FOR).await;
        assert_eq!(pools.next(&kind, Instant::now()), None);
        assert!(pools.begin(&kind), "looked after again when a function wants it");
        pools.stop();
        assert!(!pools.begin(&kind));
    }

    #[test]
    fn without_a_size_nothing_is_kept() {
        let (pools, kind) = (Pools::new(0), kind(false));
        assert!(pools.take(&kind).is_none());
        assert!(!pools.begin(&kind));
    }
}
