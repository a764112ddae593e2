//! `cargo xtask runtimes`: the AWS SDK for JavaScript bundled from its lock file into `runtimes/node/sdk.zip`, and the
//! bootstrap of Java compiled into `runtimes/java/bootstrap.jar`. Both are functions of their sources: sorted names, no
//! times.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::shell::{command, root, run};

const SOURCE: &str = "runtimes/node/sdk";
const BUNDLE: &str = "runtimes/node/sdk.zip";

type Files = BTreeMap<String, Vec<u8>>;

const JAVA_SOURCE: &str = "runtimes/java/src";
const JAVA_ARCHIVE: &str = "runtimes/java/bootstrap.jar";
/// The oldest Java that runs it.
const JAVA_RELEASE: &str = "17";
const MANIFEST: &str = "META-INF/MANIFEST.MF";

pub(crate) fn write() -> Result<()> {
    let files = build_java()?;
    fs::write(root().join(JAVA_ARCHIVE), pack(&files)?)?;
    eprintln!("{JAVA_ARCHIVE}: {} files", files.len());
    let files = build()?;
    let bytes = pack(&files)?;
    fs::write(root().join(BUNDLE), &bytes)?;
    eprintln!("{BUNDLE}: {} files, {} KB", files.len(), bytes.len() / 1024);
    Ok(())
}

/// Fails when the committed bundle is not what its sources give.
pub(crate) fn check() -> Result<()> {
    let (committed, mut built) = (read(JAVA_ARCHIVE)?, build_java()?);
    let compiler = |files: &Files| files.get(MANIFEST).map(|text| attribute(text, "Created-By"));
    if compiler(&committed) != compiler(&built) {
        // Another compiler makes other code of the same sources; whether they are the same is still told by their hash.
        let sources = |files: &Files| files.get(MANIFEST).map(|text| attribute(text, "Sources"));
        if sources(&committed) == sources(&built) {
            built.clone_from(&committed);
        }
    }
    compare(JAVA_ARCHIVE, &committed, &built)?;
    compare(BUNDLE, &read(BUNDLE)?, &build()?)
}

fn read(archive: &str) -> Result<Files> {
    unpack(&fs::read(root().join(archive)).with_context(|| format!("{archive} is missing"))?)
}

fn compare(archive: &str, committed: &Files, built: &Files) -> Result<()> {
    let names = committed.keys().chain(built.keys());
    let differing: Vec<&String> = names.filter(|name| committed.get(*name) != built.get(*name)).collect();
    if !differing.is_empty() {
        bail!("{archive} is stale; run `cargo xtask runtimes`. It differs in {differing:?}");
    }
    Ok(())
}

/// The line of a manifest that begins so.
fn attribute(manifest: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(manifest);
    text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
}

fn build_java() -> Result<Files> {
    let (top, out) = (root().join(JAVA_SOURCE), root().join("target/java-bootstrap"));
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let mut sources = Files::new();
    collect(&top, &top, &mut sources)?;
    let mut hash = Sha256::new();
    for (name, text) in &sources {
        hash.update(name);
        hash.update(text);
    }
    let names: Vec<&str> = sources.keys().map(String::as_str).collect();
    let compile = format!(
        "javac --release {JAVA_RELEASE} -g:source,lines -Xlint:all,-serial -Werror -d {} {}",
        out.display(),
        names.join(" ")
    );
    run(command(JAVA_SOURCE, &compile))?;
    let mut files = Files::new();
    collect(&out, &out, &mut files)?;
    let version = Command::new("javac").arg("-version").output().context("javac")?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // The frames' socket and the variables of a function that comes late are out of reach without these.
    let manifest = format!(
        "Manifest-Version: 1.0\nCreated-By: {version}\nSources: {hash}\nMain-Class: rushlight.Bootstrap\n\
         Add-Opens: java.base/java.io java.base/java.lang java.base/java.util\n"
    );
    files.insert(MANIFEST.to_owned(), manifest.into_bytes());
    Ok(files)
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
