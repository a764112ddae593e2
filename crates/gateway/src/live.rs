//! The stages that answer: what is stored of an API, compiled when it is first asked for and kept until somebody
//! edits it, on this node or another. A lookup is one atomic load and two hash lookups. Knows no request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use store::{Store, Watch};

use crate::error::Result;

/// A stage of some protocol, and how it is made.
pub(crate) trait Live: Sized {
    /// The rows that say what an API's stages are, each of them watched before it is read; none of no such API.
    async fn read(reader: &mut Reader<'_>, api_id: &str) -> Result<Option<Rows>>;

    /// The stages of the API by their names.
    async fn compile(store: &Store, rows: &Rows) -> Result<HashMap<String, Arc<Self>>>;
}

/// What is stored of an API and its stages. All else that makes a stage is never written twice, or marked when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) api: Bytes,
    pub(crate) stages: Vec<Bytes>,
    /// The mark of the last change of what stages that deploy themselves run.
    pub(crate) change: Option<Bytes>,
}

/// Reads rows, and watches them where others may write them.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    store: &'s Store,
    watches: Option<Vec<Watch>>,
}

impl Reader<'_> {
    pub(crate) async fn get(&mut self, key: Bytes) -> Result<Option<Bytes>> {
        self.watch(&key);
        Ok(self.store.get(&key).await?.map(|entry| entry.value))
    }

    /// All rows below a prefix.
    pub(crate) async fn all(&mut self, prefix: Bytes) -> Result<Vec<Bytes>> {
        self.watch(&prefix);
        Ok(self.store.rows(prefix).await?.into_iter().map(|(_, value)| value).collect())
    }

    fn watch(&mut self, prefix: &Bytes) {
        if let Some(watches) = &mut self.watches {
            watches.push(self.store.watch(prefix.clone()));
        }
    }
}

/// The compiled stages of an API.
#[derive(Debug)]
struct LiveApi<S> {
    stages: Arc<HashMap<String, Arc<S>>>,
    rows: Rows,
    watches: Vec<Watch>,
}

impl<S> LiveApi<S> {
    /// Nobody wrote what it is made of, as far as this node has heard.
    fn is_fresh(&self) -> bool {
        !self.watches.iter().any(Watch::has_changed)
    }
}

type LiveApis<S> = HashMap<String, Arc<LiveApi<S>>>;

/// The compiled stages of all APIs that were asked for.
#[derive(Debug)]
pub(crate) struct LiveStages<S> {
    apis: ArcSwap<LiveApis<S>>,
    /// Counts edits, and is locked while `apis` is replaced: what was read before an edit is not kept after it.
    edits: Mutex<u64>,
    /// Other nodes edit too.
    shared: bool,
}

impl<S: Live> LiveStages<S> {
    pub(crate) fn new(shared: bool) -> Self {
        Self { apis: ArcSwap::default(), edits: Mutex::default(), shared }
    }

    /// The stage `name` of the API `api_id`; the outer none is of no such API.
    pub(crate) async fn find(
        &self,
        store: &Store,
        api_id: &str,
        name: &str,
    ) -> Result<Option<Option<Arc<S>>>> {
        let known = self.apis.load().get(api_id).cloned();
        if let Some(api) = known.as_ref().filter(|api| api.is_fresh()) {
            return Ok(Some(api.stages.get(name).cloned()));
        }
        let edits = self.edits();
        let Some(api) = self.load(store, api_id, known.as_deref()).await? else {
            if known.is_some() {
                self.forget(api_id);
            }
            return Ok(None);
        };
        let stage = api.stages.get(name).cloned();
        self.keep(api_id, api, edits);
        Ok(Some(stage))
    }

    /// Reads an API; what was `known` of it is compiled anew only where it changed, for a watch may wake for nothing.
    async fn load(
        &self,
        store: &Store,
        api_id: &str,
        known: Option<&LiveApi<S>>,
    ) -> Result<Option<LiveApi<S>>> {
        let mut reader = Reader { store, watches: self.shared.then(Vec::new) };
        let Some(rows) = S::read(&mut reader, api_id).await? else { return Ok(None) };
        let stages = match known.filter(|known| known.rows == rows) {
            Some(known) => Arc::clone(&known.stages),
            None => Arc::new(S::compile(store, &rows).await?),
        };
        Ok(Some(LiveApi { stages, rows, watches: reader.watches.unwrap_or_default() }))
    }

    /// Whether the API's stages are kept.
    pub(crate) fn knows(&self, api_id: &str) -> bool {
        self.apis.load().contains_key(api_id)
    }

    /// Called after every committed edit of this node that a stage can see: the next request reads anew.
    pub(crate) fn forget(&self, api_id: &str) {
        let mut edits = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        *edits += 1;
        if self.knows(api_id) {
            let mut apis = LiveApis::clone(&self.apis.load());
            apis.remove(api_id);
            self.apis.store(Arc::new(apis));
        }
    }

    fn edits(&self) -> u64 {
        *self.edits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, api_id: &str, api: LiveApi<S>, read_at: u64) {
        let edits = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        if *edits == read_at {
            let mut apis = LiveApis::clone(&self.apis.load());
            apis.insert(api_id.to_owned(), Arc::new(api));
            self.apis.store(Arc::new(apis));
        }
    }
}
