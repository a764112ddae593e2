//! What a request costs: read units of 4 KB, write units of 1 KB, and their breakdown by table and index.
//! Pure; knows sizes, not items.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>

use std::collections::BTreeMap;

use api::dynamodb::{Capacity, ConsumedCapacity, ReturnConsumedCapacity, VectorCapacity};
use base::Trace;

use crate::layout;
use crate::table::{Reach, Table};

const READ_UNIT_BYTES: usize = 4096;
const WRITE_UNIT_BYTES: usize = 1024;

/// Units of a read of `bytes` in sum; an empty read costs as much as a small one.
pub(crate) fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(READ_UNIT_BYTES).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}

/// Units of writing one item of `bytes`; a write that finds nothing costs as much as a small one.
pub(crate) fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(WRITE_UNIT_BYTES).max(1) as f64
}

/// What vector indexes are charged by: whole units of 1 KB, told in bytes. AWS says no formula; 1,024 are observed of a
/// small entry.
pub(crate) fn vector_bytes(bytes: usize) -> f64 {
    (bytes.div_ceil(WRITE_UNIT_BYTES).max(1) * WRITE_UNIT_BYTES) as f64
}

/// Whether a request wants to know what it cost.
pub(crate) fn is_told(wanted: Option<ReturnConsumedCapacity>) -> bool {
    wanted.is_some_and(|wanted| wanted != ReturnConsumedCapacity::None)
}

/// Of which kind units are told to be: only transactions tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Plain,
    Reads,
    Writes,
}

/// The units that one request used at one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    table: f64,
    /// By index number. Indexes that cost nothing are not listed.
    indexes: BTreeMap<u8, f64>,
    /// Bytes of vector indexes, by index number: they are told beside the units.
    vectors: BTreeMap<u8, f64>,
}

impl Tally {
    pub(crate) fn of_table(units: f64) -> Self {
        Self { table: units, ..Self::default() }
    }

    pub(crate) fn add_table(&mut self, units: f64) {
        self.table += units;
    }

    pub(crate) fn add_index(&mut self, number: u8, units: f64) {
        if units > 0.0 {
            *self.indexes.entry(number).or_default() += units;
        }
    }

    pub(crate) fn add_vectors(&mut self, number: u8, bytes: f64) {
        if bytes > 0.0 {
            *self.vectors.entry(number).or_default() += bytes;
        }
    }

    /// The units of the table, as index 0, and of its indexes, by number.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (u8, f64)> {
        std::iter::once((layout::BASE, self.table))
            .chain(self.indexes.iter().map(|(number, units)| (*number, *units)))
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.table += other.table;
        for (number, units) in &other.indexes {
            self.add_index(*number, *units);
        }
        for (number, bytes) in &other.vectors {
            self.add_vectors(*number, *bytes);
        }
    }

    /// The same in a transaction, which touches items and their entries in local indexes twice. Global indexes follow
    /// behind it, as they follow other writes.
    pub(crate) fn doubled(&self, table: &Table) -> Self {
        let is_local = |number: u8| table.locals().any(|index| index.number == number);
        let twice = |number: u8, units: f64| if is_local(number) { units * 2.0 } else { units };
        let indexes = self.indexes.iter().map(|(number, units)| (*number, twice(*number, *units)));
        Self { table: self.table * 2.0, indexes: indexes.collect(), vectors: self.vectors.clone() }
    }

    /// Tells it to the request's trace.
    pub(crate) fn record(&self, trace: &Trace) {
        if trace.is_recorded() {
            trace.set("capacityUnits", self.table + self.indexes.values().sum::<f64>());
        }
    }

    /// As the request wants it told. `name` is the table as the request named it.
    pub(crate) fn told(
        &self,
        table: &Table,
        name: &str,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        self.told_as(Told::Plain, table, name, wanted)
    }

    /// The same, of a transaction.
    pub(crate) fn told_as(
        &self,
        kind: Told,
        table: &Table,
        name: &str,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        let detailed = match wanted? {
            ReturnConsumedCapacity::None => return None,
            ReturnConsumedCapacity::Total => false,
            ReturnConsumedCapacity::Indexes => true,
        };
        let sum = kind.capacity(self.table + self.indexes.values().sum::<f64>());
        let mut told = ConsumedCapacity {
            table_name: Some(name.to_owned()),
            capacity_units: sum.capacity_units,
            read_capacity_units: sum.read_capacity_units,
            write_capacity_units: sum.write_capacity_units,
            ..ConsumedCapacity::default()
        };
        if detailed {
            told.table = Some(kind.capacity(self.table));
            told.global_secondary_indexes = self.told_indexes(kind, table, Reach::Global);
            told.local_secondary_indexes = self.told_indexes(kind, table, Reach::Local);
            told.vector_indexes = self.told_vectors(table);
        }
        Some(told)
    }

    fn told_indexes(&self, kind: Told, table: &Table, reach: Reach) -> Option<BTreeMap<String, Capacity>> {
        let told: BTreeMap<String, Capacity> = table
            .indexes
            .iter()
            .filter(|index| index.reach == reach)
            .filter_map(|index| Some((index.name.clone(), kind.capacity(*self.indexes.get(&index.number)?))))
            .collect();
        (!told.is_empty()).then_some(told)
    }
}

impl Tally {
    fn told_vectors(&self, table: &Table) -> Option<BTreeMap<String, VectorCapacity>> {
        let told: BTreeMap<String, VectorCapacity> = table
            .indexes
            .iter()
            .filter_map(|index| Some((index.name.clone(), *self.vectors.get(&index.number)?)))
            .map(|(name, bytes)| {
                let capacity =
                    VectorCapacity { vector_write_request_bytes: Some(bytes), ..VectorCapacity::default() };
                (name, capacity)
            })
            .collect();
        (!told.is_empty()).then_some(told)
    }
}

impl Told {
    fn capacity(self, units: f64) -> Capacity {
        Capacity {
            capacity_units: Some(units),
            read_capacity_units: (self == Self::Reads).then_some(units),
            write_capacity_units: (self == Self::Writes).then_some(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_up() {
        for (bytes, strong, eventual, write) in [
            (0, 1.0, 0.5, 1.0),
            (1, 1.0, 0.5, 1.0),
            (1024, 1.0, 0.5, 1.0),
            (1025, 1.0, 0.5, 2.0),
            (4096, 1.0, 0.5, 4.0),
            (4097, 2.0, 1.0, 5.0),
            (409_600, 100.0, 50.0, 400.0),
        ] {
            assert_eq!(read_units(bytes, true), strong, "{bytes}");
            assert_eq!(read_units(bytes, false), eventual, "{bytes}");
            assert_eq!(write_units(bytes), write, "{bytes}");
        }
    }
}
