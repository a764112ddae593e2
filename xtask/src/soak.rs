//! `cargo xtask soak`: the reference model, optimised, with as many random histories as the time allows.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use anyhow::Result;

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
