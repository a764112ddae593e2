//! What happened lately: the records of requests, events and batches, kept in a bounded ring of this process, counted
//! by the minute, told under `/_rushlight/` and to whoever follows. Knows no service and no socket; nothing of it is
//! durable.
//!
//! Code map: `ring` (what is kept), `join` (records of one trace, and the map), `series` (counts by the minute),
//! `pages` (the answers), `told` (their JSON), `mask` (secrets), `otlp` (OpenTelemetry's JSON).

mod join;
mod mask;
pub mod otlp;
mod pages;
mod ring;
mod series;
mod told;

use std::sync::Arc;

use base::trace::{Record, TraceSink};
use base::{AccountId, Clock, Cx};
use bytes::Bytes;
use tokio::sync::broadcast;
use wire::{Request, Response};

pub use pages::parameter;

use ring::Ring;
use series::Series;

/// Traces, one of them, its payloads.
pub const TRACES_PATH: &str = "/_rushlight/traces";
/// What follows records as they end.
pub const TAIL_PATH: &str = "/_rushlight/traces/tail";
pub const MAP_PATH: &str = "/_rushlight/map";
pub const MONITOR_PATH: &str = "/_rushlight/monitor";

/// Records that a slow follower may fall behind.
const BACKLOG: usize = 1024;

/// A payload as it may be shown: the values of names that carry secrets are not in it.
pub fn masked(payload: &[u8]) -> Vec<u8> {
    mask::json(payload)
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct TracesConfig {
    /// Of all records together.
    pub bytes_max: usize,
    /// Of each payload; none of any when it is 0.
    pub payload_bytes_max: usize,
}

/// What happened on this node.
#[derive(Debug)]
pub struct Traces {
    config: TracesConfig,
    ring: Ring,
    series: Series,
    clock: Clock,
    followers: broadcast::Sender<Arc<Record>>,
}

impl Traces {
    pub fn new(config: TracesConfig, clock: Clock) -> Arc<Self> {
        let (followers, _) = broadcast::channel(BACKLOG);
        Arc::new(Self {
            config,
            ring: Ring::new(config.bytes_max),
            series: Series::default(),
            clock,
            followers,
        })
    }

    /// Answers a GET below the paths of this crate, of the caller's account. [`TAIL_PATH`] is [`Self::follow`]'s.
    pub fn answer(&self, cx: &Cx, request: &Request) -> Response {
        pages::answer(self, cx.scope.account, request)
    }

    /// What ends from now on.
    pub fn follow(&self) -> Follower {
        Follower { records: self.followers.subscribe() }
    }
}

impl TraceSink for Traces {
    fn take(&self, record: Record) {
        self.series.count(&record);
        let record = Arc::new(record);
        if self.followers.receiver_count() > 0 {
            // Nobody may have stayed.
            _ = self.followers.send(Arc::clone(&record));
        }
        self.ring.keep(record);
    }

    fn payload_bytes_max(&self) -> usize {
        self.config.payload_bytes_max
    }
}

/// Takes records as they end.
#[derive(Debug)]
pub struct Follower {
    records: broadcast::Receiver<Arc<Record>>,
}

/// What a follower hears.
#[derive(Debug, Clone)]
pub enum Followed {
    Record(Arc<Record>),
    /// So many were dropped because they were not taken in time.
    Missed(u64),
}

impl Follower {
    /// The next one; `None` once there will be no more.
    pub async fn next(&mut self) -> Option<Followed> {
        match self.records.recv().await {
            Ok(record) => Some(Followed::Record(record)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Followed::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Followed {
    /// A line of JSON, if it is of this account and, unless that is empty, this resource.
    pub fn line(&self, account: AccountId, resource: &str) -> Option<Bytes> {
        told::line(self, account, resource)
    }
}
