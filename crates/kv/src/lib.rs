//! The store's contract: ordered byte keys, snapshots, atomic batches with guards, and sequences in commit order.
//! One narrow trait, [`Kv`], that every engine implements, the in-memory engine ([`Memory`]) and the suite that
//! every engine passes ([`suite`]). Knows no AWS service and no encoding of values.
//!
//! # Invariants
//!
//! 1. A batch is all or nothing, for readers and for a crash.
//! 2. Every batch that changes something gets one sequence number, below 2^56. Numbers may have gaps, and on a remote
//!    engine a batch may become visible before one with a smaller number; but never below [`Kv::safe_seq`]: whoever
//!    has read up to there, or with [`ScanOptions::settled`], never later finds a smaller number.
//! 3. What an operation answers rests on durable state only: a write is acknowledged, and a refusal is given, after
//!    everything it saw is as durable as the engine promises.
//! 4. No update is lost: between the reads of a [`Kv::transact`] and its batch no other write reaches the keys it
//!    read, touches or expects.
//! 5. A watcher is woken after the write is visible, again after it is settled if that is later, and never misses one
//!    that became visible after it was made; it may be woken for nothing.
//! 6. A failed write or sync poisons an embedded engine: nothing is acknowledged from then on until it is opened
//!    again. A remote engine answers [`KvError::Unavailable`] while its database cannot be reached, and goes on by
//!    itself; a write so answered may have happened or not.
//! 7. An embedded engine's reads are ready at the first poll; pages are bounded, whatever was asked.

mod batch;
mod change;
mod decision;
mod engine;
mod error;
mod latches;
mod memory;
mod range;
pub mod suite;
mod watch;

pub use batch::{Batch, Expect, Mutation};
pub use change::{Change, ChangeKey, resolve};
pub use decision::{Answer, Decision};
pub use engine::{Kv, Limits};
pub use error::{Conflict, KvError, TransactError};
pub use latches::{Held, Latches};
pub use memory::Memory;
pub use range::{KeyRange, Page, PageBuilder, ScanOptions};
pub use watch::{Watch, Watchers};

use bytes::Bytes;

/// Number of a commit, below 2^56, so that a byte beside it fits into 64 bits; 0 is before everything.
pub type Seq = u64;

/// A stored row without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub value: Bytes,
    /// The commit that wrote it; [`Expect::Version`] compares with this.
    pub version: Seq,
}
