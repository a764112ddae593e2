//! `cargo xtask soak`: the reference model, optimised, with as many random histories as the time allows; or very many
//! invocations of the release binary, whose memory is watched.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use anyhow::Result;

use crate::bench;
use crate::shell::{command, run as execute};

const SOAK: &str =
    "cargo test --profile bench --package dynamodb --test it -- --ignored --nocapture model::soak";

pub(crate) fn run(seconds: u64) -> Result<()> {
    // Another part of all histories each time; a failure tells its seed.
    let seed = RandomState::new().hash_one(()) >> 1;
    let mut soak = command("", SOAK);
    soak.env("RUSHLIGHT_MODEL_SECONDS", seconds.to_string()).env("RUSHLIGHT_MODEL_SEED", seed.to_string());
    execute(soak)
}

pub(crate) fn lambda(flags: &[&str]) -> Result<()> {
    let invocations: &[&str] = if flags.is_empty() { &["--invocations", "1000000"] } else { flags };
    bench::run(&[&["lambda", "--only", "soak of invocations"], invocations].concat())
}
