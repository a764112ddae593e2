//! The trait every engine implements. Knows no engine.

use bytes::Bytes;

use crate::{
    Entry, Seq,
    batch::Batch,
    decision::{Answer, Decision},
    error::{KvError, TransactError},
    range::{KeyRange, Page, ScanOptions},
    watch::Watch,
};

/// An ordered, transactional store of byte keys. The invariants are in the crate's documentation. A write whose
/// future is dropped may have happened.
pub trait Kv: Send + Sync {
    fn get(&self, key: &[u8]) -> impl Future<Output = Result<Option<Entry>, KvError>> + Send;

    /// The rows in the order of the keys, all from one snapshot.
    fn multi_get(&self, keys: &[Bytes]) -> impl Future<Output = Result<Vec<Option<Entry>>, KvError>> + Send;

    /// One bounded page, from one snapshot.
    fn scan(
        &self,
        range: KeyRange,
        options: ScanOptions,
    ) -> impl Future<Output = Result<Page, KvError>> + Send;

    /// Commits without reading; [`KvError::Conflict`] when a guard does not hold. An empty batch whose guards hold
    /// gets no number of its own: the answer is one that is not below any row it saw.
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<Seq, KvError>> + Send;

    /// Reads `keys`, lets `decision` look at them and make a batch, and commits it as if nobody else were there;
    /// `None` when it refuses. It must depend on nothing but its argument, for it may run again, and must be quick:
    /// it runs while latches are held.
    fn decide(
        &self,
        keys: Vec<Bytes>,
        decision: &mut Decision<'_>,
    ) -> impl Future<Output = Result<Option<Seq>, KvError>> + Send;

    /// [`Kv::decide`] with an answer beside the batch.
    fn transact<T, E, F>(
        &self,
        keys: Vec<Bytes>,
        mut decide: F,
    ) -> impl Future<Output = Result<(T, Seq), TransactError<E>>> + Send
    where
        T: Send,
        E: Send,
        F: FnMut(&[Option<Entry>]) -> Result<(Batch, T), E> + Send,
    {
        async move {
            let mut answer = Answer::default();
            let seq = self.decide(keys, &mut |entries| answer.keep(decide(entries))).await?;
            answer.with(seq)
        }
    }

    /// Every commit up to this number is visible, and none below it will ever appear. On a remote engine it costs a
    /// round trip and may be behind what was acknowledged, for as long as an older write is under way.
    fn safe_seq(&self) -> impl Future<Output = Result<Seq, KvError>> + Send;

    /// Returns when every write that had its number when this was called is visible or dead: whatever was
    /// acknowledged before is then below [`Kv::safe_seq`].
    fn settle(&self) -> impl Future<Output = Result<(), KvError>> + Send;

    /// Wakes after writes to keys that begin with `prefix` became visible. Make the watch, then read, then wait.
    fn watch(&self, prefix: Bytes) -> Watch;

    /// Deletes the rows that are there when it is called; in several batches when they are many, so it is not atomic.
    /// Answers how many.
    fn delete_range(&self, range: KeyRange) -> impl Future<Output = Result<u64, KvError>> + Send;

    /// Everything up to the answered sequence survives a power loss, whatever the durability.
    fn checkpoint(&self) -> impl Future<Output = Result<Seq, KvError>> + Send;

    fn limits(&self) -> Limits;
}

/// The sizes an engine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub key_bytes_max: usize,
    pub value_bytes_max: usize,
    pub batch_bytes_max: usize,
}

impl Limits {
    /// What the embedded engines take. The longest DynamoDB index key (two partition keys of 2,048 bytes and two
    /// sort keys of 1,024, escaped) and the largest zip a request can carry fit.
    pub const EMBEDDED: Limits =
        Limits { key_bytes_max: 16 << 10, value_bytes_max: 80 << 20, batch_bytes_max: 96 << 20 };

    pub fn check_key(&self, key: &[u8]) -> Result<(), KvError> {
        if key.first().is_none_or(|first| *first == 0) {
            return Err(KvError::ReservedKey);
        }
        self.check_size("key", key.len(), self.key_bytes_max)
    }

    pub(crate) fn check_size(
        &self,
        what: &'static str,
        bytes: usize,
        bytes_max: usize,
    ) -> Result<(), KvError> {
        if bytes > bytes_max { Err(KvError::TooLarge { what, bytes, bytes_max }) } else { Ok(()) }
    }
}
