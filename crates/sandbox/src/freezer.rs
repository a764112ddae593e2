//! Lets idle processes stand still, some time after they became so: until then being idle and being called again cost
//! nothing but a look at a word. Knows no invocation; whoever calls a process wakes it first.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::net::SendFlags;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::control::Control;

/// Calls that follow each other sooner find the process running.
const IDLE: Duration = Duration::from_millis(100);

/// One for a sandbox.
#[derive(Debug)]
pub(crate) struct Freezer {
    watch: Arc<Watch>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Watch {
    all: Mutex<Vec<Weak<Mutex<Inner>>>>,
    /// Whether the task looks, or will without being told.
    looks: AtomicBool,
    told: Notify,
}

/// What is known of one process.
#[derive(Debug)]
pub(crate) struct Still {
    inner: Arc<Mutex<Inner>>,
    watch: Arc<Watch>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// To the supervisor.
    control: OwnedFd,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Runs,
    Idle(Instant),
    Frozen,
}

impl Freezer {
    /// Needs a tokio runtime.
    pub(crate) fn start() -> Self {
        let watch = Arc::new(Watch::default());
        let task = tokio::spawn(look(Arc::clone(&watch)));
        Self { watch, task }
    }

    /// A process that runs. `control`: the socket to its supervisor.
    pub(crate) fn add(&self, control: OwnedFd) -> Still {
        let inner = Arc::new(Mutex::new(Inner { state: State::Runs, control }));
        lock(&self.watch.all).push(Arc::downgrade(&inner));
        Still { inner, watch: Arc::clone(&self.watch) }
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Still {
    /// Nothing is asked of the process from now on.
    pub(crate) fn rest(&self) {
        lock(&self.inner).state = State::Idle(Instant::now());
        if !self.watch.looks.swap(true, Ordering::AcqRel) {
            self.watch.told.notify_one();
        }
    }

    /// Before the process is asked anything.
    pub(crate) fn wake(&self) {
        let mut inner = lock(&self.inner);
        if matches!(inner.state, State::Frozen) {
            inner.say(&Control::Thaw);
        }
        inner.state = State::Runs;
    }
}

impl Inner {
    fn say(&self, what: &Control) {
        // A supervisor that has gone has taken the process with it.
        let _ = crate::descriptors::send(self.control.as_fd(), &what.to_bytes(), &[], SendFlags::DONTWAIT);
    }

    /// Whether it must be looked at again.
    fn look(&mut self, now: Instant) -> bool {
        let State::Idle(since) = self.state else { return false };
        if now.saturating_duration_since(since) < IDLE {
            return true;
        }
        self.say(&Control::Freeze);
        self.state = State::Frozen;
        false
    }
}

async fn look(watch: Arc<Watch>) {
    loop {
        watch.told.notified().await;
        loop {
            tokio::time::sleep(IDLE).await;
            // Whoever becomes idle from here on tells it again.
            watch.looks.store(false, Ordering::Release);
            let mut again = false;
            lock(&watch.all).retain(|one| {
                let Some(one) = one.upgrade() else { return false };
                again |= lock(&one).look(Instant::now());
                true
            });
            if !again || watch.looks.swap(true, Ordering::AcqRel) {
                break;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
