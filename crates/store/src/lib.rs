//! `Store`: the one concrete type over all engines that services hold. An enum, so that services need no generics
//! and an embedded read needs no box. Knows the contract and the engines, and nothing of what is stored.

mod lease;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use kv::{Answer, Decision, Kv};

pub use kv::{
    Batch, Conflict, Entry, Expect, KeyRange, KvError, Limits, Mutation, Page, ScanOptions, Seq,
    TransactError, Watch,
};
pub use kv_local::{Durability, Local, Options};
pub use kv_postgres::{Options as PostgresOptions, Postgres, Target, TargetError};
pub use lease::{LEASE_SILENCE, Lease, Leases};

/// A handle on the store; clones share it. The methods are those of [`kv::Kv`], where they are described.
#[derive(Debug, Clone)]
pub enum Store {
    Memory(Arc<kv::Memory>),
    Local(Arc<Local>),
    Postgres(Arc<Postgres>),
}

/// What a banner or a metric says about a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub engine: &'static str,
    pub path: Option<PathBuf>,
    /// Of a database, without its secret.
    pub url: Option<String>,
    pub durability: Option<Durability>,
    /// Bytes in memory or on the disk.
    pub bytes: u64,
}

impl Store {
    /// Nothing is kept.
    pub fn memory() -> Self {
        Store::Memory(Arc::new(kv::Memory::new()))
    }

    /// The embedded engine on a data folder, made when it is not there.
    pub fn open(path: impl AsRef<Path>, durability: Durability) -> Result<Self, KvError> {
        Self::open_with(path, Options { durability, ..Options::default() })
    }

    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self, KvError> {
        Ok(Store::Local(Arc::new(Local::open(path, options)?)))
    }

    /// Whether other processes may work on the same data at the same time.
    pub fn is_shared(&self) -> bool {
        match self {
            Store::Memory(_) | Store::Local(_) => false,
            Store::Postgres(_) => true,
        }
    }

    /// A database that speaks PostgreSQL's protocol, at `postgres://user:password@host:port/database?schema=name`.
    pub async fn connect(url: &str) -> Result<Self, KvError> {
        let target = url.parse().map_err(|error: TargetError| KvError::Engine(Box::new(error)))?;
        Self::connect_with(target, PostgresOptions::default()).await
    }

    pub async fn connect_with(target: Target, options: PostgresOptions) -> Result<Self, KvError> {
        Ok(Store::Postgres(Arc::new(Postgres::open(target, options).await?)))
    }

    pub async fn get(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        match self {
            Store::Memory(engine) => engine.get(key).await,
            Store::Local(engine) => engine.get(key).await,
            Store::Postgres(engine) => engine.get(key).await,
        }
    }

    pub async fn multi_get(&self, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
        match self {
            Store::Memory(engine) => engine.multi_get(keys).await,
            Store::Local(engine) => engine.multi_get(keys).await,
            Store::Postgres(engine) => engine.multi_get(keys).await,
        }
    }

    pub async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Page, KvError> {
        match self {
            Store::Memory(engine) => engine.scan(range, options).await,
            Store::Local(engine) => engine.scan(range, options).await,
            Store::Postgres(engine) => engine.scan(range, options).await,
        }
    }

    /// All rows whose keys begin with `prefix`, in the order of their keys: for what fits into memory.
    pub async fn rows(&self, prefix: Bytes) -> Result<Vec<(Bytes, Bytes)>, KvError> {
        let mut range = KeyRange::prefix(prefix);
        let mut rows = Vec::new();
        loop {
            let page = self.scan(range.clone(), ScanOptions::default()).await?;
            rows.extend(page.entries);
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(rows),
            }
        }
    }

    pub async fn commit(&self, batch: Batch) -> Result<Seq, KvError> {
        match self {
            Store::Memory(engine) => engine.commit(batch).await,
            Store::Local(engine) => engine.commit(batch).await,
            Store::Postgres(engine) => engine.commit(batch).await,
        }
    }

    pub async fn transact<T, E, F>(
        &self,
        keys: Vec<Bytes>,
        mut decide: F,
    ) -> Result<(T, Seq), TransactError<E>>
    where
        T: Send,
        E: Send,
        F: FnMut(&[Option<Entry>]) -> Result<(Batch, T), E> + Send,
    {
        let mut answer = Answer::default();
        let seq = self.decide(keys, &mut |entries| answer.keep(decide(entries))).await?;
        answer.with(seq)
    }

    async fn decide(&self, keys: Vec<Bytes>, decision: &mut Decision<'_>) -> Result<Option<Seq>, KvError> {
        match self {
            Store::Memory(engine) => engine.decide(keys, decision).await,
            Store::Local(engine) => engine.decide(keys, decision).await,
            Store::Postgres(engine) => engine.decide(keys, decision).await,
        }
    }

    pub async fn safe_seq(&self) -> Result<Seq, KvError> {
        match self {
            Store::Memory(engine) => engine.safe_seq().await,
            Store::Local(engine) => engine.safe_seq().await,
            Store::Postgres(engine) => engine.safe_seq().await,
        }
    }

    pub async fn settle(&self) -> Result<(), KvError> {
        match self {
            Store::Memory(engine) => engine.settle().await,
            Store::Local(engine) => engine.settle().await,
            Store::Postgres(engine) => engine.settle().await,
        }
    }

    pub fn watch(&self, prefix: impl Into<Bytes>) -> Watch {
        match self {
            Store::Memory(engine) => engine.watch(prefix.into()),
            Store::Local(engine) => engine.watch(prefix.into()),
            Store::Postgres(engine) => engine.watch(prefix.into()),
        }
    }

    pub async fn delete_range(&self, range: KeyRange) -> Result<u64, KvError> {
        match self {
            Store::Memory(engine) => engine.delete_range(range).await,
            Store::Local(engine) => engine.delete_range(range).await,
            Store::Postgres(engine) => engine.delete_range(range).await,
        }
    }

    pub async fn checkpoint(&self) -> Result<Seq, KvError> {
        match self {
            Store::Memory(engine) => engine.checkpoint().await,
            Store::Local(engine) => engine.checkpoint().await,
            Store::Postgres(engine) => engine.checkpoint().await,
        }
    }

    pub fn limits(&self) -> Limits {
        match self {
            Store::Memory(engine) => engine.limits(),
            Store::Local(engine) => engine.limits(),
            Store::Postgres(engine) => engine.limits(),
        }
    }

    /// Acknowledges what is queued, syncs and lets go of the folder or the connections. Call it last; it does not wait for clones.
    pub async fn close(&self) -> Result<(), KvError> {
        match self {
            Store::Memory(engine) => {
                engine.close();
                Ok(())
            }
            Store::Local(engine) => engine.close().await,
            Store::Postgres(engine) => {
                engine.close().await;
                Ok(())
            }
        }
    }

    pub fn describe(&self) -> Description {
        match self {
            Store::Memory(engine) => {
                let bytes = engine.bytes();
                Description { engine: "memory", path: None, url: None, durability: None, bytes }
            }
            Store::Local(engine) => Description {
                engine: "local",
                path: Some(engine.path().to_owned()),
                url: None,
                durability: Some(engine.durability()),
                bytes: engine.bytes(),
            },
            Store::Postgres(engine) => Description {
                engine: "postgres",
                path: None,
                url: Some(engine.target().to_string()),
                durability: None,
                bytes: engine.bytes(),
            },
        }
    }
}
