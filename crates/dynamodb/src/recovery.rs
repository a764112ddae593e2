//! What a table keeps for backups and point-in-time recovery, and what it is while it is made of one. Pure.

use base::Timestamp;
use minicbor::{Decode, Encode};

use crate::table::Table;

#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct Recovery {
    /// Point-in-time recovery is on since then; none if it is off.
    #[n(0)]
    pub(crate) since_ms: Option<i64>,
    #[n(1)]
    #[cbor(default)]
    pub(crate) days: u8,
    /// Jobs that copy the table while it changes: as long as there is one, history is written and kept.
    #[n(2)]
    #[cbor(default)]
    pub(crate) holds: Vec<String>,
    /// The job that makes this table: until it has, nobody else may use it.
    #[n(3)]
    pub(crate) making: Option<Making>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Making {
    #[n(0)]
    pub(crate) job: String,
    /// None: an import.
    #[n(1)]
    pub(crate) restored: Option<Restored>,
}

/// `RestoreSummary`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Restored {
    #[n(0)]
    pub(crate) backup_arn: Option<String>,
    #[n(1)]
    pub(crate) table_arn: String,
    #[n(2)]
    pub(crate) when_ms: i64,
}

/// The times that a table can be restored to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) earliest: Timestamp,
    pub(crate) latest: Timestamp,
}

/// What AWS keeps unless it is told otherwise, and at most.
pub(crate) const DAYS: u8 = 35;

const DAY_MS: i64 = 86_400_000;

impl Table {
    /// Whether every change is to be kept in the history.
    pub(crate) fn records_history(&self) -> bool {
        self.recovery.as_ref().is_some_and(|kept| kept.since_ms.is_some() || !kept.holds.is_empty())
    }

    pub(crate) fn making(&self) -> Option<&Making> {
        self.recovery.as_ref()?.making.as_ref()
    }

    /// None: point-in-time recovery is off. In whole seconds, as it is told.
    pub(crate) fn recovery_window(&self, now: Timestamp) -> Option<Window> {
        let kept = self.recovery.as_ref()?;
        let since = kept.since_ms?.max(now.0 - i64::from(kept.days) * DAY_MS);
        let second = |ms: i64| Timestamp::from_secs(Timestamp(ms).as_secs());
        Some(Window { earliest: second(since), latest: second(now.0) })
    }

    /// This table, whose changes are kept for `job`.
    pub(crate) fn held_for(&self, job: &str) -> Self {
        let mut table = self.clone();
        let kept = table.recovery.get_or_insert_default();
        if !kept.holds.iter().any(|hold| hold == job) {
            kept.holds.push(job.to_owned());
        }
        table
    }

    /// This table without what it kept for `job`; none if it kept nothing for it.
    pub(crate) fn released_by(&self, job: &str) -> Option<Self> {
        self.recovery.as_ref().filter(|kept| kept.holds.iter().any(|hold| hold == job))?;
        let mut table = self.clone();
        if let Some(kept) = &mut table.recovery {
            kept.holds.retain(|hold| hold != job);
        }
        table.recovery = table.recovery.filter(|kept| *kept != Recovery::default());
        Some(table)
    }
}
