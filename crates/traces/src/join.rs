//! Records of one trace, joined; and who calls whom in all of them. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use base::trace::{Attribute, Failure, Record, Resource, SpanId, SpanKind, SpanRecord};

use crate::ring::Kept;

/// A trace in short.
#[derive(Debug)]
pub(crate) struct Summary<'k> {
    /// Of the newest record.
    pub(crate) sequence: u64,
    pub(crate) id: &'k str,
    /// The record that began first.
    pub(crate) first: &'k Record,
    pub(crate) took: Duration,
    pub(crate) failure: Option<&'k Failure>,
    pub(crate) resources: Vec<&'k Resource>,
    pub(crate) spans: usize,
}

/// Which traces are wanted.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) limit: usize,
    /// Those whose newest record came before this one.
    pub(crate) before: Option<u64>,
    /// Somewhere in a name, an id, a resource or a failure; any case.
    pub(crate) text: String,
    pub(crate) resource: String,
    pub(crate) failed: bool,
}

/// The traces of `kept`, which has the newest first, and where to go on.
pub(crate) fn summaries<'k>(kept: &'k [Kept], filter: &Filter) -> (Vec<Summary<'k>>, Option<u64>) {
    let mut order: Vec<&str> = Vec::new();
    let mut by_id: HashMap<&str, Vec<&'k Kept>> = HashMap::new();
    for kept in kept {
        let Some(id) = kept.record.trace.root() else { continue };
        let records = by_id.entry(id).or_default();
        if records.is_empty() {
            order.push(id);
        }
        records.push(kept);
    }
    let mut found = Vec::new();
    for id in order {
        let Some(summary) = by_id.get(id).and_then(|records| summary(id, records)) else { continue };
        if filter.before.is_some_and(|before| summary.sequence >= before) || !filter.wants(&summary) {
            continue;
        }
        if found.len() == filter.limit {
            let next = found.last().map(|last: &Summary<'_>| last.sequence);
            return (found, next);
        }
        found.push(summary);
    }
    (found, None)
}

fn summary<'k>(id: &'k str, records: &[&'k Kept]) -> Option<Summary<'k>> {
    let first = records.iter().map(|kept| &*kept.record).min_by_key(|record| record.begun)?;
    let end = records.iter().map(|kept| end(&kept.record)).max()?;
    let mut resources = Vec::new();
    let mut in_order: Vec<&Record> = records.iter().map(|kept| &*kept.record).collect();
    in_order.sort_by_key(|record| record.begun);
    for resource in in_order.iter().flat_map(|record| &record.spans).filter_map(|span| span.resource.as_ref())
    {
        if !resources.contains(&resource) {
            resources.push(resource);
        }
    }
    Some(Summary {
        sequence: records.first()?.sequence,
        id,
        first,
        took: end.saturating_duration_since(first.begun),
        failure: in_order.iter().flat_map(|record| &record.spans).find_map(|span| span.failure.as_ref()),
        resources,
        spans: records.iter().map(|kept| kept.record.spans.len()).sum(),
    })
}

fn end(record: &Record) -> Instant {
    let ends = record.spans.iter().map(|span| span.begun + span.took.unwrap_or_default());
    record.begun + ends.max().unwrap_or_default()
}

impl Filter {
    fn wants(&self, summary: &Summary<'_>) -> bool {
        let Some(whole) = summary.first.spans.first() else { return false };
        if self.failed && summary.failure.is_none() && whole.status.is_none_or(|status| status < 400) {
            return false;
        }
        if !self.resource.is_empty()
            && !summary.resources.iter().any(|resource| is_named(resource, &self.resource))
        {
            return false;
        }
        let text = self.text.to_lowercase();
        let has = |candidate: &str| candidate.to_lowercase().contains(&text);
        text.is_empty()
            || has(summary.id)
            || has(&whole.name)
            || summary.resources.iter().any(|resource| has(&name_of(resource)))
            || summary.failure.is_some_and(|failure| has(&failure.code) || has(&failure.message))
    }
}

/// `lambda:hello`
pub(crate) fn name_of(resource: &Resource) -> String {
    format!("{}:{}", resource.service, resource.name)
}

fn is_named(resource: &Resource, name: &str) -> bool {
    name.split_once(':').is_some_and(|(service, name)| resource.service == service && *resource.name == *name)
}

/// The records of a trace, in the order in which they began.
pub(crate) fn records_of<'k>(kept: &'k [Kept], id: &str) -> Vec<&'k Record> {
    let own = kept.iter().filter(|kept| kept.record.trace.root() == Some(id));
    let mut records: Vec<&Record> = own.map(|kept| &*kept.record).collect();
    records.sort_by_key(|record| record.begun);
    records
}

/// What called what, and how it went.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    pub(crate) count: u64,
    pub(crate) failed: u64,
    pub(crate) took: Duration,
}

/// Who is outside.
const CLIENT: &str = "client";

/// The edges between resources in records that began at `since` or later.
pub(crate) fn edges(kept: &[Kept], since: i64) -> BTreeMap<(String, String), Edge> {
    let spans: HashMap<SpanId, &SpanRecord> =
        kept.iter().flat_map(|kept| &kept.record.spans).map(|span| (span.id, span)).collect();
    let mut edges: BTreeMap<(String, String), Edge> = BTreeMap::new();
    for record in kept.iter().map(|kept| &kept.record).filter(|record| record.started.0 >= since) {
        for span in &record.spans {
            let Some(to) = node(span) else { continue };
            let from = caller(span, &spans);
            // A batch is read by whom it goes to; an attempt at an event is what it invokes.
            let is_own = matches!(span.kind, SpanKind::Batch | SpanKind::Event);
            if is_own || from.as_deref() == Some(&*to) {
                continue;
            }
            let edge = edges.entry((from.unwrap_or_else(|| CLIENT.to_owned()), to)).or_default();
            edge.count += 1;
            edge.failed +=
                u64::from(span.failure.is_some() || span.status.is_some_and(|status| status >= 500));
            edge.took += span.took.unwrap_or_default();
        }
    }
    edges
}

/// What stands on the map for a span; none for a step inside of something.
fn node(span: &SpanRecord) -> Option<String> {
    if let Some(resource) = &span.resource {
        return Some(name_of(resource));
    }
    let is_http = span.kind == SpanKind::Integration && span.name.starts_with("HTTP");
    let uri = span.attributes.iter().find_map(|(name, value)| match value {
        Attribute::Text(text) if is_http && *name == "uri" => Some(text),
        _ => None,
    })?;
    let authority = uri.split_once("://")?.1.split(['/', '?']).next()?;
    Some(format!("http:{}", authority.rsplit('@').next()?))
}

/// The nearest thing on the map above a span.
fn caller(span: &SpanRecord, spans: &HashMap<SpanId, &SpanRecord>) -> Option<String> {
    let mut above = spans.get(&span.parent?)?;
    // A parent that is told from outside may be anything, even a ring.
    for _ in 0..64 {
        if let Some(node) = node(above) {
            return Some(node);
        }
        above = spans.get(&above.parent?)?;
    }
    None
}
