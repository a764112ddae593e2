//! All layers in memory, as [`crate::catalogue`] has the functions: read at the start, written by the operations.
//! Knows no function; a function that uses a layer keeps a reference to its package of its own.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base::Scope;
use store::{Batch, Expect, KvError, Store};
use tokio::sync::Mutex;

use crate::keys;
use crate::layer::LayerVersion;

type Versions = BTreeMap<(Scope, String, u64), Arc<LayerVersion>>;

#[derive(Debug)]
pub(crate) struct Layers {
    store: Store,
    versions: RwLock<Versions>,
    /// Held while an operation reads, decides and commits, and while a function takes hold of a layer's package.
    pub(crate) turn: Mutex<()>,
}

impl Layers {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, versions: RwLock::default(), turn: Mutex::new(()) }
    }

    /// Reads all layers from the store; what was known before is forgotten.
    pub(crate) async fn load(&self) -> Result<(), KvError> {
        let _turn = self.turn.lock().await;
        let mut versions = Versions::new();
        for (key, value) in self.store.rows(keys::layer_versions()).await? {
            let version: LayerVersion = minicbor::decode(&value)
                .map_err(|error| KvError::Damaged(format!("layer at {key:?}: {error}")))?;
            versions.insert((version.scope(), version.name.clone(), version.number), Arc::new(version));
        }
        *self.versions.write().unwrap_or_else(PoisonError::into_inner) = versions;
        Ok(())
    }

    /// Other nodes hear of `batch`.
    fn announced(&self, batch: Batch) -> Batch {
        if self.store.is_shared() { batch.put(keys::epoch(), Vec::new()) } else { batch }
    }

    pub(crate) fn get(&self, scope: &Scope, name: &str, number: u64) -> Option<Arc<LayerVersion>> {
        self.read().get(&(scope.clone(), name.to_owned(), number)).cloned()
    }

    /// The versions of a layer, the oldest first.
    pub(crate) fn of(&self, scope: &Scope, name: &str) -> Vec<Arc<LayerVersion>> {
        let first = (scope.clone(), name.to_owned(), 0);
        let same = |version: &&Arc<LayerVersion>| version.name == name && version.scope() == *scope;
        self.read().range(first..).map(|(_, version)| version).take_while(same).cloned().collect()
    }

    /// All versions of all layers of `scope`, by name and number.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<Arc<LayerVersion>> {
        let first = Bound::Included((scope.clone(), String::new(), 0));
        let versions = self.read();
        let all = versions.range((first, Bound::Unbounded));
        all.take_while(|((owner, ..), _)| owner == scope).map(|(_, version)| version.clone()).collect()
    }

    pub(crate) fn all(&self) -> Vec<Arc<LayerVersion>> {
        self.read().values().cloned().collect()
    }

    /// The number of a layer's next version.
    pub(crate) async fn next_number(&self, scope: &Scope, name: &str) -> Result<u64, KvError> {
        let entry = self.store.get(&keys::layer_numbers(scope, name)).await?;
        let last = entry.and_then(|entry| <[u8; 8]>::try_from(&entry.value[..]).ok());
        Ok(last.map_or(0, u64::from_be_bytes) + 1)
    }

    /// Makes a version durable, then visible: a new one, or one with another policy.
    pub(crate) async fn put(&self, version: LayerVersion) -> Result<Arc<LayerVersion>, KvError> {
        let (scope, name, number) = (version.scope(), version.name.clone(), version.number);
        let mut batch = Batch::new().put(
            keys::layer_version(&scope, &name, number),
            minicbor::to_vec(&version).expect("writing to a Vec does not fail"),
        );
        if self.get(&scope, &name, number).is_none() {
            // Another node may be about to give the same number.
            batch = batch
                .expect(keys::layer_version(&scope, &name, number), Expect::Absent)
                .put(keys::layer_numbers(&scope, &name), number.to_be_bytes().to_vec());
        }
        self.store.commit(self.announced(batch)).await?;
        Ok(self.insert(version))
    }

    pub(crate) async fn delete(&self, version: &LayerVersion) -> Result<(), KvError> {
        let (scope, name, number) = (version.scope(), version.name.clone(), version.number);
        let batch = Batch::new().delete(keys::layer_version(&scope, &name, number));
        self.store.commit(self.announced(batch)).await?;
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.remove(&(scope, name, number));
        Ok(())
    }

    fn insert(&self, version: LayerVersion) -> Arc<LayerVersion> {
        let version = Arc::new(version);
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.insert((version.scope(), version.name.clone(), version.number), version.clone());
        version
    }

    fn read(&self) -> RwLockReadGuard<'_, Versions> {
        self.versions.read().unwrap_or_else(PoisonError::into_inner)
    }
}
