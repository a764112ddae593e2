//! Notices changes of a folder, through the kernel's own queue: it is written to before a save returns, so whoever asks
//! after a save is told of it. Knows no function.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// Events of more files than one read takes are read in several.
const PIECE: usize = 16 << 10;

/// A folder and all below it, but for hidden folders and what is inside `node_modules`: of that only its first level
/// counts, where package managers leave a file at each of their runs.
#[derive(Debug)]
pub(crate) struct Watch {
    root: PathBuf,
    /// Device and inode: another folder may come to stand at the same place.
    identity: (u64, u64),
    queue: OwnedFd,
    folders: HashMap<i32, PathBuf>,
}

/// What one look at the queue found.
#[derive(Debug, Default)]
struct Seen {
    changed: bool,
    /// Folders that have come.
    new: Vec<PathBuf>,
    /// The kernel gave up counting: everything must be looked at again.
    overflowed: bool,
}

impl Watch {
    /// # Errors
    /// The folder cannot be read, or the system allows no more watches (`fs.inotify.max_user_watches`).
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let identity = identity(root).map_err(|error| about(root, &error))?;
        let mut watch = Self { root: root.to_owned(), identity, queue, folders: HashMap::new() };
        watch.add(root)?;
        Ok(watch)
    }

    /// Whether anything was saved, deleted or moved since the last call.
    pub(crate) fn has_changed(&mut self) -> io::Result<bool> {
        if identity(&self.root).map_err(|error| about(&self.root, &error))? != self.identity {
            *self = Self::new(&self.root.clone())?;
            return Ok(true);
        }
        let seen = self.look()?;
        for folder in &seen.new {
            self.add(folder)?;
        }
        if seen.overflowed {
            let root = self.root.clone();
            self.add(&root)?;
        }
        Ok(seen.changed || seen.overflowed)
    }

    fn look(&self) -> io::Result<Seen> {
        let mut piece = [MaybeUninit::uninit(); PIECE];
        let mut reader = inotify::Reader::new(&self.queue, &mut piece);
        let mut seen = Seen::default();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => return Ok(seen),
                Err(error) => return Err(error.into()),
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                seen.overflowed = true;
                continue;
            }
            let (Some(name), Some(folder)) = (event.file_name(), self.folders.get(&event.wd())) else {
                continue;
            };
            let path = folder.join(OsStr::from_bytes(name.to_bytes()));
            if event.events().contains(ReadFlags::ISDIR) && is_passed_over(&path) || is_editors_own(&path) {
                continue;
            }
            seen.changed = true;
            if event.events().contains(ReadFlags::ISDIR)
                && event.events().intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO)
            {
                seen.new.push(path);
            }
        }
    }

    /// Watches a folder and those below it. One that has gone meanwhile is none.
    fn add(&mut self, top: &Path) -> io::Result<()> {
        let flags = WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        let mut waiting = vec![top.to_owned()];
        while let Some(folder) = waiting.pop() {
            match inotify::add_watch(&self.queue, &folder, flags) {
                Ok(number) => _ = self.folders.insert(number, folder.clone()),
                Err(Errno::NOENT | Errno::NOTDIR) if folder != self.root => continue,
                Err(error) => return Err(about(&folder, &error.into())),
            }
            if folder.ends_with("node_modules") {
                continue;
            }
            let inside = fs::read_dir(&folder).into_iter().flatten().flatten();
            let folders = inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            waiting.extend(folders.map(|entry| entry.path()).filter(|path| !is_passed_over(path)));
        }
        Ok(())
    }
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(folder).map(|found| (found.dev(), found.ino()))
}

fn about(folder: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot watch {}: {error}", folder.display()))
}

/// Folders whose content no function is.
fn is_passed_over(folder: &Path) -> bool {
    let name = folder.file_name().map(OsStr::as_bytes).unwrap_or_default();
    name.starts_with(b".") || name == b"__pycache__"
}

/// Files that editors make beside the one that is edited.
fn is_editors_own(file: &Path) -> bool {
    let name = file.file_name().map(OsStr::as_bytes).unwrap_or_default();
    name.ends_with(b"~")
        || name.ends_with(b".swp")
        || name.ends_with(b".swx")
        || name == b"4913"
        || name.starts_with(b".#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_after_a_save_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("src/deep")).unwrap();
        fs::create_dir_all(at("node_modules/left-pad")).unwrap();
        fs::create_dir_all(at(".git")).unwrap();
        fs::write(at("src/deep/a.js"), "1").unwrap();
        let mut watch = Watch::new(folder.path()).unwrap();
        let mut check = |what: &str, expected: bool| {
            assert_eq!(watch.has_changed().unwrap(), expected, "{what}");
            assert!(!watch.has_changed().unwrap(), "{what}, told twice");
        };
        check("nothing", false);
        fs::write(at("src/deep/a.js"), "2").unwrap();
        check("a save", true);
        fs::write(at("src/deep/.a.js.new"), "3").unwrap();
        fs::rename(at("src/deep/.a.js.new"), at("src/deep/a.js")).unwrap();
        check("a save by renaming", true);
        fs::create_dir_all(at("lib/inner")).unwrap();
        check("new folders", true);
        fs::write(at("lib/inner/b.js"), "1").unwrap();
        check("a file in a new folder", true);
        fs::remove_file(at("lib/inner/b.js")).unwrap();
        check("a deletion", true);
        fs::write(at(".git/HEAD"), "x").unwrap();
        fs::write(at("node_modules/left-pad/index.js"), "x").unwrap();
        fs::write(at("src/a.js~"), "x").unwrap();
        check("what is no code of a function", false);
        fs::write(at("node_modules/.package-lock.json"), "{}").unwrap();
        check("another package", true);
        fs::rename(at("src"), folder.path().with_extension("old")).unwrap();
        check("a folder that left", true);
        fs::remove_dir_all(folder.path().with_extension("old")).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        fs::create_dir(folder.path()).unwrap();
        check("another folder at its place", true);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Watch::new(Path::new("/no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("/no/such/folder"), "{error}");
    }
}
