//! For tests alone: a server in the test's process, over backends that the test chooses, a client that can misbehave,
//! a PostgreSQL server of the test's own, and scripts of requests. No crate depends on it but for its tests.

mod client;
#[cfg(unix)]
mod cluster;
mod running;
pub mod script;

pub use client::{Answer, Client, ask};
#[cfg(unix)]
pub use cluster::{Cluster, Fsync};
pub use running::Running;
