//! Counts by the minute of each function, table and stage, since the server has started. Knows no page.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::AccountId;
use base::trace::{Attribute, Record, Resource, SpanKind, SpanRecord};

use crate::ring::{SHARDS, own_shard};

/// As far back as anybody can look.
const MINUTES_MAX: i64 = 24 * 60;
/// Of all resources of a shard; the oldest go first.
const POINTS_MAX: usize = 1 << 13;
const MINUTE_MS: i64 = 60_000;

/// Durations are told apart by half octaves of microseconds: a percentile is right within a fifth.
const BUCKETS: usize = 56;

/// What a resource did in a minute.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// Milliseconds since the epoch.
    pub(crate) minute: i64,
    pub(crate) count: u64,
    pub(crate) failed: u64,
    pub(crate) throttled: u64,
    pub(crate) cold_starts: u64,
    pub(crate) status_4xx: u64,
    pub(crate) status_5xx: u64,
    /// The most at a time.
    pub(crate) concurrent: i64,
    pub(crate) iterator_age_ms: Option<i64>,
    pub(crate) capacity_units: f64,
    pub(crate) durations: Durations,
}

#[derive(Debug, Clone)]
pub(crate) struct Durations {
    pub(crate) count: u64,
    sum: Duration,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    buckets: [u32; BUCKETS],
}

#[derive(Debug, Default)]
pub(crate) struct Series {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    points: HashMap<AccountId, HashMap<Resource, VecDeque<Point>>>,
    count: usize,
}

impl Series {
    /// Counts what a record tells of.
    pub(crate) fn count(&self, record: &Record) {
        let minute = record.started.0.div_euclid(MINUTE_MS) * MINUTE_MS;
        let counted =
            record.spans.iter().filter(|span| span.resource.is_some() || span.kind == SpanKind::Handler);
        let mut shard = None;
        for span in counted {
            let Some(resource) = resource_of(record, span) else { continue };
            let own = || self.shards[own_shard()].lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(point) = shard.get_or_insert_with(own).point((record.account, resource), minute) {
                point.add(span, record);
            }
        }
    }

    /// The points of a resource that are not older than `since`, oldest first.
    pub(crate) fn of(&self, account: AccountId, resource: &Resource, since: i64) -> Vec<Point> {
        let mut merged: BTreeMap<i64, Point> = BTreeMap::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let points = shard.points.get(&account).and_then(|resources| resources.get(resource));
            for point in points.into_iter().flatten().filter(|point| point.minute >= since) {
                merged.entry(point.minute).or_insert_with(|| Point::new(point.minute)).merge(point);
            }
        }
        merged.into_values().collect()
    }
}

/// What a span is counted by: a handler by its function.
fn resource_of<'r>(record: &'r Record, span: &'r SpanRecord) -> Option<&'r Resource> {
    if span.kind != SpanKind::Handler {
        return span.resource.as_ref();
    }
    let parent = span.parent?;
    record.spans.iter().find(|other| other.id == parent)?.resource.as_ref()
}

impl Shard {
    fn point(&mut self, (account, resource): (AccountId, &Resource), minute: i64) -> Option<&mut Point> {
        let known = self.points.get(&account).and_then(|resources| resources.get(resource));
        if !known.is_some_and(|points| points.iter().rev().any(|point| point.minute == minute)) {
            let points = self.points.entry(account).or_default().entry(resource.clone()).or_default();
            let at = points.iter().rposition(|point| point.minute < minute);
            points.insert(at.map_or(0, |at| at + 1), Point::new(minute));
            self.count += 1;
            self.forget(minute);
        }
        let points = self.points.get_mut(&account)?.get_mut(resource)?;
        points.iter_mut().rev().find(|point| point.minute == minute)
    }

    /// Drops what is too old, or too much.
    fn forget(&mut self, now: i64) {
        let mut oldest = now - MINUTES_MAX * MINUTE_MS;
        while self.count > 0 {
            let mut dropped = 0;
            for resources in self.points.values_mut() {
                resources.retain(|_, points| {
                    while points.front().is_some_and(|point| point.minute < oldest) {
                        points.pop_front();
                        dropped += 1;
                    }
                    !points.is_empty()
                });
            }
            self.count -= dropped;
            if self.count <= POINTS_MAX {
                return;
            }
            let fronts = self.points.values().flat_map(HashMap::values).filter_map(VecDeque::front);
            oldest = fronts.map(|point| point.minute).min().unwrap_or(now) + MINUTE_MS;
        }
    }
}

