//! Amazon CloudWatch Logs: groups, streams and their events; taken in through [`ports::LogSink`] and PutLogEvents, read
//! by the API's read operations and followed live. Knows no function and no HTTP.
//!
//! Code map: `journal` ([`Journal`], the service) -> `writer` (the one task that writes) -> `record` (rows and keys), `listing` (what a commit wrote);
//! `ops/<operation>.rs` (one operation a file), `pattern` (filter patterns), `token` (paging), `tail` (live).
//!
//! Invariants: one task writes, so that lines of a stream keep their order; a sink never waits; a read first lets the
//! writer finish what was queued before it, so that the lines of an invocation that has ended are found; groups are
//! bounded in bytes, the oldest events go first.

mod error;
mod journal;
mod listing;
mod ops;
mod pattern;
mod record;
mod tail;
mod token;
mod writer;

pub use journal::{Journal, JournalConfig};
pub use tail::{Tail, TailLine};
