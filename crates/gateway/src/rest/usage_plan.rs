//! Usage plans: what is kept of them, what they may be, how they are patched, and the periods of their quotas. Pure;
//! knows no store.

use std::collections::BTreeMap;

use base::Timestamp;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::bucket::Rate;
use crate::rest::rest_api::check_tags;
use crate::rest::rows::Record;

const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct UsagePlanRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) name: String,
    #[n(2)]
    pub(crate) description: Option<String>,
    #[n(3)]
    pub(crate) stages: Vec<PlanStageRecord>,
    #[n(4)]
    pub(crate) throttle: Option<ThrottleRecord>,
    #[n(5)]
    pub(crate) quota: Option<QuotaRecord>,
    #[n(6)]
    pub(crate) product_code: Option<String>,
    #[n(7)]
    pub(crate) tags: BTreeMap<String, String>,
    #[n(8)]
    pub(crate) created_ms: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct PlanStageRecord {
    #[n(0)]
    pub(crate) api_id: String,
    #[n(1)]
    pub(crate) stage: String,
    /// By `{resource path}/{METHOD}`.
    #[n(2)]
    pub(crate) throttle: BTreeMap<String, ThrottleRecord>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Encode, Decode)]
pub(crate) struct ThrottleRecord {
    #[n(0)]
    pub(crate) burst_limit: i32,
    #[n(1)]
    pub(crate) rate_limit: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct QuotaRecord {
    #[n(0)]
    pub(crate) limit: i32,
    /// By how many days later than on Sunday or on the first of the month a period begins: AWS bounds it as that.
    #[n(1)]
    pub(crate) offset: i32,
    /// `DAY`, `WEEK` or `MONTH`.
    #[n(2)]
    pub(crate) period: String,
}

impl Record for UsagePlanRecord {}

impl Part for UsagePlanRecord {
    const KIND: u8 = kind::USAGE_PLAN;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid Usage Plan ID specified".into())
    }
}

impl ThrottleRecord {
    pub(crate) fn rate(self) -> Rate {
        Rate { per_second: self.rate_limit, burst: self.burst_limit }
    }

    fn check(self) -> Result<()> {
        if self.rate_limit.is_finite() {
            return Ok(());
        }
        Err(GatewayError::bad_request("Usage Plan throttle rate limit must be a number"))
    }

    fn patch(&mut self, patch: &Patch, name: &str) -> Result<()> {
        match name {
            "burstLimit" => self.burst_limit = patch.number()?,
            "rateLimit" => self.rate_limit = patch.number()?,
            _ => return Err(patch.unknown()),
        }
        Ok(())
    }
}

impl QuotaRecord {
    fn check(&self) -> Result<()> {
        if !["DAY", "WEEK", "MONTH"].contains(&self.period.as_str()) {
            return Err(GatewayError::bad_request(
                "Usage Plan quota period must be one of: [DAY, WEEK, MONTH]",
            ));
        }
        if self.limit < 0 || self.offset < 0 {
            return Err(GatewayError::bad_request("Usage Plan quota limit and offset must not be negative"));
        }
        let days = match self.period.as_str() {
            "DAY" => 1,
            "WEEK" => 7,
            _ => 28,
        };
        if self.offset >= days {
            return Err(GatewayError::bad_request(if self.period == "DAY" {
                "Usage Plan quota offset must be zero in the DAY period".to_owned()
            } else {
                format!(
                    "Usage Plan quota offset must be between zero and {} inclusive in the {} period",
                    days - 1,
                    self.period
                )
            }));
        }
        Ok(())
    }

    /// The day on which the period that has `day` began.
    pub(crate) fn began(&self, day: i64) -> i64 {
        let day_of_month = i64::from(Timestamp(day.saturating_mul(DAY_MS)).civil().2);
        match self.period.as_str() {
            // 1970-01-01 was a Thursday; weeks begin on Sundays. The offset moves their first day.
            "WEEK" => day - (day + 4 - i64::from(self.offset)).rem_euclid(7),
            "MONTH" => {
                let first = i64::from(self.offset) + 1;
                if day_of_month >= first {
                    return day - (day_of_month - first);
                }
                let last_of_before = day - day_of_month;
                let before = Timestamp(last_of_before.saturating_mul(DAY_MS)).civil().2;
                last_of_before - (i64::from(before) - first)
            }
            _ => day,
        }
    }
}

/// Days since 1970-01-01, in UTC.
pub(crate) fn day_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(DAY_MS)
}

/// `2026-11-23`
pub(crate) fn day_text(day: i64) -> String {
    let (year, month, day, ..) = Timestamp(day.saturating_mul(DAY_MS)).civil();
    format!("{year:04}-{month:02}-{day:02}")
}

/// What [`day_text`] writes. A day that no month has is refused.
pub(crate) fn parse_day(text: &str) -> Result<i64> {
    let day = Timestamp::parse_iso8601(&format!("{text}T00:00:00Z")).map(day_of);
    day.filter(|&day| day_text(day) == text).ok_or_else(|| {
        GatewayError::bad_request(format!("Invalid date specified: {text}. Must be yyyy-MM-dd"))
    })
}

