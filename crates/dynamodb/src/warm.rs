//! Warm throughput: what a table or an index can take at once; it never becomes less. Pure; knows no store.

use api::dynamodb::WarmThroughput;

use crate::error::{Error, Result};
use crate::quota::Place;
use crate::table::{Throughput, Warm};

/// What a new on-demand table can take at once.
const INITIAL: (i64, i64) = (12_000, 4_000);

/// What is warm now: at least what is provisioned.
pub(crate) fn units(asked: Option<&Warm>, provisioned: Option<&Throughput>) -> (i64, i64) {
    let (read, write) = provisioned.map_or(INITIAL, |units| (units.read, units.write));
    asked.map_or((read, write), |warm| (warm.read.max(read), warm.write.max(write)))
}

/// What a new table or index is asked to have.
pub(crate) fn declared(
    asked: &WarmThroughput,
    provisioned: Option<&Throughput>,
    place: Place<'_>,
) -> Result<Warm> {
    raised(asked, units(None, provisioned), place, |kind| {
        match provisioned {
        Some(_) => format!("{kind}CapacityUnits of ProvisionedThroughput"),
        None => "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/\
                 on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
            .to_owned(),
    }
    })
}

/// What a table or index is to have that has `current`.
pub(crate) fn changed(asked: &WarmThroughput, current: (i64, i64), place: Place<'_>) -> Result<Warm> {
    raised(asked, current, place, |_| {
        "current WarmThroughput, decreasing WarmThroughput is not supported".to_owned()
    })
}

fn raised(
    asked: &WarmThroughput,
    floor: (i64, i64),
    place: Place<'_>,
    name_of_floor: impl Fn(&str) -> String,
) -> Result<Warm> {
    let read = asked.read_units_per_second.unwrap_or(floor.0);
    let write = asked.write_units_per_second.unwrap_or(floor.1);
    for (kind, units, floor) in [("Read", read, floor.0), ("Write", write, floor.1)] {
        if units < floor {
            return Err(Error::parameter(format_args!(
                "Requested {kind}UnitsPerSecond for WarmThroughput for {place} is lower than {}",
                name_of_floor(kind)
            )));
        }
    }
    Ok(Warm { read, write })
}
