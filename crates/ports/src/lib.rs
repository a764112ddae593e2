//! The seams at which services meet: [`Invoke`], [`ChangeFeed`], [`Call`], [`LogSink`], [`Objects`], [`LiveFolders`].
//! Traits and the plain data they pass; no service's logic, no HTTP, no JSON tree.

mod invoke;
mod live;
mod objects;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use base::{Cx, Scope, Timestamp};
use bytes::Bytes;

pub use invoke::{
    Invoke, InvokeAnswer, InvokeCall, InvokeError, InvokeKind, InvokePiece, InvokePieces, InvokeReply,
    InvokeSource, InvokeStream,
};
pub use live::LiveFolders;
pub use objects::{ObjectEntry, ObjectError, ObjectReader, ObjectWriter, Objects};

/// A boxed future: the price of a seam, one allocation a call.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The changes of tables. Implemented by `dynamodb`; read by `lambda`'s event source mappings.
pub trait ChangeFeed: Send + Sync + fmt::Debug {
    /// The stream's open and closed shards, oldest first.
    fn shards<'a>(&'a self, stream_arn: &'a str) -> BoxFuture<'a, Result<Vec<Shard>, FeedError>>;

    /// Where reading starts: the position before the first record wanted.
    fn position<'a>(
        &'a self,
        stream_arn: &'a str,
        shard: &'a str,
        start: FeedStart,
    ) -> BoxFuture<'a, Result<FeedPosition, FeedError>>;

    /// Up to `records_max` records after `position`, in order; empty when there is none yet.
    fn read<'a>(
        &'a self,
        stream_arn: &'a str,
        position: &'a FeedPosition,
        records_max: usize,
    ) -> BoxFuture<'a, Result<FeedPage, FeedError>>;

    /// Returns when the stream may hold a record after what a `read` begun before this call saw.
    /// May wake without need; never misses a record that became visible after the call.
    fn changed<'a>(&'a self, stream_arn: &'a str) -> BoxFuture<'a, ()>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    pub id: String,
    pub parent: Option<String>,
    pub closed: bool,
}

/// Where to begin when no position is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedStart {
    TrimHorizon,
    Latest,
}

/// A place in a shard: everything up to and with `after` has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPosition {
    pub shard: String,
    pub after: u64,
}

#[derive(Debug, Clone)]
pub struct FeedPage {
    pub records: Vec<FeedRecord>,
    /// Where to read on.
    pub next: FeedPosition,
    /// No record will ever follow `next` in this shard.
    pub ended: bool,
}

#[derive(Debug, Clone)]
pub struct FeedRecord {
    /// The sequence, as stored in [`FeedPosition::after`].
    pub sequence: u64,
    /// As printed in `SequenceNumber`.
    pub sequence_number: String,
    pub created: Timestamp,
    /// The record as an element of a Lambda event's `Records`, in JSON.
    pub event_json: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedError {
    /// No such stream or shard; it may have been deleted.
    NotFound(String),
    Internal(String),
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(m) | Self::Internal(m) => f.write_str(m),
        }
    }
}

impl std::error::Error for FeedError {}

/// Calls any service that is served here, in process. Implemented by `rushlight`; used by API Gateway's AWS
/// integrations.
pub trait Call: Send + Sync + fmt::Debug {
    fn call<'a>(
        &'a self,
        cx: &'a Cx,
        call: ServiceCall,
    ) -> BoxFuture<'a, Result<ServiceReply, ServiceNotServed>>;
}

/// A request as it would go to a service's own host.
#[derive(Debug, Clone)]
pub struct ServiceCall {
    /// As in the names of AWS's hosts: `dynamodb`, `streams.dynamodb`, `lambda`, ...
    pub service: String,
    /// Such as `PutItem`, where the operation is meant by its name.
    pub action: Option<String>,
    /// Such as `POST`.
    pub method: String,
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Debug, Clone)]
pub struct ServiceReply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// No service of this name is served here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceNotServed(pub String);

impl fmt::Display for ServiceNotServed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the AWS service {}", self.0)
    }
}

impl std::error::Error for ServiceNotServed {}

/// Takes log lines in. Implemented by `logs`; written by `lambda` and `gateway`. Never blocks and never fails:
/// what cannot be kept is counted and said once.
pub trait LogSink: Send + Sync + fmt::Debug {
    fn write(&self, batch: LogBatch);
}

/// Lines of one log stream, oldest first.
#[derive(Debug, Clone)]
pub struct LogBatch {
    pub scope: Scope,
    pub group: Arc<str>,
    pub stream: Arc<str>,
    pub events: Vec<LogEvent>,
}

#[derive(Debug, Clone)]
pub struct LogEvent {
    pub timestamp: Timestamp,
    pub message: Bytes,
}
