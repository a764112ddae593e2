//! What an account keeps by name beside its functions: few rows, read from the store whenever they are asked for.
//! Knows not what they say.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use store::{Batch, KvError, Store};
use tokio::sync::Mutex;

#[derive(Debug)]
pub(crate) struct Registry {
    store: Store,
    /// Held while an operation reads, decides and commits.
    pub(crate) turn: Mutex<()>,
}

impl Registry {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, turn: Mutex::new(()) }
    }

    pub(crate) async fn get<T: for<'b> Decode<'b, ()>>(&self, key: &Bytes) -> Result<Option<T>, KvError> {
        self.store.get(key).await?.map(|entry| decode(key, &entry.value)).transpose()
    }

    /// The rows whose keys begin with `prefix`, in the order of their keys.
    pub(crate) async fn list<T: for<'b> Decode<'b, ()>>(&self, prefix: Bytes) -> Result<Vec<T>, KvError> {
        self.store.rows(prefix).await?.iter().map(|(key, value)| decode(key, value)).collect()
    }

    pub(crate) async fn put<T: Encode<()>>(&self, key: Bytes, row: &T) -> Result<(), KvError> {
        let row = minicbor::to_vec(row).expect("writing to a Vec does not fail");
        self.store.commit(Batch::new().put(key, row)).await.map(drop)
    }

    pub(crate) async fn delete(&self, key: Bytes) -> Result<(), KvError> {
        self.store.commit(Batch::new().delete(key)).await.map(drop)
    }
}

fn decode<T: for<'b> Decode<'b, ()>>(key: &Bytes, value: &Bytes) -> Result<T, KvError> {
    minicbor::decode(value).map_err(|error| KvError::Damaged(format!("setting at {key:?}: {error}")))
}
