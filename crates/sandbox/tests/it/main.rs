//! Runs real handlers in real processes. This test program is its own launcher (feature `launcher-at-load`).
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests: a panic is a finding, a table is long"
)]

mod compiled;
mod extensions;
mod freeze;
mod jail;
mod java;
mod limits;
mod needs;
mod network;
mod node;
mod pool;
mod python;
mod ruby;
mod runtime_api;
mod stream;
mod telemetry;
mod world;