impl UsagePlanRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(GatewayError::bad_request("Usage Plan name cannot be empty"));
        }
        self.quota.iter().try_for_each(QuotaRecord::check)?;
        let methods = self.stages.iter().flat_map(|stage| stage.throttle.values());
        self.throttle.iter().chain(methods).try_for_each(|throttle| throttle.check())?;
        check_tags(&self.tags)
    }

    pub(crate) fn stage(&self, api_id: &str, stage: &str) -> Option<&PlanStageRecord> {
        self.stages.iter().find(|known| known.api_id == api_id && known.stage == stage)
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        let path = patch.segments();
        match (patch.verb, &path[..]) {
            (PatchVerb::Replace, ["name"]) => self.name = patch.text(),
            (PatchVerb::Replace, ["description"]) => self.description = patch.some_text(),
            (PatchVerb::Add | PatchVerb::Replace, ["productCode"]) => self.product_code = patch.some_text(),
            (PatchVerb::Remove, ["productCode"]) => self.product_code = None,
            (PatchVerb::Remove, ["throttle"]) => self.throttle = None,
            (PatchVerb::Add | PatchVerb::Replace, ["throttle", name]) => {
                self.throttle.get_or_insert_default().patch(patch, name)?;
            }
            (PatchVerb::Remove, ["quota"]) => self.quota = None,
            (PatchVerb::Add | PatchVerb::Replace, ["quota", name]) => self.patch_quota(patch, name)?,
            (PatchVerb::Add, ["apiStages"]) => self.add_stage(patch)?,
            (PatchVerb::Remove, ["apiStages"]) => {
                let (api_id, stage) = split_stage(&patch.text())?;
                let before = self.stages.len();
                self.stages.retain(|known| (&known.api_id, &known.stage) != (&api_id, &stage));
                if self.stages.len() == before {
                    return Err(no_stage(&api_id, &stage));
                }
            }
            (_, ["apiStages", stage, "throttle", rest @ ..]) => self.patch_method(patch, stage, rest)?,
            (PatchVerb::Replace, _) => {
                return Err(patch.none_of(&[
                    "/name",
                    "/description",
                    "/productCode",
                    "/quota/limit",
                    "/quota/offset",
                    "/quota/period",
                    "/throttle/burstLimit",
                    "/throttle/rateLimit",
                ]));
            }
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    fn patch_quota(&mut self, patch: &Patch, name: &str) -> Result<()> {
        let quota =
            self.quota.get_or_insert_with(|| QuotaRecord { period: "DAY".into(), ..Default::default() });
        match name {
            "limit" => quota.limit = patch.number()?,
            "offset" => quota.offset = patch.number()?,
            "period" => quota.period = patch.text(),
            _ => return Err(patch.unknown()),
        }
        Ok(())
    }

    fn add_stage(&mut self, patch: &Patch) -> Result<()> {
        let (api_id, stage) = split_stage(&patch.text())?;
        if self.stage(&api_id, &stage).is_none() {
            self.stages.push(PlanStageRecord { api_id, stage, throttle: BTreeMap::new() });
        }
        Ok(())
    }

    /// Paths of methods have slashes, which some clients escape and some do not.
    fn patch_method(&mut self, patch: &Patch, stage: &str, rest: &[&str]) -> Result<()> {
        let (api_id, name) = split_stage(stage)?;
        let stage = self.stages.iter_mut().find(|known| known.api_id == api_id && known.stage == name);
        let throttle = &mut stage.ok_or_else(|| no_stage(&api_id, &name))?.throttle;
        match (patch.verb, rest) {
            (PatchVerb::Remove, []) => throttle.clear(),
            (PatchVerb::Remove, method) => drop(throttle.remove(&method.join("/"))),
            (PatchVerb::Add | PatchVerb::Replace, [method @ .., limit]) if !method.is_empty() => {
                throttle.entry(method.join("/")).or_default().patch(patch, limit)?;
            }
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }
}

/// `API:STAGE`
fn split_stage(text: &str) -> Result<(String, String)> {
    match text.split_once(':') {
        Some((api_id, stage)) if !api_id.is_empty() && !stage.is_empty() => {
            Ok((api_id.to_owned(), stage.to_owned()))
        }
        _ => Err(GatewayError::bad_request(format!("Invalid API Stage specified: {text}"))),
    }
}

pub(crate) fn no_stage(api_id: &str, stage: &str) -> GatewayError {
    GatewayError::NotFound(format!("API Stage not found: {api_id}:{stage}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a date to the first day of its period.
    fn check(period: &str, offset: i32, date: &str, began: &str) {
        let day = |date: &str| day_of(Timestamp::parse_iso8601(&format!("{date}T12:00:00Z")).unwrap());
        let quota = QuotaRecord { limit: 1, offset, period: period.into() };
        assert_eq!(quota.began(day(date)), day(began), "{period} {offset} {date}");
    }

    #[test]
    fn periods_begin() {
        check("DAY", 0, "2026-11-23", "2026-11-23");
        // A Monday.
        check("WEEK", 0, "2026-11-23", "2026-11-22");
        check("WEEK", 0, "2026-11-22", "2026-11-22");
        check("WEEK", 1, "2026-11-23", "2026-11-23");
        check("WEEK", 6, "2026-11-23", "2026-11-21");
        check("MONTH", 0, "2026-11-23", "2026-11-01");
        check("MONTH", 0, "2024-02-29", "2024-02-01");
        check("MONTH", 14, "2026-11-23", "2026-11-15");
        check("MONTH", 27, "2026-03-05", "2026-02-28");
        check("MONTH", 27, "2026-01-05", "2025-12-28");
    }
}
