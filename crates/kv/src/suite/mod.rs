//! What every engine must do, as async test functions generic over the engine; [`crate::suite!`] makes one test of
//! each. Knows the contract only.
#![expect(clippy::unwrap_used, reason = "a test says no better than by failing")]

mod appends;
mod guards;
mod rows;
mod scans;
mod transactions;
mod watches;

use std::sync::Arc;

use bytes::Bytes;

use crate::{Batch, Entry, Kv};

pub use appends::*;
pub use guards::*;
pub use rows::*;
pub use scans::*;
pub use transactions::*;
pub use watches::*;

/// Makes the engine under test.
pub trait Factory {
    type Engine: Kv + 'static;

    /// Watchers are woken once for each commit below their prefix, and for nothing else. A remote engine may do more.
    const WAKES_EXACTLY: bool = true;

    /// Every commit that changes something takes the next number, and nothing else takes one. The numbers of a remote
    /// engine have gaps.
    const COUNTS_COMMITS: bool = true;

    /// An empty engine.
    fn make(&self) -> Arc<Self::Engine>;

    /// Closes this one, which nobody else holds, and opens what it kept. `None`: it keeps nothing.
    fn reopen(&self, engine: Arc<Self::Engine>) -> Option<Arc<Self::Engine>>;
}

/// One `#[tokio::test]` for each test of the suite, over the [`suite::Factory`](crate::suite::Factory) the expression makes.
#[macro_export]
macro_rules! suite {
    ($factory:expr) => {
        $crate::suite! { @ $factory;
            rows_come_and_go
            large_values_and_long_keys
            limits_are_refused
            multi_get_reads_one_snapshot
            everything_survives_reopening
            scans_page_exactly
            scans_respect_bytes
            scans_of_odd_ranges
            delete_range_deletes_what_was_there
            guards_hold_or_name_the_winner
            batches_are_all_or_nothing
            mutations_apply_in_order
            transactions_read_and_write
            transactions_wider_than_their_reads
            counters_lose_no_update
            added_counters_lose_no_update
            transfers_keep_the_sum
            appends_come_in_visible_order
            appended_keys_carry_the_sequence
            numbers_have_no_gaps
            watches_wake_after_visibility
            watches_miss_nothing
        }
    };
    (@ $factory:expr; $($test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::suite::$test(&$factory).await;
            }
        )*
    };
}

fn key(text: impl AsRef<str>) -> Bytes {
    Bytes::copy_from_slice(text.as_ref().as_bytes())
}

async fn put<K: Kv>(engine: &K, at: &str, value: &str) -> u64 {
    engine.commit(Batch::new().put(key(at), key(value))).await.unwrap()
}

async fn text<K: Kv>(engine: &K, at: &str) -> Option<String> {
    let entry = engine.get(at.as_bytes()).await.unwrap()?;
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}

fn number(entry: Option<&Entry>) -> i64 {
    entry.map_or(0, |entry| i64::from_le_bytes(entry.value.as_ref().try_into().unwrap()))
}

fn number_bytes(number: i64) -> Bytes {
    Bytes::copy_from_slice(&number.to_le_bytes())
}
