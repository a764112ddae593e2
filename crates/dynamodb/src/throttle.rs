//! Throttling as AWS does it, if the operator wants it: what tables and global indexes may consume in a second, with
//! the unused capacity of the last five minutes kept for bursts. A request is let in as long as anything is left, and
//! what it consumed is taken afterwards, so that one large request goes through and those after it wait. Each process
//! counts for itself, from its start. Knows no store and no operation.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::dynamodb::BatchStatementErrorCodeEnum;
use arc_swap::ArcSwap;
use base::{Clock, Timestamp};
use bytes::Bytes;
use wire::json::Writer;

use crate::capacity::Tally;
use crate::error::{Error, Result};
use crate::layout;
use crate::table::{Index, Reach, Table};

/// How much unused capacity is kept.
const BURST: Duration = Duration::from_secs(300);
/// What a table begins with at least.
const FIRST: Duration = Duration::from_secs(1);

/// The buckets of all tables that were used since the process began. Finding one takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: ArcSwap<HashMap<Place, Arc<Bucket>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    table_id: u32,
    /// 0: the table, with its local indexes.
    index: u8,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Read,
    Write,
}

/// What is left of one capacity.
#[derive(Debug)]
struct Bucket(Mutex<Level>);

#[derive(Debug)]
struct Level {
    /// Less than nothing after a large request.
    units: f64,
    /// Units a second.
    rate: f64,
    at: Timestamp,
}

/// Which limit of a table or index is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Provisioned,
    OnDemandMaximum,
}

/// Whether one request may still consume, and what it consumes. Without throttling it does nothing.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    open: Option<(&'a Throttle, Timestamp)>,
    /// Its actions are let in together or not at all, and pay twice.
    is_transaction: bool,
    /// To be taken by [`Admission::settle`].
    noted: Vec<(Place, Arc<Bucket>, f64)>,
}

/// Why a request must come again later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Throttled {
    limit: Limit,
    /// Of the resource whose capacity is used up.
    arn: String,
    of_index: bool,
    way: Way,
}

impl<'a> Admission<'a> {
    pub(crate) fn new(throttle: Option<&'a Throttle>, clock: &Clock) -> Self {
        let open = throttle.map(|throttle| (throttle, clock.now()));
        Self { open, is_transaction: false, noted: Vec::new() }
    }

    pub(crate) fn of_transaction(self) -> Self {
        Self { is_transaction: true, ..self }
    }

    /// Refuses a request at a table or index that has no capacity left.
    pub(crate) fn check(&self, table: &Table, index: Option<&Index>, way: Way) -> Result<()> {
        let Some((throttle, now)) = self.open else { return Ok(()) };
        let index = index.filter(|index| index.reach == Reach::Global);
        let Some((place, rate, limit)) = limit_of(table, index, way) else { return Ok(()) };
        let mine: f64 = match self.is_transaction {
            true => 0.0,
            false => self.noted.iter().filter(|noted| noted.0 == place).map(|noted| noted.2).sum(),
        };
        if throttle.bucket(place, rate, table, now).left(rate, now) > mine {
            return Ok(());
        }
        let arn = index.map_or_else(|| table.arn(), |index| index.arn(table));
        Err(Error::Throttled(Box::new(Throttled { limit, arn, of_index: index.is_some(), way })))
    }

    /// Notes a write that costs `tally`, or refuses it because the table, or a global index that it would change, has
    /// no capacity left.
    pub(crate) fn write(&mut self, table: &Table, tally: &Tally) -> Result<()> {
        if self.open.is_none() {
            return Ok(());
        }
        for (number, units) in tally.parts() {
            if units > 0.0 {
                self.check(table, numbered(table, number), Way::Write)?;
            }
        }
        let parts = self.parts(table, Way::Write, tally);
        self.noted.extend(parts);
        Ok(())
    }

    /// Takes what was noted, once it is committed.
    pub(crate) fn settle(self) {
        let Some((_, now)) = self.open else { return };
        for (_, bucket, units) in self.noted {
            bucket.take(units, now);
        }
    }

    /// Takes what has been consumed already.
    pub(crate) fn charge(&self, table: &Table, way: Way, tally: &Tally) {
        let Some((_, now)) = self.open else { return };
        for (_, bucket, units) in self.parts(table, way, tally) {
            bucket.take(units, now);
        }
    }

