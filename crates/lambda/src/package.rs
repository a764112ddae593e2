//! Function packages: a zip checked and unpacked, with nothing of it outside its folder and nothing of it
//! larger than allowed. Synchronous file work (call it where blocking is allowed); knows no function.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use base::Limits;
use zip::ZipArchive;
use zip::read::ZipFile;

/// Symbolic links are short; longer ones are damage.
const LINK_BYTES_MAX: u64 = 4096;
/// The longest name that a file system takes.
const PART_BYTES_MAX: usize = 255;
/// The longest path that Linux takes, less room for the folder it is unpacked to.
const NAME_BYTES_MAX: usize = 3072;

/// Why a package was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("the zip holds no file")]
    Empty,
    /// Not a zip, damaged, encrypted, or packed by a method nobody uses.
    #[error("broken zip: {0}")]
    Broken(String),
    /// An entry that would be written outside the package.
    #[error("entry {0:?} leads out of the package")]
    Escapes(String),
    #[error("larger than {max} bytes when unzipped")]
    TooLarge { max: u64 },
    #[error("more than {max} entries")]
    TooManyEntries { max: usize },
    #[error("cannot unpack: {0}")]
    Io(#[from] io::Error),
}

/// Unpacks `zip` into the empty folder `into` and returns how many bytes it holds.
///
/// Files become `r-xr-xr-x` or `r--r--r--` by the executable bit of their entry, as the package is mounted
/// read-only. Symbolic links are kept as they are, and may lead out as on AWS (`node_modules` to a layer's): who looks
/// into the folder from outside of a jail follows none. On an error the folder's content is garbage.
pub(crate) fn unpack(zip: &[u8], into: &Path, limits: &Limits) -> Result<u64, PackageError> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(broken)?;
    if archive.is_empty() {
        return Err(PackageError::Empty);
    }
    if archive.len() > limits.zip_entries_max {
        return Err(PackageError::TooManyEntries { max: limits.zip_entries_max });
    }
    let mut unpacked =
        Unpacked { root: into, left: limits.unzipped_bytes_max, links: Vec::new(), folders: HashSet::new() };
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(broken)?;
        unpacked.entry(&mut entry).map_err(|error| match error {
            PackageError::TooLarge { .. } => PackageError::TooLarge { max: limits.unzipped_bytes_max },
            other => other,
        })?;
    }
    unpacked.make_links()?;
    Ok(limits.unzipped_bytes_max - unpacked.left)
}

fn broken(error: impl std::fmt::Display) -> PackageError {
    PackageError::Broken(error.to_string())
}

struct Unpacked<'a> {
    root: &'a Path,
    /// Bytes that may still be written.
    left: u64,
    /// Links come last, so that no entry is ever written through one.
    links: Vec<(PathBuf, String)>,
    folders: HashSet<PathBuf>,
}

impl Unpacked<'_> {
    fn entry<R: Read + io::Seek>(&mut self, entry: &mut ZipFile<'_, R>) -> Result<(), PackageError> {
        let name = entry.name().map_err(broken)?.into_owned();
        let Some(path) = inner_path(&name)? else { return Ok(()) };
        if entry.encrypted() {
            return Err(PackageError::Broken(format!("entry {name:?} is encrypted")));
        }
        if entry.is_dir() || name.ends_with('\\') {
            return self.folder(&path);
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        if entry.is_symlink() {
            let mut target = String::new();
            entry.take(LINK_BYTES_MAX).read_to_string(&mut target).map_err(broken)?;
            if target.is_empty() || target.contains('\0') {
                return Err(PackageError::Broken(format!("the link {name:?} leads nowhere")));
            }
            self.links.push((path, target));
            return Ok(());
        }
        // A zip made on Windows knows no modes; its scripts shall run all the same.
        let executable = entry.unix_mode().is_none_or(|mode| mode & 0o111 != 0);
        self.file(&path, if executable { 0o555 } else { 0o444 }, entry)
    }

    fn folder(&mut self, path: &Path) -> Result<(), PackageError> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        match fs::create_dir(self.root.join(path)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(PackageError::Broken(format!("{} is a file and a folder", path.display())));
            }
            Err(error) => return Err(error.into()),
        }
        // Not the umask's choice: the function runs as another user than the server.
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(0o755))?;
        self.folders.insert(path.to_owned());
        Ok(())
    }

    fn file(&mut self, path: &Path, mode: u32, content: &mut impl Read) -> Result<(), PackageError> {
        let target = self.root.join(path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = match options.open(&target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Zips that were appended to name an entry twice; the later one counts.
                fs::remove_file(&target).map_err(broken)?;
                options.open(&target)?
            }
            other => other?,
        };
        self.copy(content, &mut file)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Counts what really comes out, because sizes in the zip's headers are only claims.
    fn copy(&mut self, content: &mut impl Read, file: &mut File) -> Result<(), PackageError> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = content.read(&mut buffer).map_err(broken)?;
            if read == 0 {
                return Ok(());
            }
            self.left = self.left.checked_sub(read as u64).ok_or(PackageError::TooLarge { max: 0 })?;
            file.write_all(&buffer[..read])?;
        }
    }

    /// Wherever they lead: the function follows them, in its jail. Every folder that an entry stands in was made before,
    /// so that none is made through another.
    fn make_links(&self) -> Result<(), PackageError> {
        for (path, target) in &self.links {
            let place = self.root.join(path);
            if place.symlink_metadata().is_ok() {
                fs::remove_file(&place).map_err(broken)?;
            }
            symlink(target, &place).map_err(broken)?;
        }
        Ok(())
    }
}

