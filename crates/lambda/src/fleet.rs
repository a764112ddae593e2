//! The warm environments of one version of a function. Last in, first out, so that a falling load leaves the
//! others idle long enough to end. Knows not how an environment is started or run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Timestamp;

use crate::code::CodeFolder;
use crate::executor::Instance;
use crate::provision::Place;

/// An environment, with what it must be given back with.
#[derive(Debug)]
pub(crate) struct Warm {
    pub(crate) instance: Box<dyn Instance>,
    pub(crate) log_stream: Arc<str>,
    /// Of the code that it has loaded; see [`Fleet::renew`].
    pub(crate) generation: u64,
    /// Keeps the mounted files on the disk.
    pub(crate) _code: Arc<CodeFolder>,
    pub(crate) _layers: Vec<Arc<CodeFolder>>,
    pub(crate) _counted: Option<Counted>,
    /// Its version's provisioned concurrency has it: kept whatever the load, and not counted.
    pub(crate) place: Option<Place>,
}

/// One of the environments that there are, warm or busy.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Fleet {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The longest idle first.
    waiting: Vec<(Timestamp, Warm)>,
    /// Those that were initialised ahead: taken first, and not ended when they are idle.
    provisioned: Vec<Warm>,
    /// Of the code that environments must have loaded. Changes only where code is served from a folder.
    generation: u64,
    /// The version was replaced or deleted: nothing is kept any more.
    closed: bool,
}

impl Fleet {
    /// The environment that was used last.
    pub(crate) fn take(&self) -> Option<Warm> {
        loop {
            let mut warm = {
                let mut idle = self.lock();
                idle.provisioned.pop().or_else(|| idle.waiting.pop().map(|(_, warm)| warm))?
            };
            // Its process may have ended while nobody looked.
            if warm.instance.is_alive() {
                return Some(warm);
            }
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// The code is now of this generation: what has loaded another one ends, busy ones after their invocation.
    pub(crate) fn renew(&self, generation: u64) {
        let ended = {
            let mut idle = self.lock();
            if idle.generation == generation {
                return;
            }
            idle.generation = generation;
            (std::mem::take(&mut idle.waiting), std::mem::take(&mut idle.provisioned))
        };
        drop(ended);
    }

    /// Keeps `warm` for the next invocation, or ends it if there will be none.
    pub(crate) fn put_back(&self, warm: Warm, now: Timestamp) {
        let mut idle = self.lock();
        let surplus = warm.place.as_ref().is_some_and(Place::is_surplus);
        if idle.closed || warm.generation != idle.generation || surplus {
            drop(idle);
            drop(warm);
        } else if warm.place.is_some() {
            idle.provisioned.push(warm);
        } else {
            idle.waiting.push((now, warm));
        }
    }

    /// Ends what was initialised ahead and shall not be kept any more.
    pub(crate) fn end_surplus(&self) {
        let surplus = |warm: &mut Warm| warm.place.as_ref().is_some_and(Place::is_surplus);
        // One at a time: each that goes changes the number.
        while let Some(ended) = { self.lock().provisioned.pop_if(surplus) } {
            drop(ended);
        }
    }

    /// Ends what has been idle since `since` or longer.
    pub(crate) fn end_idle(&self, since: Timestamp) {
        let ended: Vec<_> = {
            let mut idle = self.lock();
            let count = idle.waiting.partition_point(|(at, _)| *at <= since);
            idle.waiting.drain(..count).collect()
        };
        drop(ended);
    }

    /// Since when the environment waits that has waited longest.
    pub(crate) fn longest_idle(&self) -> Option<Timestamp> {
        self.lock().waiting.first().map(|(since, _)| *since)
    }

    pub(crate) fn end_longest_idle(&self) {
        let ended = {
            let mut idle = self.lock();
            (!idle.waiting.is_empty()).then(|| idle.waiting.remove(0))
        };
        drop(ended);
    }

    pub(crate) fn close(&self) {
        let ended = {
            let mut idle = self.lock();
            idle.closed = true;
            (std::mem::take(&mut idle.waiting), std::mem::take(&mut idle.provisioned))
        };
        drop(ended);
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
