//! Contributor insights of a table or index: whether they are on, in which mode, and what their rules are called.
//! Nothing is counted. Pure; knows no request.

use api::dynamodb::{ContributorInsightsMode as Mode, ContributorInsightsStatus as Status};
use base::Timestamp;
use minicbor::{Decode, Encode};

use crate::error::{Error, Result};
use crate::layout;
use crate::table::{KeySchema, Table};

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Insights {
    #[n(0)]
    pub(crate) enabled: bool,
    #[n(1)]
    throttled_only: bool,
    #[n(2)]
    pub(crate) changed_ms: i64,
    /// When the rules were made: the end of their names.
    #[n(3)]
    rules_ms: i64,
}

/// What insights are of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) number: u8,
    pub(crate) index: Option<&'a str>,
    key: &'a KeySchema,
}

impl<'a> Subject<'a> {
    /// Of the table or of one of its global indexes.
    pub(crate) fn of(table: &'a Table, index: Option<&'a str>) -> Result<Self> {
        let Some(name) = index else {
            return Ok(Self { number: layout::BASE, index: None, key: &table.key });
        };
        match table.globals().find(|index| index.name == name) {
            Some(index) => Ok(Self { number: index.number, index: Some(&index.name), key: &index.key }),
            None => Err(Error::NotFound(format!(
                "Requested resource not found: Index: {name} not found for table: {}",
                table.name
            ))),
        }
    }
}

impl Insights {
    pub(crate) fn status(&self) -> Status {
        if self.enabled { Status::Enabled } else { Status::Disabled }
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.throttled_only { Mode::ThrottledKeys } else { Mode::AccessedAndThrottledKeys }
    }

    /// Switched on, in the mode that is not told unless another is; none if they are so already.
    pub(crate) fn enabled(before: Option<&Self>, mode: Option<Mode>, now: Timestamp) -> Option<Self> {
        let throttled_only = mode == Some(Mode::ThrottledKeys);
        let running = before.filter(|before| before.enabled);
        if running.is_some_and(|before| before.throttled_only == throttled_only) {
            return None;
        }
        let rules_ms = running.map_or(now.0, |before| before.rules_ms);
        Some(Self { enabled: true, throttled_only, changed_ms: now.0, rules_ms })
    }

    /// Switched off; none if they are not on.
    pub(crate) fn disabled(before: Option<&Self>, now: Timestamp) -> Option<Self> {
        let before = before.filter(|before| before.enabled)?;
        Some(Self { enabled: false, changed_ms: now.0, ..before.clone() })
    }

    /// The names of the CloudWatch rules.
    pub(crate) fn rules(&self, table: &Table, subject: Subject<'_>) -> Option<Vec<String>> {
        if !self.enabled {
            return None;
        }
        let kinds = [("PKC", false, false), ("SKC", true, false), ("PKT", false, true), ("SKT", true, true)];
        let of = subject.index.map_or_else(|| table.name.clone(), |index| format!("{}-{index}", table.name));
        let wanted = |(_, sort, throttled): &(&str, bool, bool)| {
            (!sort || !subject.key.range.is_empty()) && (*throttled || !self.throttled_only)
        };
        let name = |kind: &str| format!("DynamoDBContributorInsights-{kind}-{of}-{}", self.rules_ms);
        Some(kinds.iter().filter(|kind| wanted(kind)).map(|(kind, ..)| name(kind)).collect())
    }
}
