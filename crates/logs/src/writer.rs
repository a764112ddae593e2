//! The one task that writes: it gathers what comes within a moment into one commit, keeps the records of streams that
//! are being written in memory, and lets the oldest events go when a group is full.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use base::{Clock, RequestId, Scope};
use bytes::Bytes;
use ports::LogBatch;
use store::{Batch, KeyRange, KvError, Mutation, ScanOptions, Store};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{error, warn};
use wire::Failure;

use crate::error as failure;
use crate::journal::{JournalConfig, batch_bytes};
use crate::listing::{Listing, Listings};
use crate::record::{self, EventRow, GroupRecord, StreamRecord};

/// How long lines may wait for others to share their commit; a reader never waits for it.
const LINGER: Duration = Duration::from_millis(30);
/// A commit is made at once when so much has gathered.
const COMMIT_BYTES: usize = 1 << 20;
/// A row with more is not read for one event.
const ROW_EVENTS_MAX: usize = 64;
const ROW_BYTES_MAX: u64 = 64 << 10;
/// Rows that one commit deletes.
const DELETE_ROWS: usize = 1_000;
/// Streams remembered; when there are more, all are read again.
const STREAMS_MAX: usize = 10_000;
/// How often groups with a retention are looked at.
const RETENTION_EVERY: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(crate) enum Command {
    Write(Arc<LogBatch>),
    Change { scope: Scope, change: Change, done: oneshot::Sender<Result<(), Failure>> },
    Flush(oneshot::Sender<()>),
}

/// A change that a caller waits for.
#[derive(Debug)]
pub(crate) enum Change {
    CreateGroup {
        group: String,
    },
    DeleteGroup {
        group: String,
    },
    RetainGroup {
        group: String,
        days: i32,
    },
    CreateStream {
        group: String,
        stream: String,
    },
    DeleteStream {
        group: String,
        stream: String,
    },
    /// Into a stream that is there.
    Put {
        batch: Arc<LogBatch>,
    },
}

#[derive(Debug)]
pub(crate) struct Writer {
    store: Store,
    clock: Clock,
    config: JournalConfig,
    queued_bytes: Arc<AtomicUsize>,
    groups: HashMap<(Scope, Arc<str>), Group>,
    streams_known: usize,
    pending: Pending,
}

/// A group that is being written.
#[derive(Debug)]
struct Group {
    record: GroupRecord,
    bytes: u64,
    streams: HashMap<Arc<str>, StreamRecord>,
}

/// What the next commit will hold.
#[derive(Debug, Default)]
struct Pending {
    mutations: Vec<Mutation>,
    /// Rows that may still take an event, by stream.
    open: HashMap<u64, OpenRow>,
    rows: u32,
    listings: Listings,
    /// Their records are written once a commit.
    touched: HashMap<(Scope, Arc<str>), GroupTouch>,
    bytes: usize,
    flushes: Vec<oneshot::Sender<()>>,
    urgent: bool,
}

/// A row that is not among the mutations yet.
#[derive(Debug)]
struct OpenRow {
    group_id: u64,
    /// Whether the group has lists of its rows.
    listed: bool,
    ms: i64,
    suffix: u32,
    row: EventRow,
}

#[derive(Debug, Default)]
struct GroupTouch {
    bytes: u64,
    streams: Vec<Arc<str>>,
}