    /// The buckets from which `tally` is to be taken.
    fn parts(&self, table: &Table, way: Way, tally: &Tally) -> Vec<(Place, Arc<Bucket>, f64)> {
        let Some((throttle, now)) = self.open else { return Vec::new() };
        let doubled = self.is_transaction.then(|| tally.doubled(table));
        let parts = doubled.as_ref().unwrap_or(tally).parts();
        let limited = parts.filter_map(|(number, units)| {
            let (place, rate, _) = limit_of(table, numbered(table, number), way)?;
            Some((place, throttle.bucket(place, rate, table, now), units))
        });
        limited.collect()
    }
}

/// The global index with this number. What local indexes consume is the table's.
fn numbered(table: &Table, number: u8) -> Option<&Index> {
    table.indexes.iter().find(|index| index.number == number && index.reach == Reach::Global)
}

/// The limit that a request meets at a table or global index, if there is one.
fn limit_of(table: &Table, index: Option<&Index>, way: Way) -> Option<(Place, f64, Limit)> {
    let (number, provisioned, maximum) = match index {
        Some(index) => (index.number, index.throughput.as_ref(), index.on_demand.as_ref()),
        None => (layout::BASE, table.billing.provisioned.as_ref(), table.on_demand.as_ref()),
    };
    let place = Place { table_id: table.id, index: number, way };
    let (units, limit) = match (&table.billing.provisioned, way) {
        (Some(_), Way::Read) => (provisioned?.read, Limit::Provisioned),
        (Some(_), Way::Write) => (provisioned?.write, Limit::Provisioned),
        (None, Way::Read) => (maximum?.read_max?, Limit::OnDemandMaximum),
        (None, Way::Write) => (maximum?.write_max?, Limit::OnDemandMaximum),
    };
    Some((place, units.max(1) as f64, limit))
}

impl Throttle {
    /// Forgets the buckets of a deleted table.
    pub(crate) fn forget(&self, table_id: u32) {
        self.buckets.rcu(|buckets| {
            let mut rest = HashMap::clone(buckets);
            rest.retain(|place, _| place.table_id != table_id);
            rest
        });
    }

    fn bucket(&self, place: Place, rate: f64, table: &Table, now: Timestamp) -> Arc<Bucket> {
        if let Some(bucket) = self.buckets.load().get(&place) {
            return bucket.clone();
        }
        // Unused since the table was made, as far as this process knows.
        let unused = now.since(Timestamp(table.created_ms)).clamp(FIRST, BURST);
        let level = Level { units: unused.as_secs_f64() * rate, rate, at: now };
        let made = Arc::new(Bucket(Mutex::new(level)));
        self.buckets.rcu(|buckets| {
            let mut more = HashMap::clone(buckets);
            more.entry(place).or_insert_with(|| made.clone());
            more
        });
        self.buckets.load().get(&place).cloned().unwrap_or(made)
    }
}

impl Bucket {
    /// What is left at `now`, filled with `rate` units a second from here.
    fn left(&self, rate: f64, now: Timestamp) -> f64 {
        let mut level = self.lock();
        level.fill(now);
        level.rate = rate;
        level.fill(now);
        level.units
    }

    fn take(&self, units: f64, now: Timestamp) {
        let mut level = self.lock();
        level.fill(now);
        level.units -= units;
    }

    fn lock(&self) -> MutexGuard<'_, Level> {
        // No step leaves the level halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Level {
    fn fill(&mut self, now: Timestamp) {
        // Requests side by side look at the clock in one order and come here in another: going back in time with them
        // would give the same moments again. Only a clock that was set back far is followed.
        if now.0 < self.at.0 && self.at.since(now) < BURST {
            return;
        }
        let gained = now.since(self.at).as_secs_f64() * self.rate;
        self.units = (self.units + gained).min(self.rate * BURST.as_secs_f64());
        self.at = now;
    }
}

impl Throttled {
    /// The exception's name, and the name of its member with the reasons.
    pub(crate) fn exception(&self) -> (&'static str, &'static str) {
        match self.limit {
            Limit::Provisioned => ("ProvisionedThroughputExceededException", "ThrottlingReasons"),
            Limit::OnDemandMaximum => ("ThrottlingException", "throttlingReasons"),
        }
    }

