//! What the project set out to reach with 16 connections on two cores shared with the load generator, in operations
//! a second. Plain data.

use crate::server::Keeping;

/// Workload, mark in memory or with relaxed durability, mark with every acknowledged write synced.
const MARKS: [(&str, f64, Option<f64>); 7] = [
    ("put", 40_000.0, Some(20_000.0)),
    ("get", 50_000.0, Some(50_000.0)),
    ("update", 36_000.0, None),
    ("query of 25", 22_000.0, Some(22_000.0)),
    ("batch of 25", 6_500.0, Some(3_000.0)),
    ("transact of 4", 17_000.0, Some(8_000.0)),
    ("put with a GSI", 34_000.0, Some(12_000.0)),
];

/// On PostgreSQL.
const STORE_MARKS: [(&str, f64); 2] = [("get", 20_000.0), ("put", 8_000.0)];

pub(crate) fn of(keeping: &Keeping, workload: &str) -> Option<f64> {
    if let Keeping::Store(_) = keeping {
        return STORE_MARKS.iter().find(|(name, _)| *name == workload).map(|(_, mark)| *mark);
    }
    let (_, relaxed, strict) = MARKS.iter().find(|(name, ..)| *name == workload)?;
    if *keeping == Keeping::Strict { *strict } else { Some(*relaxed) }
}
