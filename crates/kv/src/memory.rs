//! The in-memory engine: one ordered map behind a read-write lock. Nothing survives the process. Reads run side by
//! side; a decision runs under its keys' latches only, so the map is locked for the moment of the change itself.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use crate::{
    Batch, Change, Decision, Entry, Held, KeyRange, Kv, KvError, Latches, Limits, Page, PageBuilder,
    ScanOptions, Seq, Watch, Watchers, resolve,
};

type Rows = BTreeMap<Bytes, Entry>;

#[derive(Debug, Default)]
pub struct Memory {
    rows: RwLock<Rows>,
    /// Bytes of keys and values, for the metrics.
    bytes: AtomicU64,
    seq: AtomicU64,
    latches: Latches<()>,
    watchers: Watchers,
}

impl Memory {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of keys and values held.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends the watches. What is held goes with the engine itself.
    pub fn close(&self) {
        self.watchers.close();
    }

    fn newest(&self) -> Seq {
        self.seq.load(Ordering::Acquire)
    }

    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, key: &[u8]) -> Option<Entry> {
        self.rows().get(key).cloned()
    }

    /// Guards, counters and rows of a batch whose keys are held.
    fn apply(&self, batch: Batch) -> Result<Seq, KvError> {
        let changes = resolve(batch, |key| Ok(self.read(key)))?;
        if changes.is_empty() {
            return Ok(self.newest());
        }
        let mut written = Vec::new();
        let seq = {
            let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
            // Asked under the lock: a watch that is not seen here was made later, and its maker reads the new rows.
            let watched = !self.watchers.is_empty();
            let seq = self.seq.load(Ordering::Relaxed) + 1;
            for Change { key, value } in changes {
                let key = key.at(seq);
                if watched {
                    written.push(key.clone());
                }
                self.change(&mut rows, key, value.map(|value| Entry { value, version: seq }));
            }
            self.seq.store(seq, Ordering::Release);
            seq
        };
        self.watchers.wake(written.iter().map(|key| key.as_ref()), seq);
        Ok(seq)
    }

    fn change(&self, rows: &mut Rows, key: Bytes, entry: Option<Entry>) {
        let key_bytes = key.len();
        let size = |entry: &Entry| (key_bytes + entry.value.len()) as u64;
        let added = entry.as_ref().map_or(0, size);
        let before = match entry {
            Some(entry) => rows.insert(key, entry),
            None => rows.remove(&key),
        };
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.bytes.fetch_sub(before.as_ref().map_or(0, size), Ordering::Relaxed);
    }

    fn run(&self, keys: &[Bytes], decision: &mut Decision<'_>) -> Result<Option<Seq>, KvError> {
        let mut held = self.latches.hold(keys.iter().map(|key| key.as_ref()));
        loop {
            let entries = self.snapshot(keys);
            let Some(batch) = decision(&entries) else { return Ok(None) };
            batch.check(&self.limits())?;
            match held.extend(batch.touched().map(|key| key.as_ref())) {
                Ok(()) => return self.apply(batch).map(Some),
                Err(mut stripes) => {
                    drop(held);
                    held = self.latches.hold_stripes(&mut stripes);
                }
            }
        }
    }

    fn snapshot(&self, keys: &[Bytes]) -> Vec<Option<Entry>> {
        let rows = self.rows();
        keys.iter().map(|key| rows.get(key).cloned()).collect()
    }

    fn hold(&self, batch: &Batch) -> Held<'_, ()> {
        self.latches.hold(batch.touched().map(|key| key.as_ref()))
    }

    fn page(&self, range: &KeyRange, options: ScanOptions) -> Page {
        let mut page = PageBuilder::new(options);
        if range.is_empty() {
            return page.finish();
        }
        let bounds = (Bound::Included(range.start.as_ref()), Bound::Excluded(range.end.as_ref()));
        let rows = self.rows();
        let mut found = rows.range::<[u8], _>(bounds);
        while let Some((key, entry)) = if options.reverse { found.next_back() } else { found.next() } {
            if !page.push(key.clone(), entry.value.clone()) {
                break;
            }
        }
        page.finish()
    }

    /// Deletes those of the rows that nobody wrote since `newest`.
    fn remove(&self, keys: &[Bytes], newest: Seq) -> Result<usize, KvError> {
        let _held = self.latches.hold(keys.iter().map(|key| key.as_ref()));
        let old = |entry: Option<Entry>| entry.is_some_and(|entry| entry.version <= newest);
        let rows = keys.iter().zip(self.snapshot(keys)).filter(|(_, entry)| old(entry.clone()));
        let batch = rows.fold(Batch::new(), |batch, (key, _)| batch.delete(key.clone()));
        let deleted = batch.mutations.len();
        self.apply(batch)?;
        Ok(deleted)
    }
}

impl Kv for Memory {
    async fn get(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        Ok(self.read(key))
    }

    async fn multi_get(&self, keys: &[Bytes]) -> Result<Vec<Option<Entry>>, KvError> {
        Ok(self.snapshot(keys))
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Page, KvError> {
        Ok(self.page(&range, options))
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, KvError> {
        batch.check(&self.limits())?;
        let _held = self.hold(&batch);
        self.apply(batch)
    }

    async fn decide(&self, keys: Vec<Bytes>, decision: &mut Decision<'_>) -> Result<Option<Seq>, KvError> {
        self.run(&keys, decision)
    }

    async fn safe_seq(&self) -> Result<Seq, KvError> {
        Ok(self.newest())
    }

    async fn settle(&self) -> Result<(), KvError> {
        Ok(())
    }

    fn watch(&self, prefix: Bytes) -> Watch {
        self.watchers.watch(prefix)
    }

    async fn delete_range(&self, mut range: KeyRange) -> Result<u64, KvError> {
        let newest = self.newest();
        let mut deleted = 0;
        loop {
            let page = self.page(&range, ScanOptions::default());
            let keys: Vec<Bytes> = page.entries.into_iter().map(|(key, _)| key).collect();
            deleted += self.remove(&keys, newest)? as u64;
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(deleted),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn checkpoint(&self) -> Result<Seq, KvError> {
        Ok(self.newest())
    }

    fn limits(&self) -> Limits {
        Limits::EMBEDDED
    }
}
