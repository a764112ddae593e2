//! Runs real handlers in real processes. This test program is its own launcher: see `launcher`.

mod launcher;
mod node;
mod world;
