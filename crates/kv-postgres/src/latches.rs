//! Latches on keys that are held over awaits: in one node, who decides on a row is alone with it, and who only writes
//! it waits for who decides. For speed: correctness is in the database, so a stripe that cannot be had without
//! risking a circle is left out. Knows no connection.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

const STRIPES: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Latches {
    stripes: Box<[RwLock<()>]>,
    hasher: RandomState,
}

/// Dropping releases them.
#[derive(Debug, Default)]
pub(crate) struct Held<'a> {
    stripes: Vec<usize>,
    alone: Vec<RwLockWriteGuard<'a, ()>>,
    shared: Vec<RwLockReadGuard<'a, ()>>,
}

impl Default for Latches {
    fn default() -> Self {
        let stripes = (0..STRIPES).map(|_| RwLock::default()).collect();
        Self { stripes, hasher: RandomState::new() }
    }
}

impl Latches {
    /// For decisions on the keys of `alone`, and blind writes to those of `shared`. Waits, in the stripes' order.
    pub(crate) async fn hold<'k>(
        &self,
        alone: impl Iterator<Item = &'k [u8]>,
        shared: impl Iterator<Item = &'k [u8]>,
    ) -> Held<'_> {
        let mut wanted: Vec<(usize, bool)> = alone.map(|key| (self.stripe(key), false)).collect();
        wanted.extend(shared.map(|key| (self.stripe(key), true)));
        wanted.sort_unstable();
        wanted.dedup_by_key(|(stripe, _)| *stripe);
        let mut held = Held::default();
        for (stripe, is_shared) in wanted {
            held.stripes.push(stripe);
            if is_shared {
                held.shared.push(self.stripes[stripe].read().await);
            } else {
                held.alone.push(self.stripes[stripe].write().await);
            }
        }
        held
    }

    /// Adds blind writes to what is held, where that needs no waiting.
    pub(crate) fn extend<'a, 'k>(&'a self, held: &mut Held<'a>, shared: impl Iterator<Item = &'k [u8]>) {
        for key in shared {
            let stripe = self.stripe(key);
            if held.stripes.contains(&stripe) {
                continue;
            }
            if let Ok(guard) = self.stripes[stripe].try_read() {
                held.stripes.push(stripe);
                held.shared.push(guard);
            }
        }
    }

    fn stripe(&self, key: &[u8]) -> usize {
        let hash = self.hasher.hash_one(key);
        usize::try_from(hash % STRIPES as u64).expect("a stripe index is small")
    }
}