impl Point {
    fn new(minute: i64) -> Self {
        Self {
            minute,
            count: 0,
            failed: 0,
            throttled: 0,
            cold_starts: 0,
            status_4xx: 0,
            status_5xx: 0,
            concurrent: 0,
            iterator_age_ms: None,
            capacity_units: 0.0,
            durations: Durations::new(),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.failed += other.failed;
        self.throttled += other.throttled;
        self.cold_starts += other.cold_starts;
        self.status_4xx += other.status_4xx;
        self.status_5xx += other.status_5xx;
        self.concurrent = self.concurrent.max(other.concurrent);
        self.iterator_age_ms = self.iterator_age_ms.max(other.iterator_age_ms);
        self.capacity_units += other.capacity_units;
        self.durations.merge(&other.durations);
    }

    fn add(&mut self, span: &SpanRecord, record: &Record) {
        match span.kind {
            SpanKind::Handler => return self.durations.add(span.took.unwrap_or_default()),
            // The attempt is counted by its invocation.
            SpanKind::Event | SpanKind::Batch => return,
            SpanKind::Invocation => {
                let batch = record.spans.first().and_then(|first| number(first, "iteratorAgeMs"));
                self.iterator_age_ms = self.iterator_age_ms.max(batch);
            }
            _ => self.durations.add(span.took.unwrap_or_default()),
        }
        self.count += 1;
        let is_throttled =
            span.failure.as_ref().is_some_and(|failure| failure.code == "TooManyRequestsException");
        self.throttled += u64::from(is_throttled);
        let status = span.status.unwrap_or(0);
        self.status_4xx += u64::from((400..500).contains(&status));
        self.status_5xx += u64::from(status >= 500);
        self.failed += u64::from(!is_throttled && (span.failure.is_some() || status >= 500));
        for (name, value) in &span.attributes {
            match (*name, value) {
                ("coldStart", Attribute::Flag(true)) => self.cold_starts += 1,
                ("concurrent", Attribute::Number(number)) => self.concurrent = self.concurrent.max(*number),
                ("capacityUnits", Attribute::Fraction(units)) => self.capacity_units += units,
                _ => {}
            }
        }
    }
}

fn number(span: &SpanRecord, name: &str) -> Option<i64> {
    span.attributes.iter().find_map(|(known, value)| match value {
        Attribute::Number(number) if *known == name => Some(*number),
        _ => None,
    })
}

impl Durations {
    fn new() -> Self {
        Self { count: 0, sum: Duration::ZERO, min: Duration::MAX, max: Duration::ZERO, buckets: [0; BUCKETS] }
    }

    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        self.min = self.min.min(took);
        self.max = self.max.max(took);
        self.buckets[bucket(took)] += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (own, others) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += others;
        }
    }

    pub(crate) fn average(&self) -> Duration {
        self.sum.checked_div(u32::try_from(self.count).unwrap_or(u32::MAX)).unwrap_or_default()
    }

    /// The duration that `share` of all do not exceed, about.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let wanted = self.count as f64 * share;
        let mut seen = 0.0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += f64::from(*count);
            if *count > 0 && seen >= wanted {
                return middle(index).clamp(self.min, self.max);
            }
        }
        self.max
    }
}

/// Half octaves: 0 and 1 us, then two for each power of two.
fn bucket(took: Duration) -> usize {
    let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = us.ilog2() as usize;
    let is_upper = octave > 0 && us >= (3 << octave) / 2;
    (2 * octave + usize::from(is_upper)).min(BUCKETS - 1)
}

fn middle(bucket: usize) -> Duration {
    let octave = (1_u64 << (bucket / 2)) as f64;
    let us = if bucket.is_multiple_of(2) { octave * 1.25 } else { octave * 1.75 };
    Duration::from_secs_f64(us / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_about_right() {
        let mut durations = Durations::new();
        for us in 1..=1000 {
            durations.add(Duration::from_micros(us));
        }
        for (share, us) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0)] {
            let found = durations.percentile(share).as_secs_f64() * 1e6;
            assert!((found / us - 1.0).abs() < 0.25, "{share}: {found}");
        }
        assert_eq!(durations.average(), Duration::from_nanos(500_500));
        assert_eq!(Durations::new().percentile(0.5), Duration::ZERO);
    }

    #[test]
    fn buckets_rise() {
        let buckets: Vec<usize> =
            [0, 1, 2, 3, 4, 6, 8, 12, 1 << 20, u64::MAX].map(|us| bucket(Duration::from_micros(us))).into();
        assert_eq!(buckets, [0, 0, 2, 3, 4, 5, 6, 7, 40, 55]);
    }
}
