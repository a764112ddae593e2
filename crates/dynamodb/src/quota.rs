//! What an account may have: throughput of its tables and of all of them together, and how often it may be lowered.
//! AWS's defaults, which DescribeLimits tells. Pure; knows no store.

use std::fmt;

use base::{Region, Timestamp};

use crate::error::{Error, Result};
use crate::table::{OnDemand, Projection, Table, Throughput, Warm};

pub(crate) const ACCOUNT_UNITS_MAX: i64 = 80_000;
pub(crate) const TABLE_UNITS_MAX: i64 = 40_000;
/// Names of attributes that indexes hold beside keys, over all indexes of a table.
const PROJECTED_MAX: usize = 100;
/// Decreases of a day that need not wait for each other.
const DECREASES_FREE: u32 = 4;
const DECREASE_EACH_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

const REFER: &str =
    "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.";

/// What throughput is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Table,
    Index(&'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => f.write_str("table"),
            Self::Index(name) => write!(f, "index {name}"),
        }
    }
}

/// Refuses what is too much for one table, one index, or with `others` for the account. `before` is the table as it was.
pub(crate) fn check(table: &Table, before: Option<&Table>, others: &[&Table]) -> Result<()> {
    let region = &table.scope.region;
    for (place, units) in provisioned(table) {
        check_units(place, units, region)?;
    }
    check_limits(Place::Table, table.on_demand.as_ref(), region)?;
    check_warm(Place::Table, table.warm.as_ref(), region)?;
    for index in &table.indexes {
        check_limits(Place::Index(&index.name), index.on_demand.as_ref(), region)?;
        check_warm(Place::Index(&index.name), index.warm.as_ref(), region)?;
    }
    check_projected(table)?;
    check_account(table, before, others)
}

fn check_projected(table: &Table) -> Result<()> {
    let projected = table.indexes.iter().map(|index| match &index.projection {
        Projection::Include(names) => names.len(),
        Projection::All | Projection::KeysOnly => 0,
    });
    if projected.sum::<usize>() > PROJECTED_MAX {
        return Err(Error::parameter(format_args!(
            "Number of NonKeyAttributes of all secondary indexes exceeds per-table limit of {PROJECTED_MAX}"
        )));
    }
    Ok(())
}

fn provisioned(table: &Table) -> impl Iterator<Item = (Place<'_>, &Throughput)> {
    let indexes = table
        .indexes
        .iter()
        .filter_map(|index| Some((Place::Index(&index.name), index.throughput.as_ref()?)));
    table.billing.provisioned.as_ref().map(|units| (Place::Table, units)).into_iter().chain(indexes)
}

fn check_units(place: Place<'_>, units: &Throughput, region: &Region) -> Result<()> {
    let (of, kind) = match place {
        Place::Table => (String::new(), "table"),
        Place::Index(name) => (format!(" for index {name}"), "index"),
    };
    for (name, units) in [("ReadCapacityUnits", units.read), ("WriteCapacityUnits", units.write)] {
        if units > TABLE_UNITS_MAX {
            return Err(Error::Limit(format!(
                "The requested {name}{of}, {units}, is above the per {kind} maximum for the account in {}. Per {kind} \
                 maximum: {TABLE_UNITS_MAX}. {REFER}",
                region.as_str()
            )));
        }
    }
    Ok(())
}

fn check_account(table: &Table, before: Option<&Table>, others: &[&Table]) -> Result<()> {
    let sum = |table: &Table, of: fn(&Throughput) -> i64| {
        provisioned(table).map(|(_, units)| of(units)).sum::<i64>()
    };
    let read = |units: &Throughput| units.read;
    let write = |units: &Throughput| units.write;
    for (name, of) in [("ReadCapacityUnits", read as fn(&Throughput) -> i64), ("WriteCapacityUnits", write)] {
        let requested = sum(table, of);
        let held = before.map_or(0, |before| sum(before, of));
        let reserved = held + others.iter().map(|other| sum(other, of)).sum::<i64>();
        if requested > held && reserved - held + requested > ACCOUNT_UNITS_MAX {
            return Err(Error::Limit(format!(
                "This request would have caused the {name} limit to be exceeded for the account in {}. Current {name} \
                 reserved by the account: {reserved}. Limit: {ACCOUNT_UNITS_MAX}. Requested: {requested}. {REFER}",
                table.scope.region.as_str()
            )));
        }
    }
    Ok(())
}

