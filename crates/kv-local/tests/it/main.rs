//! The embedded engine: the suite of all engines, and what only an engine with a folder has.
#![allow(clippy::unwrap_used, reason = "a test says no better than by failing")]

mod contract;
mod crash;
mod faults;
mod folder;
mod random;
