//! What a caller asks an engine to commit: guards and mutations, plain data. Knows no engine.

use bytes::Bytes;

use crate::{Seq, engine::Limits, error::KvError};

/// One change. The mutations of a batch apply in order; the last one on a key wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    Put {
        key: Bytes,
        value: Bytes,
    },
    Delete {
        key: Bytes,
    },
    /// Puts at `prefix ++ sequence of the commit (8 bytes, big endian) ++ suffix`: streams and queues.
    /// Two appends of one batch differ by their suffix.
    Append {
        prefix: Bytes,
        suffix: Bytes,
        value: Bytes,
    },
    /// Adds to a counter (8 bytes, little endian, absent = 0, wraps) without a conflict.
    Add {
        key: Bytes,
        delta: i64,
    },
}

/// A guard on one row; the batch commits only if every guard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The row is there and was written by this commit.
    Version(Seq),
    Absent,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub expects: Vec<(Bytes, Expect)>,
    pub mutations: Vec<Mutation>,
}

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn put(mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.mutations.push(Mutation::Put { key: key.into(), value: value.into() });
        self
    }

    pub fn delete(mut self, key: impl Into<Bytes>) -> Self {
        self.mutations.push(Mutation::Delete { key: key.into() });
        self
    }

    pub fn append(
        mut self,
        prefix: impl Into<Bytes>,
        suffix: impl Into<Bytes>,
        value: impl Into<Bytes>,
    ) -> Self {
        let (prefix, suffix, value) = (prefix.into(), suffix.into(), value.into());
        self.mutations.push(Mutation::Append { prefix, suffix, value });
        self
    }

    pub fn add(mut self, key: impl Into<Bytes>, delta: i64) -> Self {
        self.mutations.push(Mutation::Add { key: key.into(), delta });
        self
    }

    pub fn expect(mut self, key: impl Into<Bytes>, expect: Expect) -> Self {
        self.expects.push((key.into(), expect));
        self
    }

    /// The keys whose rows this batch depends on or replaces. Appended keys are new by their nature and not among them.
    pub fn touched(&self) -> impl Iterator<Item = &Bytes> {
        let written = self.mutations.iter().filter_map(|mutation| match mutation {
            Mutation::Put { key, .. } | Mutation::Delete { key } | Mutation::Add { key, .. } => Some(key),
            Mutation::Append { .. } => None,
        });
        self.expects.iter().map(|(key, _)| key).chain(written)
    }

    /// Bytes of keys and values, as counted against [`Limits::batch_bytes_max`].
    pub fn bytes(&self) -> usize {
        self.mutations.iter().map(|mutation| mutation.key_bytes() + mutation.value_bytes()).sum()
    }

    /// Refuses what no engine takes.
    pub fn check(&self, limits: &Limits) -> Result<(), KvError> {
        for (key, _) in &self.expects {
            limits.check_key(key)?;
        }
        let mut total = 0;
        for mutation in &self.mutations {
            match mutation {
                Mutation::Put { key, .. } | Mutation::Delete { key } | Mutation::Add { key, .. } => {
                    limits.check_key(key)?;
                }
                Mutation::Append { prefix, .. } => {
                    limits.check_key(prefix)?;
                    limits.check_size("key", mutation.key_bytes(), limits.key_bytes_max)?;
                }
            }
            limits.check_size("value", mutation.value_bytes(), limits.value_bytes_max)?;
            total += mutation.key_bytes() + mutation.value_bytes();
        }
        limits.check_size("batch", total, limits.batch_bytes_max)
    }
}

impl Mutation {
    fn key_bytes(&self) -> usize {
        match self {
            Mutation::Put { key, .. } | Mutation::Delete { key } | Mutation::Add { key, .. } => key.len(),
            Mutation::Append { prefix, suffix, .. } => prefix.len() + size_of::<Seq>() + suffix.len(),
        }
    }

    fn value_bytes(&self) -> usize {
        match self {
            Mutation::Put { value, .. } | Mutation::Append { value, .. } => value.len(),
            Mutation::Delete { .. } => 0,
            Mutation::Add { .. } => size_of::<i64>(),
        }
    }
}
