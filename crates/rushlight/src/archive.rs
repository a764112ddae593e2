//! Unpacks what interpreters come in: `.tgz` of npm and of download pages, wheels and other zips. Nothing leaves the
//! folder it is unpacked into. Knows no interpreter.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::read::GzDecoder;

const BLOCK: usize = 512;
/// Of all files of an archive.
const BYTES_MAX: u64 = 4 << 30;
const NAME_BYTES_MAX: u64 = 64 << 10;

pub(crate) fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let mut head = [0; 4];
    let mut file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    file.read_exact(&mut head).with_context(|| format!("{} is no archive", archive.display()))?;
    let file = File::open(archive)?;
    match head {
        [0x1f, 0x8b, ..] => untar(&mut GzDecoder::new(io::BufReader::new(file)), into),
        [b'P', b'K', ..] => unzip(file, into),
        _ => bail!("{} is neither a .tar.gz nor a zip", archive.display()),
    }
}

fn unzip(file: File, into: &Path) -> Result<()> {
    let mut zip = zip::ZipArchive::new(io::BufReader::new(file))?;
    zip.extract(into)?;
    Ok(())
}

/// What a header says of the next file.
#[derive(Debug, Default)]
struct Named {
    path: Option<String>,
    link: Option<String>,
}

/// ustar with GNU's and POSIX's long names.
fn untar(tar: &mut impl Read, into: &Path) -> Result<()> {
    let mut named = Named::default();
    let mut total = 0;
    loop {
        let mut header = [0; BLOCK];
        tar.read_exact(&mut header).context("the archive breaks off")?;
        if header.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        let size = number(&header[124..136])?;
        total += size;
        ensure!(total <= BYTES_MAX, "the archive is too large");
        let mut content = tar.take(size);
        match header[156] {
            b'L' => named.path = Some(long_text(&mut content)?),
            b'K' => named.link = Some(long_text(&mut content)?),
            b'x' => read_pax(&long_text(&mut content)?, &mut named),
            b'g' => {}
            kind => write(kind, &header, std::mem::take(&mut named), &mut content, into)?,
        }
        io::copy(&mut content, &mut io::sink())?;
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        io::copy(&mut tar.take(padding), &mut io::sink())?;
    }
}

fn write(kind: u8, header: &[u8; BLOCK], named: Named, content: &mut impl Read, into: &Path) -> Result<()> {
    let path = named.path.unwrap_or_else(|| {
        let (prefix, name) = (text(&header[345..500]), text(&header[..100]));
        if prefix.is_empty() || &header[257..262] != b"ustar" { name } else { format!("{prefix}/{name}") }
    });
    let to = inside(into, &path)?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let link = || named.link.clone().unwrap_or_else(|| text(&header[157..257]));
    match kind {
        b'0' | 0 | b'7' => {
            io::copy(content, &mut File::create(&to)?)?;
            let executable = number(&header[100..108])? & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
        }
        b'5' => fs::create_dir_all(&to)?,
        b'1' => {
            fs::copy(inside(into, &link())?, &to).with_context(|| format!("{path} in the archive"))?;
        }
        b'2' => {
            let target = link();
            // Of links that lead out, what is within could be written through them.
            let beside = Path::new(&path).parent().unwrap_or(Path::new("")).join(&target);
            ensure!(stays_inside(&beside), "{path} in the archive leads out of it");
            symlink(target, &to)?;
        }
        // Devices and pipes are no part of an interpreter.
        _ => {}
    }
    Ok(())
}

fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    ensure!(
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)),
        "{name} in the archive leads out of it"
    );
    Ok(folder.join(path))
}

fn stays_inside(path: &Path) -> bool {
    let mut depth = 0_i32;
    path.components().all(|part| {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => return false,
        }
        depth >= 0
    })
}

fn number(field: &[u8]) -> Result<u64> {
    let digits = text(field);
    u64::from_str_radix(digits.trim(), 8).with_context(|| format!("{digits:?} in the archive is no number"))
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn long_text(content: &mut impl Read) -> Result<String> {
    let mut bytes = Vec::new();
    content.take(NAME_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(text(&bytes))
}

/// `27 path=some/long/name` lines.
fn read_pax(lines: &str, named: &mut Named) {
    for line in lines.lines() {
        let Some((name, value)) = line.split_once(' ').and_then(|(_, line)| line.split_once('=')) else {
            continue;
        };
        match name {
            "path" => named.path = Some(value.to_owned()),
            "linkpath" => named.link = Some(value.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn entry(kind: u8, name: &str, link: &str, mode: &str, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..100 + mode.len()].copy_from_slice(mode.as_bytes());
        let size = format!("{:011o}", content.len());
        block[124..135].copy_from_slice(size.as_bytes());
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..262].copy_from_slice(b"ustar");
        block.extend_from_slice(content);
        block.resize(block.len().next_multiple_of(BLOCK), 0);
        block
    }

    fn unpacked(entries: &[Vec<u8>]) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(&entries.concat())?;
        gz.write_all(&[0; BLOCK])?;
        let archive = folder.path().join("a.tgz");
        fs::write(&archive, gz.finish()?)?;
        unpack(&archive, &folder.path().join("out"))?;
        Ok(folder)
    }

    #[test]
    fn files_modes_links_and_long_names() {
        let long = format!("package/{}/x", "d".repeat(150));
        let folder = unpacked(&[
            entry(b'0', "package/bin/node", "", "0000755", b"program"),
            entry(b'0', "package/LICENSE", "", "0000600", b""),
            entry(b'2', "package/bin/nodejs", "node", "0000777", b""),
            entry(b'x', "pax", "", "0000644", format!("170 path={long}\n").as_bytes()),
            entry(b'0', "short", "", "0000644", b"long"),
        ])
        .unwrap();
        let out = folder.path().join("out");
        assert_eq!(fs::read(out.join("package/bin/nodejs")).unwrap(), b"program");
        let mode = |name: &str| fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("package/bin/node"), mode("package/LICENSE")), (0o755, 0o644));
        assert_eq!(fs::read(out.join(long)).unwrap(), b"long");
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for entry in [
            entry(b'0', "../x", "", "0000644", b""),
            entry(b'0', "/tmp/x", "", "0000644", b""),
            entry(b'2', "a/x", "../../y", "0000644", b""),
            entry(b'2', "x", "/etc", "0000644", b""),
            entry(b'1', "x", "../y", "0000644", b""),
        ] {
            assert!(unpacked(&[entry]).is_err());
        }
    }
}
