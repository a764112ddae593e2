//! `cargo xtask fuzz TARGET`: libFuzzer with the compiler's own coverage, on the pinned compiler. What reaches new
//! code is kept in the target's corpus, which the tests of `fuzz` replay.

use std::fs;

use anyhow::{Context, Result};

use crate::shell::{command, root, run as execute};

/// What libFuzzer needs to see where an input has been.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=on -Coverflow-checks=on";
/// Longer inputs find nothing that shorter ones do not, and fill the repository.
const INPUT_BYTES_MAX: u32 = 600;
const BUILD: &str = "cargo build --profile bench --package fuzz --features libfuzzer --target-dir target/fuzz --config profile.bench.lto=\"off\"";

/// The triple of this machine's compiler.
fn host() -> Result<String> {
    let told = command("", "rustc -vV").output().context("rustc -vV")?.stdout;
    let told = String::from_utf8(told)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

pub(crate) fn run(target: &str, seconds: u64) -> Result<()> {
    let host = host()?;
    let mut build = command("", BUILD);
    // With a target named, build scripts are left out of the flags.
    build.args(["--target", &host]).env("RUSTFLAGS", COVERAGE);
    execute(build)?;
    let corpus = root().join("fuzz/corpus").join(target);
    let found = root().join("target/fuzz/found").join(target);
    fs::create_dir_all(&found).context("the folder for what is found")?;
    let fuzzer = root().join("target/fuzz").join(host).join("release/fuzz");
    let fuzzer = |flags: &[String]| {
        let mut fuzzer = std::process::Command::new(&fuzzer);
        fuzzer.env("FUZZ_TARGET", target).args(flags).arg(format!("-max_len={INPUT_BYTES_MAX}"));
        fuzzer
    };
    let mut fuzz = fuzzer(&[
        format!("-max_total_time={seconds}"),
        format!("-artifact_prefix={}/", root().join("target/fuzz").display()),
        "-print_final_stats=1".to_owned(),
    ]);
    fuzz.arg(&found).arg(&corpus);
    execute(fuzz)?;
    let mut merge = fuzzer(&["-set_cover_merge=1".to_owned(), "-use_counters=0".to_owned()]);
    merge.arg(&corpus).arg(&found);
    execute(merge)
}
