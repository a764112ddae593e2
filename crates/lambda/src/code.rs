//! Packages in the store, by their content, and unpacked on the disk of this machine, where they are a cache.
//! Knows no function: it counts the versions that refer to a package and drops it with the last.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use base::{Limits, random_hex};
use bytes::{Bytes, BytesMut};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use store::{Batch, Entry, KeyRange, KvError, ScanOptions, Store, TransactError};

use crate::function::Code;
use crate::keys;
use crate::package::{self, PackageError};
use crate::sdk_use;

/// Below every engine's limit for a value.
const CHUNK_BYTES: usize = 512 << 10;
/// Chunks written in one commit.
const CHUNKS_PER_COMMIT: usize = 8;

/// Says since which start of the machine the cache is filled.
const BOOT_MARK: &str = "boot";

#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    #[error(transparent)]
    Store(#[from] KvError),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("package {0} is not in the store")]
    Missing(String),
    #[error("unpacking was interrupted")]
    Interrupted,
}

/// What the store knows of a package.
#[derive(Debug, Clone, Encode, Decode)]
struct Meta {
    #[n(0)]
    bytes: u64,
    /// Versions that refer to it, and uploads on their way.
    #[n(1)]
    references: u64,
    /// All its chunks are written.
    #[n(2)]
    complete: bool,
}

#[derive(Debug)]
pub(crate) struct CodeStore {
    store: Store,
    folder: PathBuf,
    limits: Limits,
    /// Folders in use, so that one is removed only when its last environment is gone.
    open: Mutex<HashMap<[u8; 32], Weak<CodeFolder>>>,
}

/// An unpacked package. As long as it is held, its files stay.
#[derive(Debug)]
pub(crate) struct CodeFolder {
    path: PathBuf,
    doomed: AtomicBool,
}

impl CodeFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CodeFolder {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            remove_aside(&self.path);
        }
    }
}

impl CodeStore {
    pub(crate) fn new(store: Store, folder: PathBuf, limits: Limits) -> Self {
        Self { store, folder, limits, open: Mutex::default() }
    }

