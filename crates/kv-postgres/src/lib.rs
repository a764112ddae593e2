//! The store's contract over the PostgreSQL wire protocol: all state in one table of one database, any number of nodes
//! in front of it. Knows no AWS service and no encoding of values.
//!
//! A row is a key, a value and the number of the commit that wrote it: the database transaction's id and, in the last
//! byte, the place of the logical commit in that transaction ([`dialect`]). Ids are given out before they commit, so
//! readers of appended rows stay below the oldest id under way, the safe horizon.
//!
//! [`target`] is the URL, [`schema`] the tables and their format, [`link`] one connection that comes back by itself,
//! [`reader`] takes all gets that wait in one statement, [`scan`] answers pages, [`job`] is a decided write,
//! [`committer`] takes all jobs that wait in one database transaction, [`latches`] keep the writers of one node from
//! racing for a row, [`waker`] tells watchers, of this node and the others. [`postgres`] is the contract on top.
//!
//! # Invariants
//!
//! 1. Latches are for speed only. What keeps an update from being lost is checked inside the database transaction: the
//!    version of every row a decision read, by a statement that fails; the absence of one, by an insert.
//! 2. A commit whose answer was lost is told as [`kv::KvError::Unavailable`], never as done, and is not tried again.
//! 3. A read is one statement, so one snapshot; a decided write is one pipelined transaction: one round trip each.
//! 4. Nothing here waits for ever: each answer of the database has a deadline, each queue a bound.

mod committer;
mod dialect;
mod failure;
mod job;
mod key;
mod latches;
mod link;
mod postgres;
mod queue;
mod reader;
mod scan;
mod schema;
mod target;
mod waker;

pub use postgres::{Options, Postgres};
pub use schema::FORMAT;
pub use target::{Target, TargetError};
