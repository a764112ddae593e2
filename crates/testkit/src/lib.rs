//! For tests alone: a server in the test's process, over backends that the test chooses, and a client that can misbehave.
//! No crate depends on it but for its tests.

mod client;
mod running;

pub use client::{Answer, Client, ask};
pub use running::Running;
