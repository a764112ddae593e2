//! The service: a handle on the writer's queue and on the store it writes to. Cheap to share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use base::{Clock, Cx, Scope};
use bytes::Bytes;
use ports::{BoxFuture, LogBatch, LogSink};
use store::{KeyRange, ScanOptions, Store};
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::warn;
use wire::{Failure, Request, Response};

use crate::error;
use crate::record::{self, GroupRecord, StreamRecord};
use crate::tail::{self, Tail};
use crate::writer::{Change, Command, Writer};

/// The bounds of a journal.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// Bytes waiting for the writer; what comes beyond is dropped and counted.
    pub queued_bytes_max: usize,
    /// Stored bytes of a group; beyond it the oldest events go.
    pub group_bytes_max: u64,
    /// A longer message is cut (AWS: 1 MB).
    pub message_bytes_max: usize,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { queued_bytes_max: 64 << 20, group_bytes_max: 256 << 20, message_bytes_max: 1 << 20 }
    }
}

pub struct Journal {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    config: JournalConfig,
    commands: mpsc::UnboundedSender<Command>,
    live: broadcast::Sender<Arc<LogBatch>>,
    queued_bytes: Arc<AtomicUsize>,
    dropped: AtomicU64,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("queued_bytes", &self.queued_bytes).finish_non_exhaustive()
    }
}

impl Journal {
    /// Starts the writer's task: needs a runtime. The task ends when the journal is dropped, after it has written all.
    pub fn new(store: Store, clock: Clock, config: JournalConfig) -> Arc<Self> {
        // Unbounded in number, bounded in bytes by `queued_bytes`.
        let (commands, received) = mpsc::unbounded_channel();
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let writer = Writer::new(store.clone(), clock.clone(), config.clone(), Arc::clone(&queued_bytes));
        tokio::spawn(writer.run(received));
        let (live, _) = broadcast::channel(tail::BACKLOG);
        Arc::new(Self { store, clock, config, commands, live, queued_bytes, dropped: AtomicU64::new(0) })
    }

    /// Answers a request. Boxed here, so that the operations are compiled with this crate, and once.
    pub fn answer<'a>(&'a self, cx: &'a Cx, request: Request) -> BoxFuture<'a, Response> {
        Box::pin(api::logs::dispatch(self, cx, request))
    }

    /// Lines of `group` in `scope` (of all its groups when empty) from now on.
    pub fn tail(&self, scope: &Scope, group: &str) -> Tail {
        Tail { batches: self.live.subscribe(), scope: scope.clone(), group: group.to_owned() }
    }

    /// Returns when all that was written before this call can be read.
    pub async fn flush(&self) {
        let (done, waits) = oneshot::channel();
        if self.commands.send(Command::Flush(done)).is_ok() {
            // An error means that the writer has ended, and then nothing waits.
            _ = waits.await;
        }
    }

    pub(crate) async fn change(&self, cx: &Cx, change: Change) -> Result<(), Failure> {
        let (done, answer) = oneshot::channel();
        let command = Command::Change { scope: cx.scope.clone(), change, done };
        self.commands.send(command).map_err(|_| error::stopped())?;
        answer.await.map_err(|_| error::stopped())?
    }

    /// Tells followers; the events may not be stored yet.
    pub(crate) fn publish(&self, batch: &Arc<LogBatch>) {
        if self.live.receiver_count() > 0 {
            // An error means that the last follower has just left.
            _ = self.live.send(Arc::clone(batch));
        }
    }

    pub(crate) fn cut(&self, message: Bytes) -> Bytes {
        if message.len() <= self.config.message_bytes_max {
            return message;
        }
        let mut end = self.config.message_bytes_max;
        while end > 0 && message[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        message.slice(..end)
    }

    pub(crate) async fn read_group(&self, scope: &Scope, name: &str) -> Result<GroupRecord, Failure> {
        let row = self.store.get(&record::group_key(scope, name)).await.map_err(error::store)?;
        let row = row.ok_or_else(error::no_group)?;
        record::decode(&row.value).map_err(error::store)
    }

    pub(crate) async fn read_stream(&self, group_id: u64, name: &str) -> Result<StreamRecord, Failure> {
        let row = self.store.get(&record::stream_key(group_id, name)).await.map_err(error::store)?;
        let row = row.ok_or_else(error::no_stream)?;
        record::decode(&row.value).map_err(error::store)
    }

    /// All rows of a range, page by page, up to `rows_max`.
    pub(crate) async fn scan_all(
        &self,
        mut range: KeyRange,
        rows_max: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Failure> {
        let mut rows = Vec::new();
        while rows.len() < rows_max {
            let options = ScanOptions::limit(rows_max - rows.len());
            let page = self.store.scan(range.clone(), options).await.map_err(error::store)?;
            rows.extend(page.entries);
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => break,
            }
        }
        Ok(rows)
    }
}

impl LogSink for Journal {
    fn write(&self, mut batch: LogBatch) {
        for event in &mut batch.events {
            event.message = self.cut(std::mem::take(&mut event.message));
        }
        let bytes = batch_bytes(&batch);
        let batch = Arc::new(batch);
        self.publish(&batch);
        let queued = self.queued_bytes.fetch_add(bytes, Relaxed);
        if queued + bytes > self.config.queued_bytes_max || self.commands.send(Command::Write(batch)).is_err()
        {
            self.queued_bytes.fetch_sub(bytes, Relaxed);
            let before = self.dropped.fetch_add(1, Relaxed);
            if before == 0 {
                warn!("logs come faster than they can be stored: some are dropped (said once)");
            }
        }
    }
}

/// As AWS counts stored bytes: each message and 26 bytes.
pub(crate) fn batch_bytes(batch: &LogBatch) -> usize {
    batch.events.iter().map(|event| event.message.len() + 26).sum()
}
