//! The rows in the storage engine (fjall): how they are laid out, read from a snapshot and written as a group.
//! A stored value begins with the 8 bytes of the commit that wrote it. Keys beginning with byte 0 are this file's
//! own. Knows no latches and no queue.

use std::{path::Path, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use fjall::{
    AbstractTree, Database, Keyspace, KeyspaceCreateOptions, LsmError, OwnedWriteBatch, PersistMode,
    Readable, Snapshot, compaction::Leveled,
};
use kv::{Entry, KeyRange, KvError, Page, PageBuilder, ScanOptions, Seq};

use crate::options::Options;

/// Holds the last commit's number, written with every group: numbers survive a restart even when their rows do not.
const LAST_SEQ: &[u8] = b"\0seq";
const VERSION_BYTES: usize = size_of::<Seq>();
const KEYSPACE: &str = "rows";

/// It writes tables to files; the merging of files is [`Rows::compact`]'s.
const WORKERS: usize = 1;
/// Files that are merged with those below them once there are so many.
const MERGE_FILES: u8 = 4;
/// The same for the engine's own worker: it never comes to it.
const MERGE_FILES_BY_WORKER: u8 = u8::MAX;
/// Bounds the disk, and with it what an opening has to read again.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;

#[derive(Clone)]
pub(crate) struct Rows {
    db: Database,
    keyspace: Keyspace,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl Rows {
    /// Opens or makes the database; answers the number of the last commit too.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<(Self, Seq), KvError> {
        let db = Database::builder(path)
            .cache_size(options.cache_bytes)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .manual_journal_persist(true)
            .open()
            .map_err(|error| engine_error(error, path))?;
        let layout = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(options.memtable_bytes)
                .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(MERGE_FILES_BY_WORKER)))
                .manual_journal_persist(true)
        };
        let keyspace = db.keyspace(KEYSPACE, layout).map_err(|error| engine_error(error, path))?;
        let rows = Self { db, keyspace };
        let last = match rows.keyspace.get(LAST_SEQ).map_err(read_error)? {
            None => 0,
            Some(raw) => raw
                .as_ref()
                .try_into()
                .map(Seq::from_be_bytes)
                .map_err(|_| KvError::Damaged("the last sequence is not a number".to_owned()))?,
        };
        Ok((rows, last))
    }

    /// The row as of the newest write applied. For keys whose latch is held: no group in flight touches them.
    pub(crate) fn latest(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        self.keyspace.get(key).map_err(read_error)?.map(entry).transpose()
    }

    pub(crate) fn snapshot(&self) -> RowsAt<'_> {
        RowsAt { rows: self, snapshot: self.db.snapshot() }
    }

    pub(crate) fn group(&self, capacity: usize) -> Group {
        Group {
            batch: OwnedWriteBatch::with_capacity(self.db.clone(), capacity + 1),
            keyspace: self.keyspace.clone(),
        }
    }

    /// Merges files if there is something to merge; says whether there may be more. Blocks for as long as it takes.
    pub(crate) fn compact(&self) -> Result<bool, KvError> {
        let before = self.keyspace.table_count();
        let crowded = self.keyspace.l0_table_count() >= usize::from(MERGE_FILES);
        let strategy = Arc::new(Leveled::default().with_l0_threshold(MERGE_FILES));
        let oldest = self.db.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
        self.keyspace.tree.compact(strategy, oldest).map_err(|error| write_error(error.into()))?;
        Ok(crowded && self.keyspace.table_count() != before)
    }

    /// Begins a new table in memory; the engine's worker writes the other to a file.
    pub(crate) fn seal(&self) -> Result<(), KvError> {
        self.keyspace.rotate_memtable().map(drop).map_err(write_error)
    }

    /// Bytes of the table in memory that is being filled.
    pub(crate) fn filling_bytes(&self) -> u64 {
        self.keyspace.tree.active_memtable().size()
    }

    /// Full tables that wait to be written to files.
    pub(crate) fn waiting_tables(&self) -> usize {
        self.keyspace.sealed_memtable_count()
    }

    /// Everything written so far survives a power loss.
    pub(crate) fn sync(&self) -> Result<(), KvError> {
        self.db.persist(PersistMode::SyncData).map_err(write_error)
    }
}

/// One moment of the rows: a group in flight is in it wholly or not at all.
pub(crate) struct RowsAt<'a> {
    rows: &'a Rows,
    snapshot: Snapshot,
}

impl RowsAt<'_> {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Entry>, KvError> {
        self.snapshot.get(&self.rows.keyspace, key).map_err(read_error)?.map(entry).transpose()
    }

    pub(crate) fn page(&self, range: &KeyRange, options: ScanOptions) -> Result<Page, KvError> {
        let mut page = PageBuilder::new(options);
        // Our own rows sort before every key a caller can write.
        let start =
            if range.start.first().is_none_or(|first| *first == 0) { &[1] } else { range.start.as_ref() };
        if start >= range.end.as_ref() {
            return Ok(page.finish());
        }
        let mut found = self.snapshot.range(&self.rows.keyspace, start..range.end.as_ref());
        while let Some(guard) = if options.reverse { found.next_back() } else { found.next() } {
            let (key, value) = guard.into_inner().map_err(read_error)?;
            if !page.push(key.into(), entry(value)?.value) {
                break;
            }
        }
        Ok(page.finish())
    }
}

/// Rows that become durable and visible together. Each key once: within a group the engine knows no order.
pub(crate) struct Group {
    batch: OwnedWriteBatch,
    keyspace: Keyspace,
}

impl Group {
    pub(crate) fn change(&mut self, key: Bytes, value: Option<&Bytes>, seq: Seq) {
        match value {
            Some(value) => {
                let mut stored = BytesMut::with_capacity(VERSION_BYTES + value.len());
                stored.put_u64(seq);
                stored.extend_from_slice(value);
                self.batch.insert(&self.keyspace, key, stored.freeze());
            }
            None => self.batch.remove(&self.keyspace, key),
        }
    }

    /// Writes the group to the journal, gives it to the operating system or (`sync`) to the disk, then makes it
    /// visible. Blocks; may wait while the engine's background work catches up.
    pub(crate) fn write(mut self, last: Seq, sync: bool) -> Result<(), KvError> {
        self.batch.insert(&self.keyspace, LAST_SEQ, last.to_be_bytes());
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        self.batch.durability(Some(mode)).commit().map_err(write_error)
    }
}

fn entry(stored: fjall::Slice) -> Result<Entry, KvError> {
    let mut value = Bytes::from(stored);
    let version = value
        .first_chunk::<VERSION_BYTES>()
        .map(|raw| Seq::from_be_bytes(*raw))
        .ok_or_else(|| KvError::Damaged("a row is shorter than its version".to_owned()))?;
    Ok(Entry { value: value.split_off(VERSION_BYTES), version })
}

fn engine_error(error: fjall::Error, path: &Path) -> KvError {
    match error {
        fjall::Error::Locked => KvError::Locked { path: path.to_owned(), pid: None },
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
            KvError::io(format!("cannot open {}", path.display()))(error)
        }
        other => KvError::Damaged(format!("{}: {other}", path.display())),
    }
}

fn read_error(error: fjall::Error) -> KvError {
    match error {
        fjall::Error::Io(error) => KvError::io("cannot read the data")(error),
        other => KvError::Engine(Box::new(other)),
    }
}

fn write_error(error: fjall::Error) -> KvError {
    match error {
        fjall::Error::Io(error) => KvError::io("cannot write the data")(error),
        other => KvError::Engine(Box::new(other)),
    }
}
