//! Why an engine did not do what it was asked. Knows no AWS error code; services choose those.

use std::{error::Error, io, path::PathBuf};

use bytes::Bytes;

use crate::Entry;

#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// A write or sync failed before; what is on the disk is not known until the store is opened again.
    #[error("the store stopped accepting writes because a write to the disk failed; restart to recover")]
    Poisoned,
    #[error("the store is closed")]
    Closed,
    /// The database cannot be reached, or did not answer in time; trying again later may help. A write that was
    /// answered so may have happened or not.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Others changed the same rows again and again, as long as this one tried. Nothing was written.
    #[error("other writers of the same rows were faster, again and again")]
    Contended,
    #[error("{} guarded row(s) were changed by others", .0.rows.len())]
    Conflict(Box<Conflict>),
    #[error("{what} of {bytes} bytes is over the limit of {bytes_max}")]
    TooLarge { what: &'static str, bytes: usize, bytes_max: usize },
    /// Keys that are empty or begin with byte 0 belong to the engines.
    #[error("a key must not be empty or begin with byte 0")]
    ReservedKey,
    #[error("the row at {key:?} is not a counter")]
    NotACounter { key: Bytes },
    #[error("the data has format {found}, this version knows formats up to {known}; use a newer version")]
    Newer { found: u32, known: u32 },
    #[error("the data folder {} is in use{}; stop that server or choose another folder",
        path.display(), holder(*pid))]
    Locked { path: PathBuf, pid: Option<u32> },
    #[error("the data folder is damaged: {0}")]
    Damaged(String),
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("storage engine: {0}")]
    Engine(#[source] Box<dyn Error + Send + Sync>),
}

/// The guarded rows that did not hold, with what is there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub rows: Vec<(Bytes, Option<Entry>)>,
}

/// Why a transaction did not commit.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// The decision said no; nothing was written.
    #[error("refused")]
    Refused(E),
    #[error(transparent)]
    Store(#[from] KvError),
}

impl KvError {
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> KvError {
        let what = what.into();
        move |source| KvError::Io { what, source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" by process {pid}")).unwrap_or_default()
}
