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
    ("languages for the tests", bring_languages),
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

/// What functions are written in: what shows that it is here, and what brings it.
const LANGUAGES: [(&[&str], &str); 3] = [
    (&["ruby", "-v"], "ruby"),
    (&["javac", "-version"], "openjdk-17-jdk-headless"),
    (&["python3", "-c", "import boto3"], "python3-boto3"),
];

/// Tests of functions fail where their language is missing; on a Debian without one it is brought by apt.
fn bring_languages() -> Result<()> {
    for (proof, package) in LANGUAGES {
        let mut shown = command("", proof[0]);
        shown.args(&proof[1..]);
        if succeeds(shown) {
            continue;
        }
        let mut install = command("", "apt-get install --quiet --yes --no-install-recommends");
        install.arg(package);
        if !succeeds(command("", "apt-get update --quiet")) || !succeeds(install) {
            bail!("the tests of functions need {package}; bring it with `apt-get install {package}`");
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
