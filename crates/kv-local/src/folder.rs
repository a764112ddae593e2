//! The data folder: one server at a time, and a format that says which versions may open it.
//! Knows nothing of what the storage engine keeps below `db`.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use kv::KvError;

/// The format this version writes, and the newest it reads. Raise it when older versions could not read the data, and
/// keep a fixture of the one before.
pub const FORMAT: u32 = 1;

const FORMAT_FILE: &str = "FORMAT";
const FORMAT_WORD: &str = "rushlight-data ";
const LOCK_FILE: &str = "LOCK";
const DB_FOLDER: &str = "db";
/// There while the database is being made. A database whose making was interrupted holds nothing, and the storage
/// engine cannot open it.
const UNFINISHED_FILE: &str = "UNFINISHED";

const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A folder that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

/// Unlocked by name and not only by closing: a process being started by another thread has the file for a moment too.
impl Drop for Folder {
    fn drop(&mut self) {
        // Should it fail, the closing unlocks.
        let _ = self.lock.unlock();
    }
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, KvError> {
        fs::create_dir_all(path).map_err(KvError::io(format!("cannot make {}", path.display())))?;
        let lock = lock(path)?;
        let folder = Self { path: path.to_owned(), lock };
        folder.check_format()?;
        folder.clear_unfinished()?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path.join(DB_FOLDER)
    }

    /// What the folder takes on the disk; the journal's preallocated holes do not count.
    pub(crate) fn bytes(&self) -> u64 {
        bytes_below(&self.path).unwrap_or_default()
    }

    fn check_format(&self) -> Result<(), KvError> {
        let file = self.path.join(FORMAT_FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.mark_format(&file),
            Err(error) => return Err(KvError::io(format!("cannot read {}", file.display()))(error)),
        };
        let number = text.strip_prefix(FORMAT_WORD).and_then(|rest| rest.trim_end().parse::<u32>().ok());
        match number {
            Some(found) if found > FORMAT => Err(KvError::Newer { found, known: FORMAT }),
            Some(_) => Ok(()),
            None => Err(KvError::Damaged(format!("{} does not name a format", file.display()))),
        }
    }

    /// Written whole and synced before the first row, so that rows without a format cannot be.
    fn mark_format(&self, file: &Path) -> Result<(), KvError> {
        if self.db().exists() {
            return Err(KvError::Damaged(format!("{} is missing beside the data", file.display())));
        }
        let draft = self.path.join("FORMAT.new");
        let write = || -> io::Result<()> {
            File::create(self.path.join(UNFINISHED_FILE))?;
            let mut out = File::create(&draft)?;
            out.write_all(format!("{FORMAT_WORD}{FORMAT}\n").as_bytes())?;
            out.sync_all()?;
            fs::rename(&draft, file)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(KvError::io(format!("cannot write {}", file.display())))
    }

    fn clear_unfinished(&self) -> Result<(), KvError> {
        let db = self.db();
        if self.path.join(UNFINISHED_FILE).exists() && db.exists() {
            fs::remove_dir_all(&db).map_err(KvError::io(format!("cannot clear {}", db.display())))?;
        }
        Ok(())
    }

    /// The database is made: from now on it may hold rows.
    pub(crate) fn finish(&self) -> Result<(), KvError> {
        let mark = self.path.join(UNFINISHED_FILE);
        if !mark.exists() {
            return Ok(());
        }
        let finish = || -> io::Result<()> {
            fs::remove_file(&mark)?;
            File::open(&self.path)?.sync_all()
        };
        finish().map_err(KvError::io(format!("cannot remove {}", mark.display())))
    }
}

fn bytes_below(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for file in fs::read_dir(path)? {
        let file = file?;
        // A file may be gone between the listing and the look: compaction goes on.
        let Ok(metadata) = file.metadata() else { continue };
        bytes += if metadata.is_dir() {
            bytes_below(&file.path()).unwrap_or_default()
        } else {
            allocated(&metadata)
        };
    }
    Ok(bytes)
}

#[cfg(unix)]
fn allocated(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

fn lock(path: &Path) -> Result<File, KvError> {
    let name = path.join(LOCK_FILE);
    let failed = || KvError::io(format!("cannot lock {}", name.display()));
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&name)
        .map_err(failed())?;
    if !try_lock(&file).map_err(failed())? {
        let mut text = String::new();
        let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
        return Err(KvError::Locked { path: path.to_owned(), pid });
    }
    let mark = |file: &mut File| {
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())
    };
    mark(&mut file).map_err(failed())?;
    Ok(file)
}

/// Waits a moment: a server that was just killed may have left a child that is still closing its files.
fn try_lock(file: &File) -> io::Result<bool> {
    for _ in 0..LOCK_TRIES_MAX {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_PAUSE),
        }
    }
    Ok(false)
}
