//! A batch turned into plain rows once the rows it depends on are known: guards checked, counters summed.
//! Shared by the engines; knows no storage and no sequence, which comes when the batch is queued.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    Entry, Seq,
    batch::{Batch, Expect, Mutation},
    error::{Conflict, KvError},
};

/// One row to write; `None` deletes it.
#[derive(Debug, Clone)]
pub struct Change {
    pub key: ChangeKey,
    pub value: Option<Bytes>,
}

#[derive(Debug, Clone)]
pub enum ChangeKey {
    Plain(Bytes),
    /// Gets the commit's sequence between the two.
    Sequenced {
        prefix: Bytes,
        suffix: Bytes,
    },
}

impl ChangeKey {
    pub fn at(self, seq: Seq) -> Bytes {
        match self {
            ChangeKey::Plain(key) => key,
            ChangeKey::Sequenced { prefix, suffix } => {
                let mut key = BytesMut::with_capacity(prefix.len() + size_of::<Seq>() + suffix.len());
                key.extend_from_slice(&prefix);
                key.put_u64(seq);
                key.extend_from_slice(&suffix);
                key.freeze()
            }
        }
    }
}

/// Checks the guards and sums the counters against the rows `read` finds. The caller holds the latches of
/// [`Batch::touched`], so the rows cannot change before the result is queued.
pub fn resolve(
    batch: Batch,
    mut read: impl FnMut(&Bytes) -> Result<Option<Entry>, KvError>,
) -> Result<Vec<Change>, KvError> {
    let mut won = Vec::new();
    for (key, expect) in batch.expects {
        let entry = read(&key)?;
        let holds = match expect {
            Expect::Absent => entry.is_none(),
            Expect::Version(seq) => entry.as_ref().is_some_and(|entry| entry.version == seq),
        };
        if !holds {
            won.push((key, entry));
        }
    }
    if !won.is_empty() {
        return Err(KvError::Conflict(Box::new(Conflict { rows: won })));
    }
    let mut changes: Vec<Change> = Vec::with_capacity(batch.mutations.len());
    for mutation in batch.mutations {
        let (key, value) = match mutation {
            Mutation::Put { key, value } => (ChangeKey::Plain(key), Some(value)),
            Mutation::Delete { key } => (ChangeKey::Plain(key), None),
            Mutation::Append { prefix, suffix, value } => {
                (ChangeKey::Sequenced { prefix, suffix }, Some(value))
            }
            Mutation::Add { key, delta } => {
                let before = match pending(&changes, &key) {
                    Some(value) => value,
                    None => read(&key)?.map(|entry| entry.value),
                };
                let sum = counter(&key, before.as_ref())?.wrapping_add(delta);
                (ChangeKey::Plain(key), Some(Bytes::copy_from_slice(&sum.to_le_bytes())))
            }
        };
        changes.push(Change { key, value });
    }
    Ok(changes)
}

/// The value an earlier mutation of the same batch gives `key`.
fn pending(changes: &[Change], key: &Bytes) -> Option<Option<Bytes>> {
    let same = |change: &&Change| matches!(&change.key, ChangeKey::Plain(plain) if plain == key);
    changes.iter().rev().find(same).map(|change| change.value.clone())
}

fn counter(key: &Bytes, value: Option<&Bytes>) -> Result<i64, KvError> {
    let Some(value) = value else { return Ok(0) };
    let raw = value.as_ref().try_into().map_err(|_| KvError::NotACounter { key: key.clone() })?;
    Ok(i64::from_le_bytes(raw))
}
