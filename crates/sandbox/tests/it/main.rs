//! Runs real handlers in real processes. This test program is its own launcher (feature `launcher-at-load`).

mod jail;
mod limits;
mod node;
mod python;
mod world;