    /// Empties the cache if the machine was started since it was filled: unpacking syncs nothing, so after a
    /// power loss a file in it may be short.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let mark = self.folder.join(BOOT_MARK);
        if fs::read_to_string(&mark).is_ok_and(|known| known == boot && !boot.is_empty()) {
            return Ok(());
        }
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&self.folder)?;
        fs::write(mark, boot)
    }

    /// Removes folders that nothing refers to: what an earlier process was about to unpack or to remove.
    pub(crate) fn keep_only(&self, references: &HashMap<[u8; 32], u64>) -> io::Result<()> {
        let kept: HashSet<PathBuf> = references.keys().map(|sha256| self.path(sha256)).collect();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !kept.contains(&path) && !path.ends_with(BOOT_MARK) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    /// Checks, unpacks and keeps a package. The caller owns one reference to it: [`release`](Self::release) it
    /// or give it to a version.
    pub(crate) async fn put(&self, zip: &Bytes) -> Result<Code, CodeError> {
        let hashed = zip.clone();
        let hash = tokio::task::spawn_blocking(move || Sha256::digest(&hashed).into());
        let sha256: [u8; 32] = hash.await.map_err(|_| CodeError::Interrupted)?;
        let (unzipped_bytes, uses_sdk) = self.unpack(sha256, zip.clone()).await?;
        let bytes = zip.len() as u64;
        let complete = self.hold(&sha256, bytes).await?;
        if !complete && let Err(error) = self.write(&sha256, zip).await {
            self.release(&sha256).await;
            return Err(error.into());
        }
        Ok(Code { sha256, zip_bytes: bytes, unzipped_bytes, uses_sdk, folder: None })
    }

    /// One more reference to a package that has one.
    pub(crate) async fn hold(&self, sha256: &[u8; 32], bytes: u64) -> Result<bool, KvError> {
        let key = keys::code(sha256);
        let (complete, _) = self
            .transact(key.clone(), |entry| {
                let mut meta = read_meta(entry).unwrap_or(Meta { bytes, references: 0, complete: false });
                meta.references += 1;
                (Batch::new().put(key.clone(), write_meta(&meta)), meta.complete)
            })
            .await?;
        Ok(complete)
    }

    /// One more reference to each of these packages: all, or none.
    pub(crate) async fn hold_all(&self, codes: impl Iterator<Item = &Code> + Send) -> Result<(), KvError> {
        let mut held: Vec<&Code> = Vec::new();
        for code in codes {
            if let Err(error) = self.hold(&code.sha256, code.zip_bytes).await {
                self.release_all(held.into_iter()).await;
                return Err(error);
            }
            held.push(code);
        }
        Ok(())
    }

    /// Gives one reference to each of these packages back.
    pub(crate) async fn release_all(&self, codes: impl Iterator<Item = &Code> + Send) {
        for code in codes {
            self.release(&code.sha256).await;
        }
    }

    async fn write(&self, sha256: &[u8; 32], zip: &Bytes) -> Result<(), KvError> {
        let chunks: Vec<Bytes> = (0..zip.len())
            .step_by(CHUNK_BYTES)
            .map(|at| zip.slice(at..zip.len().min(at + CHUNK_BYTES)))
            .collect();
        for (commit, group) in chunks.chunks(CHUNKS_PER_COMMIT).enumerate() {
            let mut batch = Batch::new();
            for (i, chunk) in group.iter().enumerate() {
                let number = u32::try_from(commit * CHUNKS_PER_COMMIT + i).unwrap_or(u32::MAX);
                batch = batch.put(keys::code_chunk(sha256, number), chunk.clone());
            }
            self.store.commit(batch).await?;
        }
        let key = keys::code(sha256);
        self.transact(key.clone(), |entry| match read_meta(entry) {
            Some(meta) => (Batch::new().put(key.clone(), write_meta(&Meta { complete: true, ..meta })), ()),
            None => (Batch::new(), ()),
        })
        .await?;
        Ok(())
    }

    /// Gives one reference back; the last one takes the package with it. A failure leaves garbage, which
    /// [`recount`](Self::recount) finds at the next start.
    pub(crate) async fn release(&self, sha256: &[u8; 32]) {
        let key = keys::code(sha256);
        let released = self
            .transact(key.clone(), |entry| match read_meta(entry) {
                Some(meta) if meta.references > 1 => {
                    let meta = Meta { references: meta.references - 1, ..meta };
                    (Batch::new().put(key.clone(), write_meta(&meta)), false)
                }
                Some(meta) => (drop_package(sha256, &meta), true),
                None => (Batch::new(), false),
            })
            .await;
        match released {
            Ok((true, _)) => self.doom(sha256),
            Ok((false, _)) => {}
            Err(error) => {
                tracing::warn!(%error, "a package that nothing refers to stays until the next start")
            }
        }
    }

    /// Sets every count to what the versions say; packages without any are dropped.
    pub(crate) async fn recount(&self, references: &HashMap<[u8; 32], u64>) -> Result<(), KvError> {
        let mut range = KeyRange::prefix(keys::codes());
        loop {
            let page = self.store.scan(range.clone(), ScanOptions::default()).await?;
            for (key, value) in &page.entries {
                let (Ok(meta), Ok(sha256)) = (minicbor::decode::<Meta>(value), key[1..].try_into()) else {
                    continue;
                };
                match references.get(&sha256) {
                    Some(&count) if count == meta.references => {}
                    Some(&references) => {
                        let meta = Meta { references, ..meta };
                        self.store.commit(Batch::new().put(key.clone(), write_meta(&meta))).await?;
                    }
                    None => {
                        self.store.commit(drop_package(&sha256, &meta)).await?;
                        self.doom(&sha256);
                    }
                }
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(()),
            }
        }
    }

    /// The zip.
    pub(crate) async fn read(&self, sha256: &[u8; 32]) -> Result<Option<Bytes>, KvError> {
        let Some(entry) = self.store.get(&keys::code(sha256)).await? else { return Ok(None) };
        let Some(meta) = read_meta(Some(&entry)).filter(|meta| meta.complete) else { return Ok(None) };
        let mut zip = BytesMut::new();
        for number in 0..chunk_count(meta.bytes) {
            match self.store.get(&keys::code_chunk(sha256, number)).await? {
                Some(chunk) => zip.extend_from_slice(&chunk.value),
                None => return Ok(None),
            }
        }
        Ok(Some(zip.freeze()))
    }

    /// The folder with the unpacked package, made again from the store if it is not there.
    pub(crate) async fn folder(&self, code: &Code) -> Result<Arc<CodeFolder>, CodeError> {
        if let Some(folder) = &code.folder {
            return Ok(Arc::new(CodeFolder { path: PathBuf::from(folder), doomed: AtomicBool::new(false) }));
        }
        if let Some(folder) = self.open_folder(&code.sha256) {
            return Ok(folder);
        }
        let missing = || CodeError::Missing(code.sha256_hex());
        let zip = self.read(&code.sha256).await?.ok_or_else(missing)?;
        self.unpack(code.sha256, zip).await?;
        self.open_folder(&code.sha256).ok_or_else(missing)
    }

    /// Whether a package is unpacked on this node's disk.
    pub(crate) fn is_here(&self, code: &Code) -> bool {
        code.folder.is_some() || self.path(&code.sha256).is_dir()
    }

    fn open_folder(&self, sha256: &[u8; 32]) -> Option<Arc<CodeFolder>> {
        let path = self.path(sha256);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.is_dir() {
            return None;
        }
        if let Some(folder) = open.get(sha256).and_then(Weak::upgrade) {
            folder.doomed.store(false, Ordering::Release);
            return Some(folder);
        }
        let folder = Arc::new(CodeFolder { path, doomed: AtomicBool::new(false) });
        open.retain(|_, known| known.strong_count() > 0);
        open.insert(*sha256, Arc::downgrade(&folder));
        Some(folder)
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(hex)
    }

    /// The size of what was unpacked, and whether it uses the runtime's SDK.
    async fn unpack(&self, sha256: [u8; 32], zip: Bytes) -> Result<(u64, bool), CodeError> {
        let target = self.path(&sha256);
        let aside = self.folder.join(format!(".unpacking-{}", random_hex(16)));
        let limits = self.limits.clone();
        let work = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&aside).map_err(PackageError::Io)?;
            let unpacked = package::unpack(&zip, &aside, &limits).and_then(|bytes| {
                let uses_sdk = sdk_use::uses_runtimes_sdk(&aside);
                // A folder that is there already has the same content.
                match fs::rename(&aside, &target) {
                    Err(error) if !target.is_dir() => Err(error.into()),
                    _ => Ok((bytes, uses_sdk)),
                }
            });
            let _ = fs::remove_dir_all(&aside);
            unpacked
        });
        Ok(work.await.map_err(|_| CodeError::Interrupted)??)
    }

    /// Removes the unpacked package, now or when its last environment has ended.
    fn doom(&self, sha256: &[u8; 32]) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get(sha256).and_then(Weak::upgrade) {
            Some(folder) => folder.doomed.store(true, Ordering::Release),
            None => remove_aside(&self.path(sha256)),
        }
    }

    async fn transact<T: Send>(
        &self,
        key: Bytes,
        mut decide: impl FnMut(Option<&Entry>) -> (Batch, T) + Send,
    ) -> Result<(T, u64), KvError> {
        let decided = self
            .store
            .transact(vec![key], |entries| {
                let entry = entries.first().and_then(Option::as_ref);
                Ok::<_, std::convert::Infallible>(decide(entry))
            })
            .await;
        decided.map_err(|error| match error {
            TransactError::Store(error) => error,
            TransactError::Refused(never) => match never {},
        })
    }
}

