//! The embedded engine of the store: one data folder, one process, every acknowledged write on the disk.
//! Knows no AWS service and no encoding of values.
//!
//! A write takes the latches of its keys, reads, decides and joins the queue, which numbers it; then the latches are
//! free again. One committer thread takes all that waits, writes it as one batch of the storage engine with one
//! sync, makes it visible and acknowledges. [`folder`] guards the folder, [`rows`] wraps the storage engine,
//! [`queue`] numbers and holds what waits, [`committer`] writes it, [`local`] is the contract on top. Beside them
//! [`syncer`] brings relaxed writes to the disk and [`compactor`] merges files.

mod committer;
mod compactor;
mod folder;
mod local;
mod options;
mod queue;
mod rows;
mod staleness;
mod syncer;

pub use folder::FORMAT;
pub use local::Local;
pub use options::{Durability, Options};
