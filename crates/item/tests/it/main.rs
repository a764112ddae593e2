//! The crate from outside: tables of cases, seeded properties, golden bytes, hostile input.

mod codec;
mod json;
mod key;
mod number;
mod seeded;
mod size;