    /// As the reason for which a statement of a batch fails.
    pub(crate) fn statement_code(&self) -> BatchStatementErrorCodeEnum {
        match self.limit {
            Limit::Provisioned => BatchStatementErrorCodeEnum::ProvisionedThroughputExceeded,
            Limit::OnDemandMaximum => BatchStatementErrorCodeEnum::ThrottlingError,
        }
    }

    /// As the reason for which a transaction is cancelled.
    pub(crate) fn reason_code(&self) -> &'static str {
        self.statement_code().as_str()
    }

    /// Such as `[{"reason":"TableReadProvisionedThroughputExceeded","resource":"arn:.."}]`.
    pub(crate) fn reasons(&self) -> Bytes {
        let reason = format!(
            "{}{}{}",
            if self.of_index { "Index" } else { "Table" },
            match self.way {
                Way::Read => "Read",
                Way::Write => "Write",
            },
            match self.limit {
                Limit::Provisioned => "ProvisionedThroughputExceeded",
                Limit::OnDemandMaximum => "MaxOnDemandThroughputExceeded",
            }
        );
        let mut writer = Writer::new();
        writer.begin_array();
        writer.begin_object();
        writer.key("reason");
        writer.string(&reason);
        writer.key("resource");
        writer.string(&self.arn);
        writer.end_object();
        writer.end_array();
        writer.into_bytes()
    }
}

impl std::fmt::Display for Throttled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.limit, self.of_index) {
            (Limit::Provisioned, false) => {
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
                 provisioning level with the UpdateTable API."
            }
            (Limit::Provisioned, true) => {
                "The level of configured provisioned throughput for one or more global secondary indexes of the \
                 table was exceeded. Consider increasing your provisioning level for the under-provisioned global \
                 secondary indexes with the UpdateTable API"
            }
            (Limit::OnDemandMaximum, _) => {
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: f64) -> Bucket {
        Bucket(Mutex::new(Level { units: 0.0, rate, at: Timestamp(0) }))
    }

    #[test]
    fn a_bucket_fills_for_five_minutes_and_owes_what_was_taken_too_much() {
        let at = Timestamp::from_secs;
        let bucket = bucket(10.0);
        assert_eq!(bucket.left(10.0, at(1)), 10.0);
        assert_eq!(bucket.left(10.0, at(300)), 3_000.0);
        assert_eq!(bucket.left(10.0, at(100_000)), 3_000.0);
        bucket.take(3_050.0, at(100_000));
        assert_eq!(bucket.left(10.0, at(100_000)), -50.0);
        assert_eq!(bucket.left(10.0, at(100_005)), 0.0);
        assert_eq!(bucket.left(10.0, at(100_006)), 10.0);
    }

    #[test]
    fn requests_that_end_out_of_order_get_no_moment_twice() {
        let at = |ms: i64| Timestamp(1_000_000 + ms);
        let bucket = Bucket(Mutex::new(Level { units: 0.0, rate: 10.0, at: at(0) }));
        for round in 0..100 {
            // One began before the other and ends after it.
            bucket.left(10.0, at(1_000 + round));
            bucket.take(0.0, at(500));
        }
        assert_eq!(bucket.left(10.0, at(1_100)).round(), 11.0);
        // The clock was set back by an hour.
        bucket.left(10.0, at(-3_600_000));
        assert_eq!(bucket.left(10.0, at(-3_599_000)).round(), 21.0);
    }

    #[test]
    fn another_rate_keeps_what_is_left_and_what_is_owed() {
        let at = Timestamp::from_secs;
        let bucket = bucket(10.0);
        assert_eq!(bucket.left(100.0, at(2)), 20.0);
        assert_eq!(bucket.left(100.0, at(3)), 120.0);
        bucket.take(220.0, at(3));
        assert_eq!(bucket.left(1.0, at(3)), -100.0);
        assert_eq!(bucket.left(1.0, at(103)), 0.0);
        // A full bucket holds more with a higher rate, but it is not full at once; with a lower one it holds less.
        assert_eq!(bucket.left(1.0, at(1_000)), 300.0);
        assert_eq!(bucket.left(2.0, at(1_000)), 300.0);
        assert_eq!(bucket.left(2.0, at(1_100)), 500.0);
        assert_eq!(bucket.left(1.0, at(1_100)), 300.0);
    }
}
