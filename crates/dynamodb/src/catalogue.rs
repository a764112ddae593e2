//! The tables that exist: in memory for every request, in the store for ever. Knows no items.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base::Scope;
use bytes::Bytes;
use store::{Batch, Entry, KeyRange, KvError, ScanOptions, Store, TransactError};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::layout;
use crate::table::{Stream, Table};

/// The tables of one account and region, by name.
pub(crate) type Names = BTreeMap<String, Arc<Table>>;

/// Reading takes no lock. Changes are one at a time.
#[derive(Debug)]
pub(crate) struct Catalogue {
    scopes: ArcSwap<HashMap<Scope, Arc<Names>>>,
    changing: Mutex<()>,
}

/// How long a change waits for requests that still work with the table as it was.
const SETTLE_MAX: Duration = Duration::from_secs(10);

impl Catalogue {
    /// Reads all tables from the store.
    pub(crate) async fn load(store: &Store) -> Result<Self> {
        let mut scopes: HashMap<Scope, Names> = HashMap::new();
        let mut range = KeyRange::prefix(layout::tables());
        loop {
            let page = store.scan(range.clone(), ScanOptions::default()).await?;
            for (key, value) in &page.entries {
                let mut table: Table = decode(value)?;
                table.scope = layout::scope_of_table(key)
                    .ok_or_else(|| Error::Corrupt(format!("table record at {key:?}")))?;
                let names = scopes.entry(table.scope.clone()).or_default();
                names.insert(table.name.clone(), Arc::new(table));
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => break,
            }
        }
        let scopes = scopes.into_iter().map(|(scope, names)| (scope, Arc::new(names))).collect();
        Ok(Self { scopes: ArcSwap::from_pointee(scopes), changing: Mutex::new(()) })
    }

    pub(crate) fn get(&self, scope: &Scope, name: &str) -> Option<Arc<Table>> {
        self.scopes.load().get(scope)?.get(name).cloned()
    }

    pub(crate) fn names(&self, scope: &Scope) -> Arc<Names> {
        self.scopes.load().get(scope).cloned().unwrap_or_default()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Table>> {
        self.scopes.load().values().flat_map(|names| names.values().cloned()).collect()
    }

    /// Whether there is a table of this id, with an index of this number; 0 is the table itself.
    pub(crate) fn knows(&self, table_id: u32, number: u8) -> bool {
        let has = |table: &Table| {
            number == layout::BASE || table.indexes.iter().any(|index| index.number == number)
        };
        let scopes = self.scopes.load();
        scopes.values().flat_map(|names| names.values()).any(|table| table.id == table_id && has(table))
    }

    /// Held from the look at a table to the commit of its change.
    pub(crate) async fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Commits `table` as new or in place of the one of its name, with `batch`, and shows it to later requests.
    /// Answers the table as it was.
    pub(crate) async fn commit(
        &self,
        store: &Store,
        batch: Batch,
        table: Table,
    ) -> Result<(Arc<Table>, Option<Arc<Table>>)> {
        let key = layout::table(&table.scope, &table.name);
        store.commit(batch.put(key, encode(&table))).await?;
        let table = Arc::new(table);
        let shown = table.clone();
        let before = self.show(&table.scope, move |names| names.insert(shown.name.clone(), shown));
        Ok((table, before))
    }

    /// Takes the table out of sight and deletes its record, with `batch`.
    pub(crate) async fn remove(&self, store: &Store, batch: Batch, table: &Table) -> Result<()> {
        store.commit(batch.delete(layout::table(&table.scope, &table.name))).await?;
        self.show(&table.scope, |names| names.remove(&table.name));
        Ok(())
    }

    fn show<T>(&self, scope: &Scope, change: impl FnOnce(&mut Names) -> T) -> T {
        let mut scopes = HashMap::clone(&self.scopes.load());
        let mut names = scopes.get(scope).map(|names| Names::clone(names)).unwrap_or_default();
        let before = change(&mut names);
        scopes.insert(scope.clone(), Arc::new(names));
        self.scopes.store(Arc::new(scopes));
        before
    }
}

/// Returns when no request works with `table` any more, which is no longer in the catalogue: writers hold it while
/// they write, so that an index made now misses nothing and a range deleted now stays empty.
pub(crate) async fn settle(table: Arc<Table>) {
    let settled = async {
        while Arc::strong_count(&table) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(SETTLE_MAX, settled).await.is_err() {
        tracing::warn!(table = table.name, "requests still work with a table after its change");
    }
}

/// The next number that no table had.
pub(crate) async fn allocate_id(store: &Store) -> Result<u32> {
    let key = layout::next_table_id();
    let decide = |entries: &[Option<Entry>]| {
        let next = match &entries[0] {
            None => 1,
            Some(entry) => u32::from_be_bytes(
                entry.value.as_ref().try_into().map_err(|_| Error::Corrupt("table id counter".to_owned()))?,
            ),
        };
        let following = Bytes::copy_from_slice(&(next + 1).to_be_bytes());
        Ok((Batch::new().put(layout::next_table_id(), following), next))
    };
    let (id, _) = store.transact(vec![key], decide).await.map_err(refusal)?;
    Ok(id)
}

/// Why a transaction of this service did not commit.
pub(crate) fn refusal(error: TransactError<Error>) -> Error {
    match error {
        TransactError::Refused(error) => error,
        TransactError::Store(error) => Error::Store(error),
    }
}

/// The batch with which a change of `stream` is kept.
pub(crate) fn put_stream(batch: Batch, scope: &Scope, stream: &Stream) -> Batch {
    batch.put(layout::stream(scope, &stream.table_name, &stream.label), encode(stream))
}

pub(crate) fn encode<T: minicbor::Encode<()>>(record: &T) -> Bytes {
    let mut bytes = Vec::new();
    minicbor::encode(record, &mut bytes).expect("a vector takes every write");
    bytes.into()
}

pub(crate) fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> Result<T> {
    minicbor::decode(bytes).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Whether a guarded commit lost to another.
pub(crate) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Store(KvError::Conflict(_)))
}