/// The path inside the package that an entry names; none for the package's own folder.
fn inner_path(name: &str) -> Result<Option<PathBuf>, PackageError> {
    let escapes = || PackageError::Escapes(name.to_owned());
    if name.starts_with(['/', '\\']) || name.contains('\0') || name.len() > NAME_BYTES_MAX {
        return Err(escapes());
    }
    let mut path = PathBuf::new();
    // Some Windows tools write backslashes, against the zip specification.
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => return Err(escapes()),
            _ if part.len() > PART_BYTES_MAX => {
                return Err(PackageError::Broken(format!("the name {part:?} is too long")));
            }
            _ => path.push(part),
        }
    }
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::write::{SimpleFileOptions, ZipWriter};

    enum Entry<'a> {
        File(&'a str, u32, &'a [u8]),
        Link(&'a str, &'a str),
        Folder(&'a str),
    }
    use Entry::{File as F, Folder as D, Link as L};

    fn zip_of(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for entry in entries {
            match entry {
                F(name, mode, content) => {
                    writer.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
                    writer.write_all(content).unwrap();
                }
                L(name, target) => writer.add_symlink(*name, *target, SimpleFileOptions::default()).unwrap(),
                D(name) => writer.add_directory(*name, SimpleFileOptions::default()).unwrap(),
            }
        }
        writer.finish().unwrap().into_inner()
    }

    fn small() -> Limits {
        Limits { unzipped_bytes_max: 1 << 20, zip_entries_max: 20, ..Limits::default() }
    }

    fn listing(folder: &Path) -> String {
        let mut lines = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(next) = open.pop() {
            for entry in fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                let meta = path.symlink_metadata().unwrap();
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                if meta.is_dir() {
                    open.push(path);
                } else if meta.is_symlink() {
                    lines.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
                } else {
                    lines.push(format!("{name} {:o}", meta.permissions().mode() & 0o777));
                }
            }
        }
        lines.sort();
        lines.join(", ")
    }

    #[test]
    fn keeps_what_a_package_needs() {
        for (entries, expected) in [
            (vec![F("index.js", 0o644, b"x")], "index.js 444"),
            (vec![F("bootstrap", 0o755, b"x"), F("./lib/a.py", 0o600, b"")], "bootstrap 555, lib/a.py 444"),
            (vec![D("a/"), D("a/b/"), F("a/b/c", 0o644, b"")], "a/b/c 444"),
            (vec![F("a\\b.js", 0o644, b"")], "a/b.js 444"),
            (
                vec![F("m/x/cli.js", 0o755, b""), L("m/.bin/x", "../x/cli.js")],
                "m/.bin/x -> ../x/cli.js, m/x/cli.js 555",
            ),
            (vec![L("gone", "nowhere/at/all")], "gone -> nowhere/at/all"),
            (
                vec![L("node_modules", "/opt/nodejs/node_modules"), L("a/up", "../../opt")],
                "a/up -> ../../opt, node_modules -> /opt/nodejs/node_modules",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            unpack(&zip_of(&entries), folder.path(), &small()).unwrap();
            assert_eq!(listing(folder.path()), expected);
        }
    }

    #[test]
    fn hostile_packages_are_refused_and_write_nothing_outside() {
        let bomb = vec![0u8; 2 << 20];
        let crowd: Vec<_> = (0..21).map(|i| format!("f{i}")).collect();
        let crowd: Vec<_> = crowd.iter().map(|name| F(name, 0o644, b"")).collect();
        for (what, entries, expected) in [
            ("climbs", vec![F("../evil", 0o644, b"x")], "Escapes"),
            ("climbs deep", vec![F("a/../../evil", 0o644, b"x")], "Escapes"),
            ("climbs with backslashes", vec![F("a\\..\\..\\evil", 0o644, b"x")], "Escapes"),
            ("long name", vec![F(&format!("a/{}", "n".repeat(256)), 0o644, b"x")], "Broken"),
            ("absolute", vec![F("/evil", 0o644, b"x")], "Escapes"),
            ("link to nothing named", vec![L("l", "")], "Broken"),
            ("long link", vec![L("l", &"n".repeat(4096))], "Broken"),
            ("link through a link", vec![L("d", "/tmp"), L("d/l", "x")], "Broken"),
            // The link is made after the file, in whose place a folder stands by then.
            ("write through a link", vec![L("d", "e"), F("d/f", 0o644, b"x")], "Broken"),
            ("a file as a folder", vec![F("d", 0o644, b"x"), F("d/f", 0o644, b"x")], "Broken"),
            ("bomb", vec![F("zeros", 0o644, &bomb)], "TooLarge"),
            ("crowd", crowd, "TooManyEntries"),
            ("nothing", vec![], "Empty"),
        ] {
            let above = tempfile::tempdir().unwrap();
            let folder = above.path().join("package");
            fs::create_dir(&folder).unwrap();
            let error = unpack(&zip_of(&entries), &folder, &small()).expect_err(what);
            assert!(format!("{error:?}").starts_with(expected), "{what}: {error:?}");
            assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1, "{what}");
        }
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let good = zip_of(&[F("a.js", 0o644, &[b'x'; 300]), F("b.js", 0o644, b"y")]);
        for (what, zip) in
            [("no zip", b"exports.handler".to_vec()), ("empty", vec![]), ("PK only", b"PK\x03\x04".to_vec())]
        {
            let folder = tempfile::tempdir().unwrap();
            assert!(matches!(unpack(&zip, folder.path(), &small()), Err(PackageError::Broken(_))), "{what}");
        }
        for at in 0..good.len() {
            for damaged in [good[..at].to_vec(), [&good[..at], &[good[at] ^ 0x55], &good[at + 1..]].concat()]
            {
                let folder = tempfile::tempdir().unwrap();
                // Some flips hit a time stamp or a mode and change nothing that counts; none may panic.
                let _ = unpack(&damaged, folder.path(), &small());
            }
        }
    }
}
