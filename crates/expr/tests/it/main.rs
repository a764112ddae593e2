//! The crate from outside: tables of expression, placeholders and item against result or AWS's exact text.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod condition;
mod hostile;
mod key_condition;
mod partiql;
mod placeholders;
mod projection;
mod request;
mod update;
