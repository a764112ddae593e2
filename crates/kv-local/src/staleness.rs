//! How much of what was written lately is old versions of the same rows. A scan passes over every version that is in
//! memory: a thousand rows that were overwritten until the table in memory is full are read six times slower.
//! Plain counting; knows no file.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

/// Less is not worth a file.
const BYTES_MIN: usize = 2 << 20;
/// Old versions for each row, at least, on average.
const VERSIONS_MIN: usize = 4;

/// Of the table in memory that is being filled.
#[derive(Debug)]
pub(crate) struct Staleness {
    /// Hashes of the keys written; that two keys share one now and then does not matter.
    keys: HashSet<u64>,
    hasher: RandomState,
    rows: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Staleness {
    pub(crate) fn new(memtable_bytes: u64) -> Self {
        let bytes_max = usize::try_from(memtable_bytes).unwrap_or(usize::MAX);
        Self { keys: HashSet::new(), hasher: RandomState::new(), rows: 0, bytes: 0, bytes_max }
    }

    pub(crate) fn wrote(&mut self, key: &[u8], bytes: usize) {
        if self.bytes > self.bytes_max {
            // About now the storage engine begins a new table by itself.
            self.clear();
        }
        self.keys.insert(self.hasher.hash_one(key));
        self.rows += 1;
        self.bytes += bytes;
    }

    pub(crate) fn is_high(&self) -> bool {
        self.bytes >= BYTES_MIN && self.rows >= self.keys.len().saturating_mul(VERSIONS_MIN)
    }

    /// A new table was begun.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        (self.rows, self.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rows: usize, keys: usize) -> Staleness {
        let mut staleness = Staleness::new(16 << 20);
        for row in 0..rows {
            staleness.wrote(&(row % keys).to_be_bytes(), 1_000);
        }
        staleness
    }

    #[test]
    fn many_versions_of_few_rows_are_stale() {
        assert!(after(4_000, 1_000).is_high());
        assert!(!after(4_000, 2_000).is_high());
        assert!(!after(400, 1).is_high(), "too little to write a file for");
    }

    #[test]
    fn a_full_table_begins_anew() {
        let mut staleness = after((16 << 20) / 1_000 + 1, 1);
        assert!(staleness.is_high());
        staleness.wrote(b"a", 1);
        assert!(!staleness.is_high());
    }
}