/// Takes the name away at once and the files in the background.
fn remove_aside(path: &Path) {
    let aside = path.with_file_name(format!(".removing-{}", random_hex(16)));
    if fs::rename(path, &aside).is_ok() {
        std::thread::spawn(move || fs::remove_dir_all(aside));
    }
}

fn chunk_count(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(CHUNK_BYTES as u64)).unwrap_or(u32::MAX)
}

fn drop_package(sha256: &[u8; 32], meta: &Meta) -> Batch {
    (0..chunk_count(meta.bytes))
        .fold(Batch::new().delete(keys::code(sha256)), |batch, n| batch.delete(keys::code_chunk(sha256, n)))
}

fn read_meta(entry: Option<&Entry>) -> Option<Meta> {
    minicbor::decode(&entry?.value).ok()
}

fn write_meta(meta: &Meta) -> Vec<u8> {
    minicbor::to_vec(meta).expect("writing to a Vec does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip(content: &[u8]) -> Bytes {
        use std::io::Write;
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        writer.start_file("index.js", options).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap().into_inner().into()
    }

    #[tokio::test]
    async fn a_package_lives_as_long_as_something_refers_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::memory();
        let codes = CodeStore::new(store.clone(), folder.path().join("code"), Limits::default());
        codes.prepare().unwrap();
        let package = zip(&vec![b'x'; 5 << 20]);
        let code = codes.put(&package).await.unwrap();
        let again = codes.put(&package).await.unwrap();
        assert_eq!(code, again);
        assert_eq!(codes.read(&code.sha256).await.unwrap().as_ref(), Some(&package));

        codes.release(&code.sha256).await;
        assert!(codes.read(&code.sha256).await.unwrap().is_some());
        let used = codes.folder(&code).await.unwrap();
        codes.release(&code.sha256).await;
        assert!(codes.read(&code.sha256).await.unwrap().is_none());
        assert!(used.path().join("index.js").is_file());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
        let rows =
            store.scan(KeyRange::new(&b"\x20"[..], &b"\x30"[..]), ScanOptions::default()).await.unwrap();
        assert_eq!(rows.entries.len(), 0);
    }

    #[tokio::test]
    async fn the_cache_is_made_again_and_counts_are_mended() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::memory();
        let codes = CodeStore::new(store.clone(), folder.path().join("code"), Limits::default());
        codes.prepare().unwrap();
        let kept = codes.put(&zip(b"kept")).await.unwrap();
        let lost = codes.put(&zip(b"lost")).await.unwrap();
        codes.hold(&kept.sha256, 0).await.unwrap();
        fs::remove_dir_all(folder.path().join("code")).unwrap();

        let codes = CodeStore::new(store, folder.path().join("code"), Limits::default());
        codes.prepare().unwrap();
        codes.recount(&HashMap::from([(kept.sha256, 1)])).await.unwrap();
        assert!(codes.read(&lost.sha256).await.unwrap().is_none());
        fs::create_dir(folder.path().join("code/.unpacking-1")).unwrap();
        codes.keep_only(&HashMap::new()).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("code")).unwrap().count(), 1);
        let used = codes.folder(&kept).await.unwrap();
        assert_eq!(fs::read(used.path().join("index.js")).unwrap(), b"kept");
        codes.release(&kept.sha256).await;
        assert!(codes.read(&kept.sha256).await.unwrap().is_none());
    }
}