fn check_limits(place: Place<'_>, limits: Option<&OnDemand>, region: &Region) -> Result<()> {
    let Some(limits) = limits else { return Ok(()) };
    let of = match place {
        Place::Table => "table".to_owned(),
        Place::Index(name) => format!("index : {name}"),
    };
    for (kind, units) in [("Read", limits.read_max), ("Write", limits.write_max)] {
        if units.is_some_and(|units| units > TABLE_UNITS_MAX) {
            return Err(Error::Limit(format!(
                "Subscriber limit exceeded: Requested Max{kind}RequestUnits for OnDemandThroughput for {of} exceeds \
                 TableMax{kind}CapacityUnits of the account in region {}",
                region.as_str()
            )));
        }
    }
    Ok(())
}

fn check_warm(place: Place<'_>, warm: Option<&Warm>, region: &Region) -> Result<()> {
    let Some(warm) = warm else { return Ok(()) };
    for (kind, units) in [("Read", warm.read), ("Write", warm.write)] {
        if units > TABLE_UNITS_MAX {
            return Err(Error::Limit(format!(
                "Subscriber limit exceeded: Requested {kind}UnitsPerSecond for WarmThroughput for {place} exceeds \
                 TableMax{kind}CapacityUnits of the account in region {}",
                region.as_str()
            )));
        }
    }
    Ok(())
}

/// `current` changed to `asked` at `now`, if it may be.
pub(crate) fn changed(
    current: &Throughput,
    asked: &Throughput,
    place: Place<'_>,
    now: Timestamp,
) -> Result<Throughput> {
    if (current.read, current.write) == (asked.read, asked.write) {
        return Err(Error::invalid(format!(
            "The provisioned throughput for the {place} will not change. The requested value equals the current \
             value. Current ReadCapacityUnits provisioned for the {place}: {}. Requested ReadCapacityUnits: {}. \
             Current WriteCapacityUnits provisioned for the {place}: {}. Requested WriteCapacityUnits: {}. {REFER}",
            current.read, asked.read, current.write, asked.write
        )));
    }
    if asked.read < current.read || asked.write < current.write {
        check_decrease(current, now)?;
    }
    Ok(current.changed(asked.read, asked.write, now))
}

/// Four decreases a day are free; a further one comes an hour after the last, or on the next day.
fn check_decrease(current: &Throughput, now: Timestamp) -> Result<()> {
    let today = current.decreases_on(now);
    let Some(last) = current.decreased_ms.filter(|_| today >= DECREASES_FREE) else { return Ok(()) };
    let tomorrow = (now.0.div_euclid(DAY_MS) + 1) * DAY_MS;
    let next = tomorrow.min(last + DECREASE_EACH_MS);
    if now.0 >= next {
        return Ok(());
    }
    Err(Error::Limit(format!(
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the \
         first {DECREASES_FREE} decreases, each subsequent decrease in the same UTC day can be performed at most once \
         every {} seconds. Number of decreases today: {today}. Last decrease at {}. Next decrease can be made at {}",
        DECREASE_EACH_MS / 1000,
        told(last),
        told(next)
    )))
}

/// `Friday, October 9, 2026 at 12:21:34 AM Coordinated Universal Time`.
fn told(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day, hour, minute, second, _) = Timestamp(ms).civil();
    let since_thursday = usize::try_from(ms.div_euclid(DAY_MS).rem_euclid(7)).unwrap_or(0);
    let weekday = DAYS[since_thursday];
    let month = MONTHS[(month.clamp(1, 12) - 1) as usize];
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!(
        "{weekday}, {month} {day}, {year} at {hour}:{minute:02}:{second:02} {half} Coordinated Universal Time"
    )
}
