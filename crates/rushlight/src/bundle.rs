//! The AWS SDK for JavaScript that functions may require without packaging it: embedded, unpacked once beside the
//! server's other files.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use anyhow::{Context as _, Result};

static SDK: &[u8] = include_bytes!("../../../runtimes/node/sdk.zip");

/// The folder's name, another for every bundle.
pub(crate) fn name() -> String {
    format!("node-sdk-{}-{}", env!("CARGO_PKG_VERSION"), SDK.len())
}

/// Unpacks into `folder/node_modules`, unless that is there already. What is half unpacked is never seen.
pub(crate) fn unpack(folder: &Path) -> Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let unfinished = folder.with_extension(format!("{}.part", std::process::id()));
    write_all(&unfinished.join("node_modules"))
        .with_context(|| format!("cannot unpack the AWS SDK to {}", unfinished.display()))?;
    match fs::rename(&unfinished, folder) {
        // Another server was quicker.
        Err(_) if folder.exists() => fs::remove_dir_all(&unfinished).context("cannot remove a folder"),
        renamed => renamed.context("cannot name the folder of the AWS SDK"),
    }
}

fn write_all(root: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(Cursor::new(SDK))?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let Some(inside) = entry.enclosed_name() else { continue };
        let path = root.join(inside);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut fs::File::create(&path)?)?;
    }
    Ok(())
}
