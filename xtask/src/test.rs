//! `cargo xtask test`: all that CI runs, in the order in which it fails soonest, with its own set-up.

use std::{fs, time::Instant};

use anyhow::{Context, Result, bail};

use crate::shell::{command, run, succeeds};
use crate::{conformance, console, runtimes};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("format", || run(command("", "cargo fmt --all --check"))),
    ("generated code is what its sources give", || crate::codegen::run(crate::codegen::Mode::Check)),
    ("runtimes are what their sources give", runtimes::check),
    ("the console is what its source gives", console::check),
    ("lints", || run(command("", "cargo clippy --workspace --all-targets -- --deny warnings"))),
    ("a PostgreSQL server for the tests", bring_postgres),
    ("unit and integration tests", || run(command("", "cargo test --workspace --no-fail-fast"))),
];

const RELEASE_STEPS: &[Step] = &[
    ("release build", || run(command("", "cargo build --release --package rushlight"))),
    ("conformance with the official clients", || conformance::run_built(&[])),
];

/// The tests start servers of their own; on a Debian without the programs they are brought by apt.
fn bring_postgres() -> Result<()> {
    let of_debian = fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut versions| versions.next().is_some());
    if of_debian || succeeds(command("", "initdb --version")) {
        return Ok(());
    }
    for install in
        ["apt-get update --quiet", "apt-get install --quiet --yes --no-install-recommends postgresql"]
    {
        if !succeeds(command("", install)) {
            bail!(
                "the tests of the PostgreSQL engine need its server; bring it with `apt-get install postgresql`"
            );
        }
    }
    Ok(())
}

pub(crate) fn run_all(fast: bool) -> Result<()> {
    let release = if fast { &[][..] } else { RELEASE_STEPS };
    for (name, step) in STEPS.iter().chain(release) {
        let start = Instant::now();
        step().with_context(|| format!("step \"{name}\""))?;
        eprintln!("== {name}: {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
