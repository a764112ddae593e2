//! The folder itself: listing, reading and writing below its root, on threads that may wait for the disk.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ports::{BoxFuture, ObjectEntry, ObjectError, ObjectReader, ObjectWriter, Objects};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::name;

/// The objects below a folder, which is made when it is first written to.
#[derive(Debug, Clone)]
pub struct FolderObjects {
    root: PathBuf,
}

const PIECE_BYTES: usize = 64 << 10;
const DEPTH_MAX: usize = 64;

type Outcome<T> = Result<T, ObjectError>;

impl FolderObjects {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn bucket(&self, bucket: &str) -> Outcome<OwnedFd> {
        name::check_bucket(bucket)?;
        let root = rustix::fs::open(&self.root, folder_flags(), Mode::empty());
        let bucket = root.and_then(|root| open_folder(&root, bucket));
        bucket.map_err(|error| {
            if is_absent(error) { ObjectError::NoSuchBucket } else { failed(bucket_of(&self.root), error) }
        })
    }

    fn list_now(&self, bucket: &str, prefix: &str, limit: usize) -> Outcome<Vec<ObjectEntry>> {
        let bucket = self.bucket(bucket)?;
        let (folders, rest) = name::split_prefix(prefix)?;
        let mut folder = bucket;
        let mut path = String::new();
        for part in folders {
            folder = match open_folder(&folder, part) {
                Ok(folder) => folder,
                Err(error) if is_absent(error) => return Ok(Vec::new()),
                Err(error) => return Err(failed(part, error)),
            };
            path.push_str(part);
            path.push('/');
        }
        let mut listing = Listing { limit, found: Vec::new() };
        listing.walk(&folder, &path, rest, 0)?;
        listing.found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(listing.found)
    }

    fn open_now(&self, bucket: &str, key: &str) -> Outcome<File> {
        let (folders, file) = name::parts(key)?;
        let absent = |error| if is_absent(error) { ObjectError::NoSuchKey } else { failed(key, error) };
        let mut folder = self.bucket(bucket)?;
        for part in folders {
            folder = open_folder(&folder, part).map_err(absent)?;
        }
        // Without waiting for the other end of a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, file, flags, Mode::empty()).map_err(absent)?;
        let stat = rustix::fs::fstat(&file).map_err(absent)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(file)),
            _ => Err(ObjectError::NoSuchKey),
        }
    }

    fn create_now(&self, bucket: &str, key: &str) -> Outcome<Unfinished> {
        name::check_bucket(bucket)?;
        let (folders, file) = name::parts(key)?;
        let told = |error: Errno| failed(key, error);
        std::fs::create_dir_all(&self.root)
            .map_err(|error| ObjectError::Failed(format!("{}: {error}", self.root.display())))?;
        let mut folder = rustix::fs::open(&self.root, folder_flags(), Mode::empty()).map_err(told)?;
        for part in std::iter::once(bucket).chain(folders) {
            match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(told(error)),
            }
            folder = open_folder(&folder, part).map_err(told)?;
        }
        let shadow = format!("{}{}", name::UNFINISHED, shadow_of(file));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened =
            rustix::fs::openat(&folder, shadow.as_str(), flags, Mode::from_raw_mode(0o666)).map_err(told)?;
        Ok(Unfinished { folder, shadow, file: file.to_owned(), content: File::from(opened), done: false })
    }
}

/// A short name that is the same for the same object: what a crash left is written over by the next attempt.
fn shadow_of(file: &str) -> String {
    let hash = file.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn bucket_of(root: &Path) -> &str {
    root.to_str().unwrap_or("the folder of objects")
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn open_folder(parent: &OwnedFd, part: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, part, folder_flags() | OFlags::NOFOLLOW, Mode::empty())
}

/// Also a link or a file where a folder is looked for: there is no such object.
fn is_absent(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG)
}

fn failed(what: &str, error: Errno) -> ObjectError {
    ObjectError::Failed(format!("{what}: {}", io::Error::from(error)))
}

struct Listing {
    limit: usize,
    found: Vec<ObjectEntry>,
}

