//! The tables that exist: in memory for every request, in the store for ever. Knows no items.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use base::Scope;
use bytes::Bytes;
use store::{Batch, Entry, Expect, KeyRange, ScanOptions, Seq, Store, TransactError};
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::hold::{Hold, Lease};
use crate::layout;
use crate::table::{Stream, Table};

/// The tables of one account and region, by name.
pub(crate) type Names = BTreeMap<String, Arc<Table>>;

type Scopes = HashMap<Scope, Arc<Names>>;

/// Reading takes no lock. Changes are one at a time in a process, and transactions on the table's record for those of
/// other nodes; the record at [`layout::epoch`] changes with each.
#[derive(Debug)]
pub(crate) struct Catalogue {
    store: Store,
    scopes: ArcSwap<Scopes>,
    /// The commit of a change that is in `scopes`, with all before it.
    known: AtomicU64,
    /// Held while a change or a reload goes on.
    changing: Mutex<()>,
    /// None: nobody else changes the tables of this store.
    lease: Option<Arc<Lease>>,
}

/// What [`Catalogue::alter`] is to do.
#[derive(Debug)]
pub(crate) struct Decision<T = ()> {
    fate: Fate,
    batch: Batch,
    answer: T,
}

#[derive(Debug)]
enum Fate {
    Stays,
    Becomes(Box<Table>),
    Goes,
}

/// What [`Catalogue::alter`] has done.
#[derive(Debug)]
pub(crate) struct Altered<T> {
    /// The table that was replaced, which requests may still work with: see [`Catalogue::quiesce`].
    pub(crate) before: Option<Arc<Table>>,
    pub(crate) answer: T,
}

/// No commit has this number.
const NOTHING_KNOWN: Seq = Seq::MAX;
/// How long a wait for requests that work with a table as it was goes on before the log is told.
const QUIESCE_TOLD: Duration = Duration::from_secs(10);

impl Decision {
    /// Nothing of the table changes.
    pub(crate) fn stays() -> Self {
        Self { fate: Fate::Stays, batch: Batch::new(), answer: () }
    }

    /// The record of this table is put: a new one, or in place of the one of its name.
    pub(crate) fn becomes(table: Table) -> Self {
        Self { fate: Fate::Becomes(Box::new(table)), ..Self::stays() }
    }

    /// The record is deleted.
    pub(crate) fn goes() -> Self {
        Self { fate: Fate::Goes, ..Self::stays() }
    }
}

impl<T> Decision<T> {
    /// What is committed with it: all or nothing.
    pub(crate) fn with(self, batch: Batch) -> Self {
        Self { batch, ..self }
    }

    pub(crate) fn answering<U>(self, answer: U) -> Decision<U> {
        Decision { fate: self.fate, batch: self.batch, answer }
    }
}

impl Catalogue {
    /// Reads all tables from the store, which other processes change too, or not.
    pub(crate) async fn load(store: &Store, shared: bool) -> Result<Self> {
        let lease = shared.then(|| Arc::new(Lease::new()));
        let catalogue = Self {
            store: store.clone(),
            scopes: ArcSwap::default(),
            known: AtomicU64::new(NOTHING_KNOWN),
            changing: Mutex::default(),
            lease,
        };
        catalogue.catch_up().await?;
        Ok(catalogue)
    }

    /// The table as this node knows it.
    pub(crate) fn get(&self, scope: &Scope, name: &str) -> Option<Arc<Table>> {
        self.scopes.load().get(scope)?.get(name).cloned()
    }

    /// The table for an operation on items: known to be the newest moments ago, looked for if it is not known.
    pub(crate) async fn open(&self, scope: &Scope, name: &str) -> Result<Option<Arc<Table>>> {
        if self.lease.as_ref().is_none_or(|lease| lease.is_valid()) {
            let known = self.get(scope, name);
            if known.is_some() || self.lease.is_none() {
                return Ok(known);
            }
        }
        self.fresh(scope, name).await
    }

    /// The table as the store has it now.
    pub(crate) async fn fresh(&self, scope: &Scope, name: &str) -> Result<Option<Arc<Table>>> {
        self.look().await?;
        Ok(self.get(scope, name))
    }

