//! Environments initialised before they are needed: how many a version shall have, how many it has, and what went
//! wrong. Knows not how an environment is made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::lambda::ProvisionedConcurrencyStatusEnum as Status;
use minicbor::{Decode, Encode};
use tokio::sync::Notify;

use crate::function::Alias;
use crate::name::Qualifier;

/// AWS's reason where the handler could not be loaded.
pub(crate) const INIT_FAILED: &str = "FUNCTION_ERROR_INIT_FAILURE";

/// What an alias or a version has been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Provisioned {
    #[n(0)]
    pub(crate) count: u32,
    #[n(1)]
    pub(crate) modified_ms: i64,
}

/// Of a function on instances that its account brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Scaling {
    #[n(0)]
    pub(crate) min: Option<u32>,
    #[n(1)]
    pub(crate) max: Option<u32>,
}

/// The environments of one version that are kept initialised.
#[derive(Debug, Default)]
pub(crate) struct Provision {
    /// Read by every invocation, so beside the lock.
    wanted: AtomicUsize,
    /// Invocations that run on this version's share.
    pub(crate) busy: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those that are being made are among them.
    claimed: usize,
    ready: usize,
    failure: Option<&'static str>,
}

/// The place of one environment among the provisioned. Dropping it leaves the place to another.
#[derive(Debug)]
pub(crate) struct Place {
    provision: Arc<Provision>,
    ready: bool,
    left: Arc<Notify>,
}

/// How far a configuration is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) allocated: u32,
    pub(crate) failure: Option<&'static str>,
}

impl Provision {
    pub(crate) fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Whether the number has changed. What failed is tried again then.
    pub(crate) fn want(&self, count: usize) -> bool {
        let changed = self.wanted.swap(count, Ordering::Relaxed) != count;
        if changed {
            self.retry();
        }
        changed
    }

    pub(crate) fn retry(&self) {
        self.lock().failure = None;
    }

    /// A place that nobody has yet.
    pub(crate) fn claim(self: &Arc<Self>, left: &Arc<Notify>) -> Option<Place> {
        let mut state = self.lock();
        if state.claimed >= self.wanted() || state.failure.is_some() {
            return None;
        }
        state.claimed += 1;
        Some(Place { provision: self.clone(), ready: false, left: left.clone() })
    }

    pub(crate) fn fail(&self, reason: &'static str) {
        self.lock().failure = Some(reason);
    }

    pub(crate) fn progress(&self) -> Progress {
        let state = self.lock();
        let allocated = u32::try_from(state.ready.min(self.wanted())).unwrap_or(u32::MAX);
        Progress { allocated, failure: state.failure }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The environment is initialised.
    pub(crate) fn fill(&mut self) {
        self.ready = true;
        self.provision.lock().ready += 1;
    }

    /// There are more environments than the version shall have.
    pub(crate) fn is_surplus(&self) -> bool {
        self.provision.lock().claimed > self.provision.wanted()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.provision.lock();
        state.claimed -= 1;
        state.ready -= usize::from(self.ready);
        drop(state);
        self.left.notify_one();
    }
}

impl Progress {
    /// Of a configuration that reaches several versions.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { allocated: self.allocated + other.allocated, failure: self.failure.or(other.failure) }
    }

    pub(crate) fn status(self, requested: u32) -> Status {
        match self.failure {
            Some(_) => Status::Failed,
            None if self.allocated >= requested => Status::Ready,
            None => Status::InProgress,
        }
    }
}

/// How much of `count` each version gets that `qualifier` reaches: an alias with weights shares it as it shares its
/// invocations.
pub(crate) fn shares(qualifier: &str, count: u32, aliases: &BTreeMap<String, Alias>) -> Vec<(u64, usize)> {
    let count = count as usize;
    match Qualifier::parse(qualifier) {
        Qualifier::Latest => Vec::new(),
        Qualifier::Number(number) => vec![(number, count)],
        Qualifier::Alias(name) => {
            let Some(alias) = aliases.get(name) else { return Vec::new() };
            let mut left = count;
            let mut shares = Vec::new();
            for (version, weight) in &alias.weights {
                let share = ((count as f64 * weight).ceil() as usize).min(left);
                left -= share;
                shares.push((*version, share));
            }
            shares.push((alias.version, left));
            shares
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_once_and_again_when_left() {
        let (provision, left) = (Arc::new(Provision::default()), Arc::new(Notify::new()));
        assert!(provision.claim(&left).is_none());
        assert!(provision.want(2));
        let mut first = provision.claim(&left).unwrap();
        let second = provision.claim(&left).unwrap();
        assert!(provision.claim(&left).is_none());
        first.fill();
        assert_eq!(provision.progress(), Progress { allocated: 1, failure: None });
        assert_eq!(provision.progress().status(2), Status::InProgress);
        assert_eq!(provision.progress().status(1), Status::Ready);
        provision.want(1);
        assert!(first.is_surplus());
        drop(second);
        assert!(!first.is_surplus());
        drop(first);
        provision.fail(INIT_FAILED);
        assert!(provision.claim(&left).is_none());
        assert_eq!(provision.progress().status(1), Status::Failed);
        provision.retry();
        assert!(provision.claim(&left).is_some());
    }

    #[test]
    fn an_alias_shares_what_it_has() {
        let alias = |weights: &[(u64, f64)]| Alias {
            version: 1,
            description: String::new(),
            weights: weights.iter().copied().collect(),
            revision: String::new(),
        };
        let aliases = BTreeMap::from([("a".to_owned(), alias(&[])), ("b".to_owned(), alias(&[(2, 0.25)]))]);
        for (qualifier, expected) in
            [("7", vec![(7, 5)]), ("a", vec![(1, 5)]), ("b", vec![(2, 2), (1, 3)]), ("gone", vec![])]
        {
            assert_eq!(shares(qualifier, 5, &aliases), expected, "{qualifier}");
        }
    }
}