impl Listing {
    /// Adds what is in `folder` and below it; names in it must begin with `start`.
    fn walk(&mut self, folder: &OwnedFd, path: &str, start: &str, depth: usize) -> Outcome<()> {
        if depth > DEPTH_MAX {
            return Err(ObjectError::Refused(format!("{path:?} is too deep")));
        }
        let entries = Dir::read_from(folder).map_err(|error| failed(path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| failed(path, error))?;
            // Keys are text.
            let Ok(file) = entry.file_name().to_str() else { continue };
            if matches!(file, "." | "..") || !file.starts_with(start) || file.starts_with(name::UNFINISHED) {
                continue;
            }
            // Something may have gone since.
            let Ok(stat) = rustix::fs::statat(folder, file, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => {
                    if self.found.len() >= self.limit {
                        return Err(ObjectError::TooMany(self.limit));
                    }
                    let size = u64::try_from(stat.st_size).unwrap_or(0);
                    self.found.push(ObjectEntry { key: format!("{path}{file}"), size });
                }
                FileType::Directory => {
                    let Ok(below) = open_folder(folder, file) else { continue };
                    self.walk(&below, &format!("{path}{file}/"), "", depth + 1)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Runs what may wait for the disk on a thread for that.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(ObjectError::Failed(error.to_string())),
    }
}

impl Objects for FolderObjects {
    fn list<'a>(
        &'a self,
        bucket: &'a str,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Outcome<Vec<ObjectEntry>>> {
        let (objects, bucket, prefix) = (self.clone(), bucket.to_owned(), prefix.to_owned());
        Box::pin(apart(move || objects.list_now(&bucket, &prefix, limit)))
    }

    fn open<'a>(&'a self, bucket: &'a str, key: &'a str) -> BoxFuture<'a, Outcome<Box<dyn ObjectReader>>> {
        let (objects, bucket, key) = (self.clone(), bucket.to_owned(), key.to_owned());
        Box::pin(async move {
            let file = apart(move || objects.open_now(&bucket, &key)).await?;
            Ok(Box::new(Reading(Some(file))) as Box<dyn ObjectReader>)
        })
    }

    fn create<'a>(&'a self, bucket: &'a str, key: &'a str) -> BoxFuture<'a, Outcome<Box<dyn ObjectWriter>>> {
        let (objects, bucket, key) = (self.clone(), bucket.to_owned(), key.to_owned());
        Box::pin(async move {
            let unfinished = apart(move || objects.create_now(&bucket, &key)).await?;
            Ok(Box::new(Writing(Some(unfinished))) as Box<dyn ObjectWriter>)
        })
    }
}

/// None after a failure.
#[derive(Debug)]
struct Reading(Option<File>);

impl ObjectReader for Reading {
    fn read(&mut self) -> BoxFuture<'_, Outcome<Option<Bytes>>> {
        Box::pin(async move {
            let Some(mut file) = self.0.take() else { return Err(broken()) };
            let (file, piece) = apart(move || {
                let mut piece = vec![0; PIECE_BYTES];
                let read = file.read(&mut piece).map_err(|error| ObjectError::Failed(error.to_string()))?;
                piece.truncate(read);
                Ok((file, piece))
            })
            .await?;
            self.0 = Some(file);
            Ok((!piece.is_empty()).then(|| piece.into()))
        })
    }
}

/// A file beside the place of the object.
#[derive(Debug)]
struct Unfinished {
    folder: OwnedFd,
    shadow: String,
    file: String,
    content: File,
    done: bool,
}

impl Unfinished {
    fn finish(mut self) -> Outcome<()> {
        let told = |error: io::Error| ObjectError::Failed(error.to_string());
        self.content.sync_all().map_err(told)?;
        let renamed =
            rustix::fs::renameat(&self.folder, self.shadow.as_str(), &self.folder, self.file.as_str());
        renamed.map_err(|error| told(error.into()))?;
        self.done = true;
        rustix::fs::fsync(&self.folder).map_err(|error| told(error.into()))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.done {
            // The next attempt writes over what cannot be removed.
            _ = rustix::fs::unlinkat(&self.folder, self.shadow.as_str(), AtFlags::empty());
        }
    }
}

/// None after a failure.
#[derive(Debug)]
struct Writing(Option<Unfinished>);

impl ObjectWriter for Writing {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Outcome<()>> {
        Box::pin(async move {
            let Some(mut unfinished) = self.0.take() else { return Err(broken()) };
            let unfinished = apart(move || {
                let written = unfinished.content.write_all(&piece);
                written.map_err(|error| ObjectError::Failed(error.to_string()))?;
                Ok(unfinished)
            })
            .await?;
            self.0 = Some(unfinished);
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Outcome<()>> {
        Box::pin(async move {
            let Some(unfinished) = self.0.take() else { return Err(broken()) };
            apart(move || unfinished.finish()).await
        })
    }
}

fn broken() -> ObjectError {
    ObjectError::Failed("an earlier read or write of this object failed".to_owned())
}
