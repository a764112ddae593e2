//! `cargo xtask bench`: builds the release binary and the load generator, and measures the one with the other.

use std::process::Command;

use anyhow::Result;

use crate::shell::{command, root, run as execute};

pub(crate) fn run(flags: &[&str]) -> Result<()> {
    execute(command("", "cargo build --release --package rushlight --package bench"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let release = target.join("release");
    let mut bench = Command::new(release.join("bench"));
    // Their first word may be the area.
    bench.current_dir(root()).args(flags).arg("--binary").arg(release.join("rushlight"));
    bench.arg("--json").arg(root().join("bench/out/latest.json"));
    execute(bench)
}
