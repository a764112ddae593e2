//! Token buckets of one node, by name. A bucket is one number, the time at which it would be full, so that taking a
//! token is a compare-and-swap and a bucket that is full need not be kept. Knows no plan and no stage.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::Timestamp;

const SHARDS: usize = 64;
/// A shard that has more looks for buckets that are full.
const SHARD_BUCKETS_MAX: usize = 4096;
const NS_PER_SEC: f64 = 1e9;

/// How fast a bucket fills, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) burst: i32,
}

#[derive(Debug)]
pub(crate) struct Buckets {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<String, Arc<AtomicI64>>>>,
}

impl Default for Buckets {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }
}

impl Buckets {
    /// Takes a token of the bucket `name`, if it has one. A negative rate limits nothing, as on AWS.
    pub(crate) fn take(&self, name: &str, rate: Rate, now: Timestamp) -> bool {
        if rate.per_second < 0.0 {
            return true;
        }
        if rate.per_second == 0.0 || rate.burst <= 0 {
            return false;
        }
        let now_ns = now.as_millis().saturating_mul(1_000_000);
        take(&self.bucket(name, now_ns), rate, now_ns)
    }

    fn bucket(&self, name: &str, now_ns: i64) -> Arc<AtomicI64> {
        let place = usize::try_from(self.hasher.hash_one(name) % SHARDS as u64).unwrap_or_default();
        let mut shard = self.shards[place].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.get(name) {
            return Arc::clone(found);
        }
        if shard.len() >= SHARD_BUCKETS_MAX {
            shard.retain(|_, full_at| full_at.load(Ordering::Relaxed) > now_ns);
        }
        let bucket = Arc::new(AtomicI64::new(now_ns));
        shard.insert(name.to_owned(), Arc::clone(&bucket));
        bucket
    }
}

/// `full_at` is when the bucket is full again; each token puts it off by the time that one takes to come.
fn take(full_at: &AtomicI64, rate: Rate, now_ns: i64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float to an integer saturates")]
    let token_ns = ((NS_PER_SEC / rate.per_second) as i64).max(1);
    let whole_ns = token_ns.saturating_mul(i64::from(rate.burst));
    let taken = full_at.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |full_at| {
        let then = full_at.max(now_ns).saturating_add(token_ns);
        (then.saturating_sub(now_ns) <= whole_ns).then_some(then)
    });
    taken.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `tries` at each time are let through.
    fn check(per_second: f64, burst: i32, tries: &[(i64, usize)], expected: &[usize]) {
        let (buckets, rate) = (Buckets::default(), Rate { per_second, burst });
        let passed = tries.iter().map(|&(ms, tries)| {
            (0..tries).filter(|_| buckets.take("a", rate, Timestamp(1_795_454_460_000 + ms))).count()
        });
        assert_eq!(passed.collect::<Vec<_>>(), expected, "{rate:?} {tries:?}");
    }

    #[test]
    fn buckets_fill_and_empty() {
        check(10.0, 5, &[(0, 20), (99, 3), (100, 3), (10_000, 20)], &[5, 0, 1, 5]);
        check(0.5, 1, &[(0, 2), (1999, 1), (2000, 2)], &[1, 0, 1]);
        check(1000.0, 1, &[(0, 2), (1, 2), (2, 2)], &[1, 1, 1]);
        check(0.0, 5, &[(0, 2)], &[0]);
        check(5.0, 0, &[(0, 2)], &[0]);
        check(-1.0, -1, &[(0, 9)], &[9]);
        check(1e-9, i32::MAX, &[(0, 2)], &[2]);
        // A clock that goes back takes nothing away and gives nothing.
        check(1.0, 2, &[(5000, 2), (0, 1), (6000, 2)], &[2, 0, 1]);
    }

    #[test]
    fn names_have_buckets_of_their_own() {
        let (buckets, rate) = (Buckets::default(), Rate { per_second: 1.0, burst: 1 });
        let took = ["a", "b", "a"].map(|name| buckets.take(name, rate, Timestamp(1)));
        assert_eq!(took, [true, true, false]);
    }

    #[test]
    fn full_buckets_are_not_kept() {
        let (buckets, rate) = (Buckets::default(), Rate { per_second: 1000.0, burst: 1 });
        for number in 0..SHARDS * SHARD_BUCKETS_MAX * 2 {
            let now = Timestamp(i64::try_from(number).unwrap());
            assert!(buckets.take(&number.to_string(), rate, now));
        }
        let kept: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * SHARD_BUCKETS_MAX, "{kept}");
    }
}
