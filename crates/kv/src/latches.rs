//! Striped key latches: who holds the stripes of its keys reads, decides and queues alone. Taken in order, so that
//! nobody waits in a circle; held for microseconds, never across an await. Knows no engine; an engine may keep
//! state beside each latch (`T`).

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

/// Enough that 64 writers of different keys seldom meet; a stripe is a few words.
const STRIPES: usize = 1_024;

#[derive(Debug)]
pub struct Latches<T> {
    stripes: Box<[Mutex<T>]>,
    hasher: RandomState,
}

impl<T: Default> Default for Latches<T> {
    fn default() -> Self {
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Self { stripes, hasher: RandomState::new() }
    }
}

/// The stripes held, in order; dropping releases them.
#[derive(Debug)]
pub struct Held<'a, T> {
    latches: &'a Latches<T>,
    guards: Vec<(usize, MutexGuard<'a, T>)>,
}

impl<T> Latches<T> {
    pub fn stripe(&self, key: &[u8]) -> usize {
        let hash = self.hasher.hash_one(key);
        usize::try_from(hash % STRIPES as u64).expect("a stripe index is small")
    }

    /// Waits for the stripes of these keys.
    pub fn hold<'a, 'k>(&'a self, keys: impl Iterator<Item = &'k [u8]>) -> Held<'a, T> {
        let mut stripes: Vec<usize> = keys.map(|key| self.stripe(key)).collect();
        self.hold_stripes(&mut stripes)
    }

    /// Waits for these stripes, in order, each once.
    pub fn hold_stripes(&self, stripes: &mut Vec<usize>) -> Held<'_, T> {
        stripes.sort_unstable();
        stripes.dedup();
        let guards = stripes.iter().map(|stripe| (*stripe, self.lock(*stripe))).collect();
        Held { latches: self, guards }
    }

    pub fn with<R>(&self, key: &[u8], visit: impl FnOnce(&mut T) -> R) -> R {
        visit(&mut self.lock(self.stripe(key)))
    }

    // A panic inside a decision happens before anything is changed, so what the latch guards is whole.
    fn lock(&self, stripe: usize) -> MutexGuard<'_, T> {
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, T> Held<'a, T> {
    /// Takes further stripes without letting go. When that could wait in a circle it takes none and answers the
    /// stripes to hold from the start: release, [`Latches::hold_stripes`], read again.
    pub fn extend<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) -> Result<(), Vec<usize>> {
        let mut wanted: Vec<usize> = keys
            .map(|key| self.latches.stripe(key))
            .filter(|stripe| self.position(*stripe).is_err())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let highest = self.guards.last().map(|(stripe, _)| *stripe);
        let mut taken = Vec::with_capacity(wanted.len());
        for stripe in &wanted {
            if highest.is_none_or(|highest| *stripe > highest) {
                taken.push((*stripe, self.latches.lock(*stripe)));
                continue;
            }
            match self.latches.stripes[*stripe].try_lock() {
                Ok(guard) => taken.push((*stripe, guard)),
                Err(TryLockError::Poisoned(poisoned)) => taken.push((*stripe, poisoned.into_inner())),
                Err(TryLockError::WouldBlock) => {
                    wanted.extend(self.guards.iter().map(|(stripe, _)| *stripe));
                    return Err(wanted);
                }
            }
        }
        self.guards.append(&mut taken);
        self.guards.sort_unstable_by_key(|(stripe, _)| *stripe);
        Ok(())
    }

    /// The state beside the latch of a key that is held.
    pub fn state(&mut self, key: &[u8]) -> Option<&mut T> {
        let position = self.position(self.latches.stripe(key)).ok()?;
        Some(&mut self.guards[position].1)
    }

    fn position(&self, stripe: usize) -> Result<usize, usize> {
        self.guards.binary_search_by_key(&stripe, |(held, _)| *held)
    }
}
