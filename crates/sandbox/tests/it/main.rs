//! Runs real handlers in real processes. This test program is its own launcher: see `launcher`.

mod jail;
mod launcher;
mod limits;
mod node;
mod python;
mod world;
