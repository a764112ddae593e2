//! The JSON reader and writer against hostile text, and against another parser; the wordings.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;
mod reader;
mod rules;
mod writer;
