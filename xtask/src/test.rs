//! `cargo xtask test`: all that CI runs, in the order in which it fails soonest, with its own set-up.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::shell::{command, run};
use crate::{conformance, runtimes};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("format", || run(command("", "cargo fmt --all --check"))),
    ("generated code is what its sources give", || crate::codegen::run(crate::codegen::Mode::Check)),
    ("runtimes are what their sources give", runtimes::check),
    ("lints", || run(command("", "cargo clippy --workspace --all-targets -- --deny warnings"))),
    ("unit and integration tests", || run(command("", "cargo test --workspace --no-fail-fast"))),
];

const RELEASE_STEPS: &[Step] = &[
    ("release build", || run(command("", "cargo build --release --package rushlight"))),
    ("conformance with the official clients", || conformance::run_built(&[])),
];

pub(crate) fn run_all(fast: bool) -> Result<()> {
    let release = if fast { &[][..] } else { RELEASE_STEPS };
    for (name, step) in STEPS.iter().chain(release) {
        let start = Instant::now();
        step().with_context(|| format!("step \"{name}\""))?;
        eprintln!("== {name}: {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
