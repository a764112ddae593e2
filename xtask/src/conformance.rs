//! `cargo xtask conformance`: the black-box suites of `conformance/`, with their own set-up.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::{command, root, run as execute, succeeds};

const PYTHON: &str = "conformance/python";
const JS: &str = "conformance/js";

pub(crate) fn run_built(flags: &[&str]) -> Result<()> {
    let all = flags.is_empty();
    if all || flags.contains(&"--python") {
        python()?;
    }
    if all || flags.contains(&"--js") {
        execute(command(JS, "npm ci --no-audit --no-fund --loglevel=error"))?;
        bring_chromium()?;
        execute(command(JS, "npm test"))?;
    }
    Ok(())
}

pub(crate) fn run(flags: &[&str]) -> Result<()> {
    execute(command("", "cargo build --release --package rushlight"))?;
    run_built(flags)
}

fn python() -> Result<()> {
    let venv = root().join(PYTHON).join(".venv");
    if !venv.join("bin/pytest").exists() {
        make_venv(&venv)?;
    }
    execute(command(
        PYTHON,
        ".venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt",
    ))?;
    execute(command(PYTHON, ".venv/bin/pytest --quiet"))?;
    // What the engine can change: the rest keeps little and reads it the same way.
    let mut postgres = command(PYTHON, ".venv/bin/pytest --quiet --postgres -k");
    postgres.arg("test_dynamodb or test_partiql or test_walkthrough");
    execute(postgres)
}

/// The browser for the tests with pages. They are left out for who asks for it alone, by `CHROMIUM_BIN=none`.
fn bring_chromium() -> Result<()> {
    if std::env::var_os("CHROMIUM_BIN").is_some() || Path::new("/usr/bin/chromium").exists() {
        return Ok(());
    }
    for install in
        ["apt-get update --quiet", "apt-get install --quiet --yes --no-install-recommends chromium"]
    {
        if !succeeds(command("", install)) {
            bail!(
                "no Chromium: bring it with `apt-get install chromium`, name one in CHROMIUM_BIN, or leave \
                 the browser's tests out with CHROMIUM_BIN=none"
            );
        }
    }
    Ok(())
}

/// A virtual environment; on a Debian without the module, after bringing it by apt.
fn make_venv(venv: &Path) -> Result<()> {
    let make = || {
        let mut make = command(PYTHON, "python3 -m venv --clear");
        make.arg(venv);
        make
    };
    if succeeds(make()) {
        return Ok(());
    }
    for install in ["apt-get update --quiet", "apt-get install --quiet --yes python3-venv"] {
        if !succeeds(command("", install)) {
            bail!("Python cannot make a virtual environment; bring it with `apt-get install python3-venv`");
        }
    }
    execute(make())
}
