//! `cargo xtask console`: builds the web console into `console/dist`, which the binary embeds; with `--check` it says
//! whether what stands there is what the source gives. Building the binary never needs this.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::shell::{command, root, run};

const SOURCE: &str = "console";
const DIST: &str = "console/dist";
const BESIDE: &str = "target/console";

pub(crate) fn write() -> Result<()> {
    build(DIST)
}

pub(crate) fn check() -> Result<()> {
    build(BESIDE)?;
    let (kept, made) = (files(DIST)?, files(BESIDE)?);
    let names: Vec<&PathBuf> = kept
        .keys()
        .chain(made.keys().filter(|name| !kept.contains_key(*name)))
        .filter(|name| kept.get(*name) != made.get(*name))
        .collect();
    ensure!(
        names.is_empty(),
        "console/dist is not what its source gives (run `cargo xtask console`): {names:?}"
    );
    Ok(())
}

fn build(into: &str) -> Result<()> {
    run(command(SOURCE, "npm ci --no-audit --no-fund --loglevel=error"))?;
    run(command(SOURCE, "npm run check"))?;
    let mut build = command(SOURCE, "npm run build -- --emptyOutDir --logLevel warn --outDir");
    build.arg(root().join(into));
    run(build)
}

/// All files of a folder, by their path in it.
fn files(folder: &str) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    fn walk(top: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                walk(top, &path, found)?;
            } else {
                found.insert(path.strip_prefix(top)?.to_owned(), fs::read(&path)?);
            }
        }
        Ok(())
    }
    let (top, mut found) = (root().join(folder), BTreeMap::new());
    walk(&top, &top, &mut found)?;
    Ok(found)
}
