//! `cargo xtask runtimes`: the AWS SDK for JavaScript bundled from its lock file into `runtimes/node/sdk.zip`.
//! The zip is a function of the lock file and the build script: sorted names, no times.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::shell::{command, root, run};

const SOURCE: &str = "runtimes/node/sdk";
const BUNDLE: &str = "runtimes/node/sdk.zip";

type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn write() -> Result<()> {
    let files = build()?;
    let bytes = pack(&files)?;
    fs::write(root().join(BUNDLE), &bytes)?;
    eprintln!("{BUNDLE}: {} files, {} KB", files.len(), bytes.len() / 1024);
    Ok(())
}

/// Fails when the committed bundle is not what its sources give.
pub(crate) fn check() -> Result<()> {
    let bytes = fs::read(root().join(BUNDLE)).with_context(|| format!("{BUNDLE} is missing"))?;
    let (committed, built) = (unpack(&bytes)?, build()?);
    let names = committed.keys().chain(built.keys());
    let differing: Vec<&String> = names.filter(|name| committed.get(*name) != built.get(*name)).collect();
    if !differing.is_empty() {
        bail!("{BUNDLE} is stale; run `cargo xtask runtimes`. It differs in {differing:?}");
    }
    Ok(())
}

fn build() -> Result<Files> {
    run(command(SOURCE, "npm ci --no-audit --no-fund --loglevel=error"))?;
    run(command(SOURCE, "node build.mjs"))?;
    let dist = root().join(SOURCE).join("dist");
    let mut files = Files::new();
    collect(&dist, &dist, &mut files)?;
    Ok(files)
}

fn collect(top: &Path, folder: &Path, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            collect(top, &path, files)?;
        } else {
            let name = path.strip_prefix(top)?.to_string_lossy().into_owned();
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}

fn pack(files: &Files) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (name, bytes) in files {
        zip.start_file(name.as_str(), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn unpack(bytes: &[u8]) -> Result<Files> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))?;
    let mut files = Files::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(entry.name()?.into_owned(), bytes);
    }
    Ok(files)
}
