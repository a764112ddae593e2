//! The crate from outside: tables of cases, seeded properties, golden bytes, hostile input.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod codec;
mod json;
mod key;
mod number;
mod seeded;
mod size;
