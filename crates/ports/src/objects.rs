//! Objects in buckets, as S3 has them: what exports are written to and imports are read from. Knows no folder.

use std::fmt;

use bytes::Bytes;

use crate::BoxFuture;

/// A store of objects. Implemented by `objects` on a folder; used by `dynamodb` and `lambda`.
pub trait Objects: Send + Sync + fmt::Debug {
    /// The objects of `bucket` whose keys begin with `prefix`, by key: at most `limit`.
    fn list<'a>(
        &'a self,
        bucket: &'a str,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ObjectEntry>, ObjectError>>;

    fn open<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ObjectError>>;

    /// Begins an object, and its bucket if there is none. It is there, whole, when the writer has finished; one of its
    /// key is replaced.
    fn create<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectWriter>, ObjectError>>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    pub key: String,
    pub size: u64,
}

/// The content of an object, from its beginning.
pub trait ObjectReader: Send + fmt::Debug {
    /// The next piece, of 64 KB at most; none at the end.
    fn read(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, ObjectError>>;
}

/// An object that is being written. Dropped before it has finished, it leaves nothing.
pub trait ObjectWriter: Send + fmt::Debug {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), ObjectError>>;

    /// Makes the object durable and shows it.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), ObjectError>>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectError {
    NoSuchBucket,
    NoSuchKey,
    /// This store cannot have such a name, or will not follow it: the text says why.
    Refused(String),
    /// More objects than were asked for.
    TooMany(usize),
    Failed(String),
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchBucket => f.write_str("The specified bucket does not exist"),
            Self::NoSuchKey => f.write_str("The specified key does not exist."),
            Self::TooMany(limit) => write!(f, "there are more than {limit} objects"),
            Self::Refused(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ObjectError {}
