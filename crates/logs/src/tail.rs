//! Events as they come in, for who follows them. A follower that is too slow is told how many lines it missed.

use std::sync::Arc;

use base::{Scope, Timestamp};
use bytes::Bytes;
use ports::LogBatch;
use tokio::sync::broadcast;

/// Batches that a slow follower may fall behind.
pub(crate) const BACKLOG: usize = 1024;

/// A line as a follower sees it.
#[derive(Debug, Clone)]
pub enum TailLine {
    Event {
        group: Arc<str>,
        stream: Arc<str>,
        timestamp: Timestamp,
        message: Bytes,
    },
    /// So many batches were dropped because they were not read in time.
    Missed(u64),
}

/// Follows the groups of one scope.
#[derive(Debug)]
pub struct Tail {
    pub(crate) batches: broadcast::Receiver<Arc<LogBatch>>,
    pub(crate) scope: Scope,
    /// Empty: all groups.
    pub(crate) group: String,
}

impl Tail {
    /// The next lines, oldest first; `None` once the journal has ended.
    pub async fn next(&mut self) -> Option<Vec<TailLine>> {
        loop {
            match self.batches.recv().await {
                Ok(batch) if self.wants(&batch) => return Some(lines(&batch)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    return Some(vec![TailLine::Missed(missed)]);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    fn wants(&self, batch: &LogBatch) -> bool {
        batch.scope == self.scope && (self.group.is_empty() || *batch.group == *self.group)
    }
}

fn lines(batch: &LogBatch) -> Vec<TailLine> {
    let line = |event: &ports::LogEvent| TailLine::Event {
        group: Arc::clone(&batch.group),
        stream: Arc::clone(&batch.stream),
        timestamp: event.timestamp,
        message: event.message.clone(),
    };
    batch.events.iter().map(line).collect()
}
