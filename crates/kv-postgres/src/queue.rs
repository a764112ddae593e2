//! What waits for a connection: asked by many, taken by a few, all at once. Knows not what it holds.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    work: Notify,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), work: Notify::new() }
    }
}

impl<T> Queue<T> {
    /// Gives it back when the queue is closed.
    pub(crate) fn push(&self, one: T) -> Result<(), T> {
        {
            let mut state = self.lock();
            if state.closed {
                return Err(one);
            }
            state.waiting.push_back(one);
        }
        self.work.notify_one();
        Ok(())
    }

    /// Waits until something is there and lets `choose` take from it; `None` when closed and empty.
    pub(crate) async fn take<R>(&self, mut choose: impl FnMut(&mut VecDeque<T>) -> R) -> Option<R> {
        loop {
            let came = self.work.notified();
            {
                let mut state = self.lock();
                if !state.waiting.is_empty() {
                    let chosen = choose(&mut state.waiting);
                    if !state.waiting.is_empty() || state.closed {
                        self.work.notify_one();
                    }
                    return Some(chosen);
                }
                if state.closed {
                    self.work.notify_one();
                    return None;
                }
            }
            came.await;
        }
    }

    /// Everything that waits, at once: there is nobody to do it.
    pub(crate) fn drain(&self) -> VecDeque<T> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Nothing may join after this; what waits is still taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    // Nothing that can panic happens while the state is half changed.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