impl Writer {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        config: JournalConfig,
        queued_bytes: Arc<AtomicUsize>,
    ) -> Self {
        let (groups, pending) = (HashMap::new(), Pending::default());
        Self { store, clock, config, queued_bytes, groups, streams_known: 0, pending }
    }

    /// Until every sender is gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut retention_at = Instant::now() + RETENTION_EVERY;
        loop {
            match tokio::time::timeout_at(retention_at, commands.recv()).await {
                Ok(None) => return,
                Ok(Some(command)) => {
                    self.take(command).await;
                    self.gather(&mut commands).await;
                    self.commit().await;
                }
                Err(_) => {
                    if let Err(error) = self.retain().await {
                        error!(%error, "old log events could not be deleted");
                    }
                    retention_at = Instant::now() + RETENTION_EVERY;
                }
            }
        }
    }

    /// Takes what else comes within a moment.
    async fn gather(&mut self, commands: &mut mpsc::UnboundedReceiver<Command>) {
        let until = Instant::now() + LINGER;
        while !self.pending.urgent && self.pending.bytes < COMMIT_BYTES {
            match tokio::time::timeout_at(until, commands.recv()).await {
                Ok(Some(command)) => self.take(command).await,
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn take(&mut self, command: Command) {
        match command {
            Command::Write(batch) => {
                self.queued_bytes.fetch_sub(batch_bytes(&batch), Relaxed);
                if let Err(error) = self.append(&batch).await {
                    warn!(%error, group = %batch.group, lines = batch.events.len(), "log lines are lost");
                }
            }
            Command::Flush(done) => {
                self.pending.urgent = true;
                self.pending.flushes.push(done);
            }
            Command::Change { scope, change, done } => {
                // What was written before is stored before: a change sees it.
                self.commit().await;
                let changed = self.change(scope, change).await;
                // The caller may have gone away.
                _ = done.send(changed);
            }
        }
    }

    async fn change(&mut self, scope: Scope, change: Change) -> Result<(), Failure> {
        match change {
            Change::CreateGroup { group } => {
                if self.known(&scope, &group).await?.is_some() {
                    return Err(failure::group_exists());
                }
                self.create_group(scope, group.into()).await.map_err(failure::store)
            }
            Change::DeleteGroup { group } => self.delete_group(scope, &group).await,
            Change::RetainGroup { group, days } => {
                let mut record = self.known(&scope, &group).await?.ok_or_else(failure::no_group)?;
                record.retention_days = Some(days);
                let row = Batch::new().put(record::group_key(&scope, &group), record::encode(&record));
                self.store.commit(row).await.map_err(failure::store)?;
                self.forget();
                self.retain().await.map_err(failure::store)
            }
            Change::CreateStream { group, stream } => {
                let record = self.known(&scope, &group).await?.ok_or_else(failure::no_group)?;
                let key = record::stream_key(record.id, &stream);
                if self.store.get(&key).await.map_err(failure::store)?.is_some() {
                    return Err(failure::stream_exists());
                }
                self.create_stream(&scope, &group.into(), &stream.into()).await.map_err(failure::store)?;
                self.commit().await;
                Ok(())
            }
            Change::DeleteStream { group, stream } => self.delete_stream(&scope, &group, &stream).await,
            Change::Put { batch } => {
                let record = self.known(&batch.scope, &batch.group).await?.ok_or_else(failure::no_group)?;
                let key = record::stream_key(record.id, &batch.stream);
                self.store.get(&key).await.map_err(failure::store)?.ok_or_else(failure::no_stream)?;
                self.append(&batch).await.map_err(failure::store)?;
                self.commit().await;
                Ok(())
            }
        }
    }

    async fn known(&self, scope: &Scope, group: &str) -> Result<Option<GroupRecord>, Failure> {
        let row = self.store.get(&record::group_key(scope, group)).await.map_err(failure::store)?;
        row.map(|row| record::decode(&row.value).map_err(failure::store)).transpose()
    }

    /// Puts a batch into the next commit; makes its group and stream when they are not there.
    async fn append(&mut self, batch: &LogBatch) -> Result<(), KvError> {
        self.create_stream(&batch.scope, &batch.group, &batch.stream).await?;
        let now = self.clock.now().as_millis();
        let place = (batch.scope.clone(), Arc::clone(&batch.group));
        let group = self.groups.get_mut(&place).expect("create_stream made or read it");
        let stream = group.streams.get_mut(&batch.stream).expect("create_stream made or read it");
        for event in &batch.events {
            let ms = event.timestamp.as_millis().max(0);
            stream.first_ms = Some(stream.first_ms.map_or(ms, |first| first.min(ms)));
            stream.last_ms = Some(stream.last_ms.map_or(ms, |last| last.max(ms)));
            let GroupRecord { id: group_id, listed, .. } = group.record;
            let row = OpenRow { group_id, listed, ms, suffix: 0, row: EventRow::new(stream.id, now) };
            self.pending.push(row, event.message.clone());
        }
        stream.ingested_ms = Some(now);
        let bytes = batch_bytes(batch);
        self.pending.bytes += bytes;
        let touch = self.pending.touched.entry(place).or_default();
        touch.bytes += bytes as u64;
        if !touch.streams.contains(&batch.stream) {
            touch.streams.push(Arc::clone(&batch.stream));
        }
        Ok(())
    }

    async fn create_stream(
        &mut self,
        scope: &Scope,
        group: &Arc<str>,
        stream: &Arc<str>,
    ) -> Result<(), KvError> {
        self.read_group(scope, group).await?;
        let place = (scope.clone(), Arc::clone(group));
        let known = self.groups.get_mut(&place).expect("read_group made or read it");
        if known.streams.contains_key(stream) {
            return Ok(());
        }
        let group_id = known.record.id;
        let row = self.store.get(&record::stream_key(group_id, stream)).await?;
        let found = match row {
            Some(row) => record::decode(&row.value)?,
            None => {
                let created_ms = self.clock.now().as_millis();
                let id = new_id();
                let key = record::stream_name_key(group_id, id);
                let value = Bytes::copy_from_slice(stream.as_bytes());
                self.pending.mutations.push(Mutation::Put { key, value });
                StreamRecord { id, created_ms, first_ms: None, last_ms: None, ingested_ms: None }
            }
        };
        known.streams.insert(Arc::clone(stream), found);
        self.streams_known += 1;
        let touch = self.pending.touched.entry(place).or_default();
        touch.streams.push(Arc::clone(stream));
        Ok(())
    }

    /// The group, from memory, from the store or new.
    async fn read_group(&mut self, scope: &Scope, group: &Arc<str>) -> Result<(), KvError> {
        let place = (scope.clone(), Arc::clone(group));
        if self.groups.contains_key(&place) {
            return Ok(());
        }
        let Some(row) = self.store.get(&record::group_key(scope, group)).await? else {
            return self.create_group(scope.clone(), Arc::clone(group)).await;
        };
        let record: GroupRecord = record::decode(&row.value)?;
        let bytes = self.store.get(&record::group_bytes_key(record.id)).await?;
        let bytes = bytes.and_then(|row| Some(i64::from_le_bytes(row.value.as_ref().try_into().ok()?)));
        let bytes = bytes.map_or(0, |bytes| u64::try_from(bytes).unwrap_or(0));
        self.groups.insert(place, Group { record, bytes, streams: HashMap::new() });
        Ok(())
    }

    async fn create_group(&mut self, scope: Scope, group: Arc<str>) -> Result<(), KvError> {
        let created_ms = self.clock.now().as_millis();
        let record = GroupRecord { id: new_id(), created_ms, retention_days: None, listed: true };
        let row = Batch::new().put(record::group_key(&scope, &group), record::encode(&record));
        self.store.commit(row).await?;
        self.groups.insert((scope, group), Group { record, bytes: 0, streams: HashMap::new() });
        Ok(())
    }

    async fn delete_group(&mut self, scope: Scope, group: &str) -> Result<(), Failure> {
        let record = self.known(&scope, group).await?.ok_or_else(failure::no_group)?;
        // The name goes first: what a crash leaves behind is under an id that nothing names.
        let row = Batch::new().delete(record::group_key(&scope, group));
        self.store.commit(row).await.map_err(failure::store)?;
        self.forget();
        for range in record::group_ranges(record.id) {
            self.store.delete_range(range).await.map_err(failure::store)?;
        }
        Ok(())
    }

    async fn delete_stream(&mut self, scope: &Scope, group: &str, stream: &str) -> Result<(), Failure> {
        let record = self.known(scope, group).await?.ok_or_else(failure::no_group)?;
        let key = record::stream_key(record.id, stream);
        let row = self.store.get(&key).await.map_err(failure::store)?.ok_or_else(failure::no_stream)?;
        let stream: StreamRecord = record::decode(&row.value).map_err(failure::store)?;
        let range = KeyRange::prefix(record::order_key(record.id, stream.id, &[]));
        loop {
            let page =
                self.store.scan(range.clone(), ScanOptions::limit(1_000)).await.map_err(failure::store)?;
            if page.entries.is_empty() {
                break;
            }
            let events: Vec<Bytes> = page.entries.iter().map(|(key, _)| event_of(record.id, key)).collect();
            let found = self.store.multi_get(&events).await.map_err(failure::store)?;
            let rows = events.into_iter().zip(found).filter_map(|(key, row)| Some((key, row?.value)));
            self.drop_events(&record, rows.collect()).await.map_err(failure::store)?;
        }
        let rows = Batch::new().delete(key).delete(record::stream_name_key(record.id, stream.id));
        self.store.commit(rows).await.map_err(failure::store)?;
        self.forget();
        Ok(())
    }

    /// Deletes events with their places in their streams. Answers the bytes that went. What a list counts is counted
    /// when the list goes, so that nothing is twice.
    async fn drop_events(&self, group: &GroupRecord, rows: Vec<(Bytes, Bytes)>) -> Result<u64, KvError> {
        let (mut batch, mut bytes) = (Batch::new(), 0);
        for (key, value) in rows {
            let event = EventRow::decode(&value)?;
            bytes += event.stored_bytes();
            let order = record::order_key(group.id, event.stream_id, record::event_place(&key));
            batch = batch.delete(key).delete(order);
        }
        if !group.listed {
            batch = batch.add(record::group_bytes_key(group.id), less(bytes));
        }
        self.store.commit(batch).await?;
        Ok(bytes)
    }

    /// Deletes what the oldest commits put into a group, for as long as `goes` wants it, which is told of each and of the
    /// bytes that went before. Answers those bytes.
    async fn drop_commits(
        &self,
        group_id: u64,
        goes: impl Fn(&Listing, u64) -> bool + Send,
    ) -> Result<u64, KvError> {
        let (mut range, mut gone) = (KeyRange::prefix(record::listing_key(group_id, &[])), 0);
        loop {
            let page = self.store.scan(range.clone(), ScanOptions::limit(100)).await?;
            for (key, value) in page.entries {
                let listing: Listing = record::decode(&value)?;
                if !goes(&listing, gone) {
                    return Ok(gone);
                }
                gone += listing.bytes();
                self.drop_listed(group_id, key, &listing).await?;
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(gone),
            }
        }
    }

    /// The list goes last: after a crash it is still there and names what may be left.
    async fn drop_listed(&self, group_id: u64, key: Bytes, listing: &Listing) -> Result<(), KvError> {
        let commit = record::listing_commit(&key)
            .ok_or_else(|| KvError::Damaged("the key of a list of log rows is no number".into()))?;
        let rows: Vec<_> = listing.keys(group_id, commit).collect();
        for piece in rows.chunks(DELETE_ROWS) {
            let both = piece.iter().flat_map(|(event, order)| [event, order]);
            let batch = both.fold(Batch::new(), |batch, key| batch.delete(key.clone()));
            self.store.commit(batch).await?;
        }
        let batch = Batch::new().delete(key).add(record::group_bytes_key(group_id), less(listing.bytes()));
        self.store.commit(batch).await.map(drop)
    }

    async fn commit(&mut self) {
        self.pending.close();
        let Pending { mut mutations, listings, touched, flushes, .. } = std::mem::take(&mut self.pending);
        mutations.extend(listings.finish().map(|(group_id, listing)| Mutation::Append {
            prefix: record::listing_key(group_id, &[]),
            suffix: Bytes::new(),
            value: record::encode(&listing),
        }));
        let mut full = Vec::new();
        for (place, touch) in touched {
            let Some(group) = self.groups.get_mut(&place) else { continue };
            group.bytes += touch.bytes;
            if group.bytes > self.config.group_bytes_max {
                full.push(place.clone());
            }
            for name in touch.streams {
                if let Some(stream) = group.streams.get(&name) {
                    let (key, value) = (record::stream_key(group.record.id, &name), record::encode(stream));
                    mutations.push(Mutation::Put { key, value });
                }
            }
            let (key, delta) =
                (record::group_bytes_key(group.record.id), i64::try_from(touch.bytes).unwrap_or(0));
            mutations.push(Mutation::Add { key, delta });
        }
        if !mutations.is_empty()
            && let Err(error) = self.store.commit(Batch { expects: Vec::new(), mutations }).await
        {
            warn!(%error, "log lines are lost");
            self.forget();
        }
        for place in full {
            if let Err(error) = self.shrink(&place).await {
                warn!(%error, group = %place.1, "old log events could not be deleted");
            }
        }
        if self.streams_known > STREAMS_MAX {
            self.forget();
        }
        for done in flushes {
            // A reader that went away needs no answer.
            _ = done.send(());
        }
    }

    /// Lets the oldest events of a full group go until a tenth of its room is free.
    async fn shrink(&mut self, place: &(Scope, Arc<str>)) -> Result<(), KvError> {
        let target = self.config.group_bytes_max / 10 * 9;
        while let Some(group) = self.groups.get(place).filter(|group| group.bytes > target) {
            let (record, bytes) = (group.record.clone(), group.bytes);
            let gone = if record.listed {
                self.drop_commits(record.id, |_, gone| bytes.saturating_sub(gone) > target).await?
            } else {
                self.drop_oldest(&record, None).await?
            };
            if gone == 0 {
                return Ok(());
            }
            if let Some(group) = self.groups.get_mut(place) {
                group.bytes = bytes.saturating_sub(gone);
            }
        }
        Ok(())
    }

    /// Deletes up to a page of a group's oldest events, of those before `before_ms` if that is given.
    async fn drop_oldest(&self, group: &GroupRecord, before_ms: Option<i64>) -> Result<u64, KvError> {
        let range = match before_ms {
            Some(ms) => {
                let end = record::event_key(group.id, &record::time_place(ms));
                KeyRange::new(record::event_key(group.id, &[]), end)
            }
            None => KeyRange::prefix(record::event_key(group.id, &[])),
        };
        let page = self.store.scan(range, ScanOptions::limit(DELETE_ROWS)).await?;
        if page.entries.is_empty() { Ok(0) } else { self.drop_events(group, page.entries).await }
    }

    /// Deletes what is older than its group's retention.
    async fn retain(&mut self) -> Result<(), KvError> {
        let now = self.clock.now().as_millis();
        let mut range = record::all_groups();
        loop {
            let page = self.store.scan(range.clone(), ScanOptions::default()).await?;
            for (_, value) in &page.entries {
                let record: GroupRecord = record::decode(value)?;
                let Some(days) = record.retention_days else { continue };
                let before = now - i64::from(days) * 86_400_000;
                if record.listed {
                    self.drop_commits(record.id, |listing, _| listing.latest_ms() < before).await?;
                }
                // Without lists all, else what came late or together with later events.
                while self.drop_oldest(&record, Some(before)).await? > 0 {}
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => break,
            }
        }
        self.forget();
        Ok(())
    }

    /// Reads records again when they are next needed.
    fn forget(&mut self) {
        self.groups.clear();
        self.streams_known = 0;
    }
}

impl Pending {
    /// An event goes into the row of its stream's last one if that has the same time.
    fn push(&mut self, mut new: OpenRow, message: Bytes) {
        let id = new.row.stream_id;
        if let Some(open) = self.open.get_mut(&id)
            && open.ms == new.ms
            && open.row.messages.len() < ROW_EVENTS_MAX
            && open.row.stored_bytes() + (message.len() as u64) < ROW_BYTES_MAX
        {
            open.row.messages.push(message);
            return;
        }
        new.suffix = self.rows;
        self.rows += 1;
        new.row.messages.push(message);
        if let Some(full) = self.open.insert(id, new) {
            self.write(&full);
        }
    }

    fn close(&mut self) {
        for row in std::mem::take(&mut self.open).into_values() {
            self.write(&row);
        }
    }

    fn write(&mut self, row: &OpenRow) {
        self.mutations.extend(row.mutations());
        if row.listed {
            self.listings.add(row.group_id, (row.ms, row.suffix), &row.row);
        }
    }
}

impl OpenRow {
    /// Both rows get the number of the same commit, so that one key tells the other.
    fn mutations(&self) -> [Mutation; 2] {
        let time = record::time_place(self.ms);
        let suffix = Bytes::copy_from_slice(&self.suffix.to_be_bytes());
        let event = Mutation::Append {
            prefix: record::event_key(self.group_id, &time),
            suffix: suffix.clone(),
            value: self.row.encode(),
        };
        let order = Mutation::Append {
            prefix: record::order_key(self.group_id, self.row.stream_id, &time),
            suffix,
            value: Bytes::new(),
        };
        [event, order]
    }
}

/// The key of the event that a key of a stream's order stands for.
fn event_of(group_id: u64, order_key: &[u8]) -> Bytes {
    record::event_key(group_id, record::order_place(order_key))
}

fn less(bytes: u64) -> i64 {
    i64::try_from(bytes).map_or(i64::MIN, |bytes| -bytes)
}

fn new_id() -> u64 {
    let bits = RequestId::random().0;
    u64::try_from(bits >> 64).unwrap_or(0) ^ (bits & u128::from(u64::MAX)) as u64
}
