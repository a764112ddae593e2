//! The contract on the embedded engine. Knows no file and no thread beyond starting the committer.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use kv::{
    Batch, Change, ChangeKey, Decision, Entry, Held, KeyRange, Kv, KvError, Latches, Limits, Page,
    ScanOptions, Seq, Watch, Watchers, resolve,
};

use crate::{
    committer::{self, Overlay, Shared, Staged},
    compactor::{self, Compactor},
    folder::Folder,
    options::{Durability, Options},
    queue::{Queue, Ticket},
    rows::Rows,
    syncer::{self, Syncer},
};

#[derive(Debug)]
pub struct Local {
    shared: Arc<Shared>,
    committer: Mutex<Option<JoinHandle<()>>>,
    /// What is done beside the committer.
    upkeep: Mutex<Vec<JoinHandle<()>>>,
    /// Last, so that the folder is free only after the engine let go of it.
    folder: Folder,
}

/// A decision that is made, and what must be durable before it may be told.
struct Decided<R> {
    result: R,
    wait: Option<Ticket>,
}

/// What a decision was based on.
#[derive(Debug, Default)]
struct Seen {
    /// The newest queued commit whose rows were read.
    staged: Seq,
}

impl Local {
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, KvError> {
        let folder = Folder::open(path.as_ref())?;
        let (rows, last) = Rows::open(&folder.db(), &options)?;
        folder.finish()?;
        let shared = Arc::new(Shared {
            rows,
            queue: Queue::new(last),
            latches: Latches::<Overlay>::default(),
            watchers: Watchers::default(),
            visible: AtomicU64::new(last),
            durability: options.durability,
            syncer: Syncer::default(),
            compactor: Compactor::default(),
            memtable_bytes: options.memtable_bytes,
        });
        let upkeep = Mutex::new(upkeep(&shared, &folder)?);
        let committer = Mutex::new(Some(thread("kv-committer", &shared, committer::run)?));
        Ok(Self { shared, committer, upkeep, folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn durability(&self) -> Durability {
        self.shared.durability
    }

    /// Bytes on the disk, journal included. Looks at the files: for metrics, not for every request.
    pub fn bytes(&self) -> u64 {
        self.folder.bytes()
    }

    /// Acknowledges what is queued and syncs; later writes answer [`KvError::Closed`], and watches end. The folder
    /// is free when the engine is dropped.
    pub async fn close(&self) -> Result<(), KvError> {
        match self.shared.queue.close() {
            Ok(ticket) => settled(Some(ticket)).await,
            Err(KvError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn visible(&self) -> Seq {
        self.shared.visible.load(Ordering::Acquire)
    }

    /// The row a decision must see: queued, or else stored. Its latch is held.
    fn read(
        &self,
        held: &mut Held<'_, Overlay>,
        key: &Bytes,
        seen: &mut Seen,
    ) -> Result<Option<Entry>, KvError> {
        let overlay = held.state(key).expect("the caller holds the latches of all keys it reads");
        let Some(staged) = overlay.get(key) else { return self.shared.rows.latest(key) };
        seen.staged = seen.staged.max(staged.seq);
        Ok(staged.value.clone().map(|value| Entry { value, version: staged.seq }))
    }

    /// Guards, counters and rows of a batch whose keys are held: numbers and queues it.
    fn stage(
        &self,
        held: &mut Held<'_, Overlay>,
        batch: Batch,
        seen: &mut Seen,
    ) -> Result<Decided<Seq>, KvError> {
        let changes = resolve(batch, |key| self.read(held, key, seen))?;
        if changes.is_empty() {
            let seq = self.visible().max(seen.staged);
            return Ok(Decided { result: seq, wait: self.wait_for(seen)? });
        }
        let plain = |change: &Change| match &change.key {
            ChangeKey::Plain(key) => Some((key.clone(), change.value.clone())),
            // Nobody knows this key before it is visible, so no decision can ask for it.
            ChangeKey::Sequenced { .. } => None,
        };
        let staged: Vec<_> = changes.iter().filter_map(plain).collect();
        let (seq, ticket) = self.shared.queue.join(changes)?;
        for (key, value) in staged {
            if let Some(overlay) = held.state(&key) {
                overlay.insert(key, Staged { seq, value });
            }
        }
        Ok(Decided { result: seq, wait: Some(ticket) })
    }

    /// An answer that rests on queued rows is told only when those are durable.
    fn wait_for(&self, seen: &Seen) -> Result<Option<Ticket>, KvError> {
        if seen.staged <= self.visible() { Ok(None) } else { self.shared.queue.barrier(false).map(Some) }
    }

    fn run(&self, keys: &[Bytes], decision: &mut Decision<'_>) -> Decided<Result<Option<Seq>, KvError>> {
        let mut seen = Seen::default();
        let mut held = self.shared.latches.hold(keys.iter().map(|key| key.as_ref()));
        let result = loop {
            let entries =
                keys.iter().map(|key| self.read(&mut held, key, &mut seen)).collect::<Result<Vec<_>, _>>();
            let entries = match entries {
                Ok(entries) => entries,
                Err(error) => break Err(error),
            };
            let Some(batch) = decision(&entries) else { break Ok(None) };
            if let Err(error) = batch.check(&self.limits()) {
                break Err(error);
            }
            if let Err(mut stripes) = held.extend(batch.touched().map(|key| key.as_ref())) {
                drop(held);
                held = self.shared.latches.hold_stripes(&mut stripes);
                continue;
            }
            match self.stage(&mut held, batch, &mut seen) {
                Ok(Decided { result: seq, wait }) => return Decided { result: Ok(Some(seq)), wait },
                Err(error) => break Err(error),
            }
        };
        drop(held);
        self.told_after(&seen, result)
    }

    fn commit_now(&self, batch: Batch) -> Decided<Result<Seq, KvError>> {
        let mut seen = Seen::default();
        let mut held = self.shared.latches.hold(batch.touched().map(|key| key.as_ref()));
        match self.stage(&mut held, batch, &mut seen) {
            Ok(Decided { result, wait }) => Decided { result: Ok(result), wait },
            Err(error) => {
                drop(held);
                self.told_after(&seen, Err(error))
            }
        }
    }

    fn told_after<T>(&self, seen: &Seen, result: Result<T, KvError>) -> Decided<Result<T, KvError>> {
        match self.wait_for(seen) {
            Ok(wait) => Decided { result, wait },
            Err(error) => Decided { result: Err(error), wait: None },
        }
    }

    /// Deletes those of the page's rows that nobody wrote since `newest`.
    fn delete_page(&self, page: Page, newest: Seq) -> Result<Decided<u64>, KvError> {
        let keys: Vec<Bytes> = page.entries.into_iter().map(|(key, _)| key).collect();
        let mut seen = Seen::default();
        let mut held = self.shared.latches.hold(keys.iter().map(|key| key.as_ref()));
        let mut batch = Batch::new();
        for key in keys {
            let entry = self.read(&mut held, &key, &mut seen)?;
            if entry.is_some_and(|entry| entry.version <= newest) {
                batch = batch.delete(key);
            }
        }
        let deleted = batch.mutations.len() as u64;
        let Decided { wait, .. } = self.stage(&mut held, batch, &mut seen)?;
        Ok(Decided { result: deleted, wait })
    }
}

fn thread(
    name: &str,
    shared: &Arc<Shared>,
    run: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> Result<JoinHandle<()>, KvError> {
    let shared = shared.clone();
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(move || run(&shared)).map_err(KvError::io(format!("cannot start the thread {name}")))
}

fn upkeep(shared: &Arc<Shared>, folder: &Folder) -> Result<Vec<JoinHandle<()>>, KvError> {
    let mut threads = vec![thread("kv-compactor", shared, compactor::run)?];
    if shared.durability == Durability::Relaxed {
        let db = folder.db();
        threads.push(thread("kv-syncer", shared, move |shared| syncer::run(shared, &db))?);
    }
    Ok(threads)
}

/// Waits for the committer; a ticket it never answered means that it is gone.
async fn settled(wait: Option<Ticket>) -> Result<(), KvError> {
    match wait {
        Some(ticket) => ticket.await.unwrap_or(Err(KvError::Poisoned)),
        None => Ok(()),
    }
}

impl Kv for Local {
    async fn get(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        self.shared.rows.snapshot().get(key)
    }

    async fn multi_get(&self, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
        let snapshot = self.shared.rows.snapshot();
        keys.iter().map(|key| snapshot.get(key)).collect()
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Page, KvError> {
        self.shared.rows.snapshot().page(&range, options)
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, KvError> {
        batch.check(&self.limits())?;
        self.shared.queue.room().await?;
        let Decided { result, wait } = self.commit_now(batch);
        settled(wait).await?;
        result
    }

    async fn decide(&self, keys: Vec<Bytes>, decision: &mut Decision<'_>) -> Result<Option<Seq>, KvError> {
        self.shared.queue.room().await?;
        let Decided { result, wait } = self.run(&keys, decision);
        settled(wait).await?;
        result
    }

    async fn safe_seq(&self) -> Result<Seq, KvError> {
        Ok(self.visible())
    }

    async fn settle(&self) -> Result<(), KvError> {
        settled(Some(self.shared.queue.barrier(false)?)).await
    }

    fn watch(&self, prefix: Bytes) -> Watch {
        self.shared.watchers.watch(prefix)
    }

    async fn delete_range(&self, mut range: KeyRange) -> Result<u64, KvError> {
        let newest = self.visible();
        let mut deleted = 0;
        loop {
            self.shared.queue.room().await?;
            let mut page = self.scan(range.clone(), ScanOptions::default()).await?;
            let next = page.next.take();
            let Decided { result, wait } = self.delete_page(page, newest)?;
            settled(wait).await?;
            deleted += result;
            match next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(deleted),
            }
        }
    }

    async fn checkpoint(&self) -> Result<Seq, KvError> {
        settled(Some(self.shared.queue.barrier(true)?)).await?;
        Ok(self.visible())
    }

    fn limits(&self) -> Limits {
        Limits::EMBEDDED
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Closed already, or poisoned: either way the committer ends.
        let _ = self.shared.queue.close();
        let committer = self.committer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer {
            // Its panic has been reported by the thread itself.
            let _ = committer.join();
        }
        self.shared.syncer.end();
        self.shared.compactor.end();
        for thread in self.upkeep.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = thread.join();
        }
    }
}
