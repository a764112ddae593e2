//! The records of late, as many as there is room for. Those who write seldom meet: each thread has a shard.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::AccountId;
use base::trace::{Attribute, Payload, Record, SpanRecord};

/// Parts of what is kept: threads that write seldom meet in one.
pub(crate) const SHARDS: usize = 8;

/// A record with its place in the order in which they ended.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) sequence: u64,
    pub(crate) record: Arc<Record>,
    bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Ring {
    shards: [Mutex<Shard>; SHARDS],
    sequence: AtomicU64,
    shard_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    kept: VecDeque<Kept>,
    bytes: usize,
}

impl Ring {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            sequence: AtomicU64::new(1),
            shard_bytes_max: bytes_max / SHARDS,
        }
    }

    pub(crate) fn keep(&self, record: Arc<Record>) {
        let bytes = bytes_of(&record);
        if bytes > self.shard_bytes_max {
            return;
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let mut gone = VecDeque::new();
        {
            let mut shard = self.shards[own_shard()].lock().unwrap_or_else(PoisonError::into_inner);
            shard.bytes += bytes;
            shard.kept.push_back(Kept { sequence, record, bytes });
            while shard.bytes > self.shard_bytes_max {
                let Some(oldest) = shard.kept.pop_front() else { break };
                shard.bytes -= oldest.bytes;
                gone.push_back(oldest);
            }
        }
        // Freed without the lock.
        drop(gone);
    }

    /// All of an account, newest first.
    pub(crate) fn of(&self, account: AccountId) -> Vec<Kept> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(shard.kept.iter().filter(|kept| kept.record.account == account).cloned());
        }
        all.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.sequence));
        all
    }
}

/// The shard of this thread.
pub(crate) fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.with(|own| *own)
}

/// What a record takes, about.
fn bytes_of(record: &Record) -> usize {
    size_of::<Record>() + record.trace.header().len() + record.spans.iter().map(bytes_of_span).sum::<usize>()
}

fn bytes_of_span(span: &SpanRecord) -> usize {
    let payloads = [&span.request, &span.response, &span.log];
    let payloads: usize = payloads.into_iter().flatten().map(|Payload { kept, .. }| kept.len()).sum();
    let texts = span.attributes.iter().map(|(_, value)| match value {
        Attribute::Text(text) => size_of::<(&str, Attribute)>() + text.len(),
        _ => size_of::<(&str, Attribute)>(),
    });
    let failure = span.failure.as_ref().map_or(0, |failure| failure.message.len());
    size_of::<SpanRecord>() + payloads + texts.sum::<usize>() + failure
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use base::trace::{SpanId, SpanKind};
    use base::{Timestamp, Trace};

    fn record(bytes: usize) -> Arc<Record> {
        let span = SpanRecord {
            id: SpanId(1),
            parent: None,
            kind: SpanKind::Request,
            name: "x".into(),
            begun: Duration::ZERO,
            took: None,
            resource: None,
            status: None,
            failure: None,
            attributes: Vec::new(),
            request: Some(Payload { kept: vec![0; bytes].into(), bytes }),
            response: None,
            log: None,
        };
        Arc::new(Record {
            trace: Trace::new("Root=1-a-b"),
            started: Timestamp(0),
            begun: Instant::now(),
            account: AccountId::DEFAULT,
            spans: vec![span],
        })
    }

    #[test]
    fn the_oldest_go_first_and_the_bound_holds() {
        let ring = Ring::new(SHARDS * 10_000);
        for _ in 0..100 {
            ring.keep(record(1000));
        }
        let kept = ring.of(AccountId::DEFAULT);
        assert!((5..10).contains(&kept.len()), "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[0].sequence > pair[1].sequence));
        assert_eq!(kept[0].sequence, 100);
        // What is larger than all that may be kept is not.
        ring.keep(record(20_000));
        assert_eq!(ring.of(AccountId::DEFAULT)[0].sequence, 100);
        assert!(ring.of("111111111111".parse().unwrap()).is_empty());
    }
}