    pub(crate) fn names(&self, scope: &Scope) -> Arc<Names> {
        self.scopes.load().get(scope).cloned().unwrap_or_default()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Table>> {
        self.scopes.load().values().flat_map(|names| names.values().cloned()).collect()
    }

    pub(crate) fn with_id(&self, table_id: u32) -> Option<Arc<Table>> {
        let scopes = self.scopes.load();
        scopes.values().flat_map(|names| names.values()).find(|table| table.id == table_id).cloned()
    }

    /// Whether there is a table of this id, with an index of this number; 0 is the table itself.
    pub(crate) fn knows(&self, table_id: u32, number: u8) -> bool {
        let has = |table: &Table| {
            number == layout::BASE || table.indexes.iter().any(|index| index.number == number)
        };
        let scopes = self.scopes.load();
        scopes.values().flat_map(|names| names.values()).any(|table| table.id == table_id && has(table))
    }

    /// Sees to it that this node knows every change that was committed before this call.
    pub(crate) async fn look(&self) -> Result<()> {
        match &self.lease {
            Some(_) => self.catch_up().await,
            None => Ok(()),
        }
    }

    /// Lets `decide` say what becomes of the table `name`, as the store has it, and commits that as one transaction;
    /// requests of this node that begin from then on see it. `decide` must depend on nothing but its argument, for it
    /// may run again. A conflict of the guards in its batch is answered as it is.
    pub(crate) async fn alter<T, F>(&self, scope: &Scope, name: &str, mut decide: F) -> Result<Altered<T>>
    where
        T: Send,
        F: FnMut(Option<&Table>) -> Result<Decision<T>> + Send,
    {
        let key = layout::table(scope, name);
        let whole = |entries: &[Option<Entry>]| {
            let before = entries[0].as_ref().map(|entry| read(scope, &entry.value)).transpose()?;
            let Decision { fate, batch, answer } = decide(before.as_ref())?;
            let batch = match &fate {
                Fate::Stays => batch,
                Fate::Becomes(table) => batch.put(key.clone(), encode(&**table)).add(layout::epoch(), 1),
                Fate::Goes => batch.delete(key.clone()).add(layout::epoch(), 1),
            };
            Ok::<_, Error>((batch, (fate, answer)))
        };
        let _changing = self.changing.lock().await;
        let ((fate, answer), _) = self.store.transact(vec![key.clone()], whole).await.map_err(refusal)?;
        let before = match fate {
            Fate::Stays => None,
            Fate::Becomes(table) => {
                let table = self.hold(*table);
                self.show(scope, move |names| names.insert(table.name.clone(), table))
            }
            Fate::Goes => self.show(scope, |names| names.remove(name)),
        };
        Ok(Altered { before, answer })
    }

    /// Returns when no write is committed any more that was made for `before`, a table as it was before an
    /// [`Self::alter`]: what is read from then on has all of them. Waits as long as it takes.
    pub(crate) async fn quiesce(&self, before: Option<Arc<Table>>) {
        if let Some(before) = before {
            let (name, gone) = (before.name.clone(), before.hold.gone());
            drop(before);
            tokio::pin!(gone);
            while tokio::time::timeout(QUIESCE_TOLD, &mut gone).await.is_err() {
                tracing::warn!(table = name, "requests still work with a table as it was before a change");
            }
        }
    }

    fn hold(&self, table: Table) -> Arc<Table> {
        Arc::new(Table { hold: Hold::leased(self.lease.clone()), ..table })
    }

    /// Shows another table, or none, at a name to later requests; answers the one that was there.
    fn show(
        &self,
        scope: &Scope,
        change: impl FnOnce(&mut Names) -> Option<Arc<Table>>,
    ) -> Option<Arc<Table>> {
        let mut scopes = HashMap::clone(&self.scopes.load());
        let mut names = scopes.get(scope).map(|names| Names::clone(names)).unwrap_or_default();
        let before = change(&mut names);
        scopes.insert(scope.clone(), Arc::new(names));
        self.scopes.store(Arc::new(scopes));
        if let Some(before) = &before {
            before.hold.freeze();
        }
        before
    }

    /// Reads the tables anew if they have changed since they were read, and begins the lease again.
    async fn catch_up(&self) -> Result<()> {
        let seen = Instant::now();
        if self.newest().await? != self.known.load(Ordering::Acquire) {
            let _changing = self.changing.lock().await;
            // Asked again: who held the lock may have read them.
            let newest = self.newest().await?;
            if newest != self.known.load(Ordering::Acquire) {
                self.replace(self.read_all().await?);
                self.known.store(newest, Ordering::Release);
            }
        }
        if let Some(lease) = &self.lease {
            lease.extend(seen);
        }
        Ok(())
    }

    /// The commit of the newest change of any table.
    async fn newest(&self) -> Result<Seq> {
        Ok(self.store.get(&layout::epoch()).await?.map_or(0, |entry| entry.version))
    }

    async fn read_all(&self) -> Result<HashMap<Scope, Names>> {
        let mut scopes: HashMap<Scope, Names> = HashMap::new();
        let mut range = KeyRange::prefix(layout::tables());
        loop {
            let page = self.store.scan(range.clone(), ScanOptions::default()).await?;
            for (key, value) in &page.entries {
                let scope = layout::scope_of_table(key)
                    .ok_or_else(|| Error::Corrupt(format!("table record at {key:?}")))?;
                let table = read(&scope, value)?;
                let known = self.get(&scope, &table.name).filter(|known| **known == table);
                let table = known.unwrap_or_else(|| self.hold(table));
                scopes.entry(scope).or_default().insert(table.name.clone(), table);
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(scopes),
            }
        }
    }

    /// Shows `scopes` in place of what is known.
    fn replace(&self, scopes: HashMap<Scope, Names>) {
        let before = self.all();
        let scopes: Scopes = scopes.into_iter().map(|(scope, names)| (scope, Arc::new(names))).collect();
        self.scopes.store(Arc::new(scopes));
        for table in before {
            let stays = self.get(&table.scope, &table.name).is_some_and(|now| Arc::ptr_eq(&now, &table));
            if !stays {
                table.hold.freeze();
            }
        }
    }
}

/// The table of a record.
fn read(scope: &Scope, record: &[u8]) -> Result<Table> {
    let mut table: Table = decode(record)?;
    table.scope = scope.clone();
    Ok(table)
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

/// The batch with which `stream`, which is new, is kept.
pub(crate) fn begin_stream(batch: Batch, scope: &Scope, stream: &Stream) -> Batch {
    let key = layout::stream(scope, &stream.table_name, &stream.label);
    put_stream(batch.expect(key, Expect::Absent), scope, stream)
}

pub(crate) fn encode<T: minicbor::Encode<()>>(record: &T) -> Bytes {
    let mut bytes = Vec::new();
    minicbor::encode(record, &mut bytes).expect("a vector takes every write");
    bytes.into()
}

pub(crate) fn decode<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> Result<T> {
    minicbor::decode(bytes).map_err(|error| Error::Corrupt(error.to_string()))
}
