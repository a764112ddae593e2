//! The AWS SDK clients that functions may require without packaging them: `runtimes/node/sdk.zip`, unpacked when the
//! first Node.js process starts. Knows no function.

use std::fs;
use std::io::{self, Cursor};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const BUNDLE: &[u8] = include_bytes!("../../../runtimes/node/sdk.zip");

/// Makes `runtime_dir/node_modules`. Left as it is when an earlier start of this version made it; what is half made
/// never has that name.
pub(crate) fn unpack(runtime_dir: &Path) -> io::Result<()> {
    let (folder, stamp) = (runtime_dir.join("node_modules"), runtime_dir.join("node_modules.size"));
    let version = BUNDLE.len().to_string();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == version) && folder.is_dir() {
        return Ok(());
    }
    let half = runtime_dir.join(format!("node_modules.{}", std::process::id()));
    zip::ZipArchive::new(Cursor::new(BUNDLE))
        .and_then(|mut zip| zip.extract(&half))
        .map_err(io::Error::other)?;
    open_to_all(&half)?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&half, &folder)?;
    fs::write(&stamp, version)
}

/// Functions of a server that is root run as other users; a fresh folder is its owner's alone.
fn open_to_all(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_once_and_again_when_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let client = folder.path().join("node_modules/@aws-sdk/client-dynamodb/index.js");
        unpack(folder.path()).unwrap();
        fs::write(&client, "kept").unwrap();
        unpack(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&client).unwrap(), "kept");
        fs::remove_file(folder.path().join("node_modules.size")).unwrap();
        unpack(folder.path()).unwrap();
        assert!(fs::read_to_string(&client).unwrap().contains("rushlight-aws-sdk"));
    }
}
