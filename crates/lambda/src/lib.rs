//! AWS Lambda.

mod name;
mod package;
mod payload;
