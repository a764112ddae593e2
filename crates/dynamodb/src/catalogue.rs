//! The tables that exist: in memory for every request, in the store for ever. Knows no items.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use base::Scope;
use bytes::Bytes;
use store::{Batch, Entry, Expect, KeyRange, ScanOptions, Seq, Store, TransactError};
use tokio::sync::{Mutex, Notify};

use crate::error::{Error, Result};
use crate::hold::{Hold, LEASE, Lease};
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
    /// Tables, by id, that were replaced and with which requests may still work.
    replaced: std::sync::Mutex<HashMap<u32, Vec<Weak<Table>>>>,
    /// Told when a change may have been committed that is not shown.
    interrupted: Arc<Notify>,
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

/// Tells that a change was given up between its commit and its show, as when the client has gone.
struct Unshown<'a>(Option<&'a Notify>);

impl Drop for Unshown<'_> {
    fn drop(&mut self) {
        if let Some(interrupted) = self.0 {
            interrupted.notify_one();
        }
    }
}

/// No commit has this number.
const NOTHING_KNOWN: Seq = Seq::MAX;
/// How long after the last lease a write of another node may still be on its way to the store.
const LEASE_MARGIN: Duration = Duration::from_millis(200);
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
            replaced: std::sync::Mutex::default(),
            interrupted: Arc::default(),
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
        let is_open = |table: &Arc<Table>| table.phase.is_none();
        if self.lease.as_ref().is_none_or(|lease| lease.is_valid()) {
            let known = self.get(scope, name).filter(is_open);
            if known.is_some() || self.lease.is_none() {
                return Ok(known);
            }
        }
        Ok(self.fresh(scope, name).await?.filter(is_open))
    }

    /// Refuses a write, right before its commit, if `table` may have changed.
    pub(crate) async fn confirm(&self, table: &Table) -> Result<()> {
        if table.hold.is_current() {
            return Ok(());
        }
        self.look().await?;
        table.check_current()
    }

    /// Whether other nodes change tables too.
    pub(crate) fn is_shared(&self) -> bool {
        self.lease.is_some()
    }

    pub(crate) fn interrupted(&self) -> Arc<Notify> {
        self.interrupted.clone()
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
    pub(crate) async fn alter<T, F>(&self, scope: &Scope, name: &str, mut decide: F) -> Result<T>
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
        let mut unshown = Unshown(Some(&self.interrupted));
        let committed = self.store.transact(vec![key.clone()], whole).await;
        if let Err(TransactError::Refused(_)) = &committed {
            unshown.0 = None;
        }
        let ((fate, answer), _) = committed.map_err(refusal)?;
        match fate {
            Fate::Stays => {}
            Fate::Becomes(table) => {
                let table = self.hold(*table);
                self.show(scope, move |names| names.insert(table.name.clone(), table))
            }
            Fate::Goes => self.show(scope, |names| names.remove(name)),
        }
        unshown.0 = None;
        Ok(answer)
    }

    /// Returns when no write is committed any more that was made for the table `id` as it was before the last
    /// [`Self::alter`]: what is read from then on has all of them. Waits as long as it takes.
    pub(crate) async fn quiesce(&self, id: u32) -> Result<()> {
        let began = Instant::now();
        let replaced = lock(&self.replaced).get(&id).cloned().unwrap_or_default();
        for table in replaced {
            let Some(table) = table.upgrade() else { continue };
            let (name, gone) = (table.name.clone(), table.hold.gone());
            drop(table);
            tokio::pin!(gone);
            while tokio::time::timeout(QUIESCE_TOLD, &mut gone).await.is_err() {
                tracing::warn!(table = name, "requests still work with a table as it was before a change");
            }
        }
        if self.is_shared() {
            tokio::time::sleep((LEASE + LEASE_MARGIN).saturating_sub(began.elapsed())).await;
        }
        Ok(self.store.settle().await?)
    }

    fn hold(&self, table: Table) -> Arc<Table> {
        Arc::new(Table { hold: Hold::leased(self.lease.clone()), ..table })
    }

    /// Shows another table, or none, at a name to later requests.
    fn show(&self, scope: &Scope, change: impl FnOnce(&mut Names) -> Option<Arc<Table>>) {
        let mut scopes = HashMap::clone(&self.scopes.load());
        let mut names = scopes.get(scope).map(|names| Names::clone(names)).unwrap_or_default();
        let before = change(&mut names);
        if let Some(before) = &before {
            self.note_replaced(before);
        }
        scopes.insert(scope.clone(), Arc::new(names));
        self.scopes.store(Arc::new(scopes));
        if let Some(before) = before {
            before.hold.freeze();
        }
    }

    fn note_replaced(&self, table: &Arc<Table>) {
        let mut replaced = lock(&self.replaced);
        replaced.retain(|_, tables| {
            tables.retain(|table| table.strong_count() > 0);
            !tables.is_empty()
        });
        replaced.entry(table.id).or_default().push(Arc::downgrade(table));
    }

    /// Reads the tables anew if they have changed since they were read, and begins the lease again.
    pub(crate) async fn catch_up(&self) -> Result<()> {
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
        let stays = |table: &Arc<Table>| {
            let now = scopes.get(&table.scope).and_then(|names| names.get(&table.name));
            now.is_some_and(|now| Arc::ptr_eq(now, table))
        };
        let mut before = self.all();
        before.retain(|table| !stays(table));
        before.iter().for_each(|table| self.note_replaced(table));
        let scopes: Scopes = scopes.into_iter().map(|(scope, names)| (scope, Arc::new(names))).collect();
        self.scopes.store(Arc::new(scopes));
        before.iter().for_each(|table| table.hold.freeze());
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
