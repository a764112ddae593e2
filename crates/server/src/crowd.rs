//! Who is connected, so that a full server makes room: whoever idles or dawdles longer than need be goes when somebody
//! else waits. Costs a connection one lock when it comes and one when it goes; a request nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Limits;
use tokio::task::AbortHandle;

use crate::pulse::Pulse;

#[derive(Debug, Default)]
pub(crate) struct Crowd {
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    last: u64,
    by_number: HashMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    pulse: Arc<Pulse>,
    /// None until it runs.
    task: Option<AbortHandle>,
}

/// A connection's place among the others, which it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Crowd {
    pub(crate) fn join(self: &Arc<Self>, pulse: Arc<Pulse>) -> Place {
        let mut members = self.members();
        members.last += 1;
        let number = members.last;
        members.by_number.insert(number, Member { pulse, task: None });
        Place { crowd: Arc::clone(self), number }
    }

    /// Says which task serves the connection `number`, unless it has ended already.
    pub(crate) fn runs(&self, number: u64, task: AbortHandle) {
        if let Some(member) = self.members().by_number.get_mut(&number) {
            member.task = Some(task);
        }
    }

    /// Closes the connections that say nothing for longer than a crowded server lets them; how many those are.
    pub(crate) fn thin(&self, limits: &Limits) -> usize {
        let crowded = Limits {
            head_timeout: limits.head_timeout.min(limits.crowded_timeout),
            keep_alive: limits.keep_alive.min(limits.crowded_timeout),
            ..limits.clone()
        };
        let members = self.members();
        let overdue = members.by_number.values().filter(|member| member.pulse.overdue(&crowded).is_some());
        overdue.filter_map(|member| member.task.as_ref()).map(AbortHandle::abort).count()
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.members().by_number.remove(&self.number);
    }
}
