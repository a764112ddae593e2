//! The embedded engine of the store: one data folder, one process, every acknowledged write on the disk.
//! Knows no AWS service and no encoding of values.

mod local;
mod options;

pub use local::Local;
pub use options::{Durability, Options};
