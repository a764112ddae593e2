//! Reads a mapping's stream and runs its function: shard by shard, in order, at least once, none skipped.
//! Woken by the feed, never polling. Knows the stream only as a [`ChangeFeed`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use base::{Clock, RequestId, Trace};
use bytes::Bytes;
use futures_util::poll;
use ports::{ChangeFeed, FeedError, FeedPosition, FeedRecord, FeedStart, InvokeError, InvokeReply, Shard};
use store::{Batch, KvError, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::json::Reader;

use crate::Lambda;
use crate::keys;
use crate::mapping::{Live, Position, Rules};
use crate::name::FunctionRef;
use crate::runner::Run;

/// A failed batch is tried again after this, then after twice as long each time up to the last.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

const FAILED: &str = "PROBLEM: Function call failed";

#[derive(Debug)]
pub(crate) struct Poller {
    lambda: Weak<Lambda>,
    store: Store,
    feed: Arc<dyn ChangeFeed>,
    clock: Clock,
    live: Arc<Live>,
    /// Ends with the server or with this mapping.
    stop: CancellationToken,
    payload_bytes_max: usize,
}

/// Why a shard is no longer followed.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Closed, and read to its end.
    Read,
    Stopped,
    /// Its records are gone, or the store does not take positions; said in the log.
    Lost,
}

#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error("the stream: {0}")]
    Feed(#[from] FeedError),
    #[error("the position: {0}")]
    Store(#[from] KvError),
}

/// Records that go to the function together, and how often they failed.
#[derive(Debug)]
struct Pending {
    records: Vec<FeedRecord>,
    failures: u32,
}

/// How an invocation for a batch ended.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// The function took the records before this one.
    TakenBefore(usize),
    Failed,
    /// It did not run for want of room; not a failure of the function.
    Throttled,
}

impl Poller {
    pub(crate) fn new(lambda: &Arc<Lambda>, live: Arc<Live>) -> Arc<Self> {
        let stop = lambda.stopping.child_token();
        Arc::new(Self {
            lambda: Arc::downgrade(lambda),
            store: lambda.store.clone(),
            feed: lambda.feed.clone(),
            clock: lambda.config.clock.clone(),
            payload_bytes_max: lambda.config.limits.invoke_sync_bytes_max,
            live,
            stop,
        })
    }

    /// Follows all shards until the mapping stops.
    pub(crate) async fn run(self: Arc<Self>) {
        let follow = self.clone().follow_stream();
        tokio::pin!(follow);
        tokio::select! {
            () = &mut follow => return,
            () = self.live.stop.cancelled() => self.stop.cancel(),
        }
        // Shards see the stop too, end their invocation and keep their position.
        follow.await;
    }

    async fn follow_stream(self: Arc<Self>) {
        let arn = &self.live.mapping.source_arn;
        let mut followed: HashMap<String, bool> = HashMap::new();
        let mut shards = JoinSet::new();
        let mut failures = 0;
        while !self.stop.is_cancelled() {
            let mut changed = self.feed.changed(arn);
            // Registered before the shards are listed, so that none can appear unseen in between.
            let woken = poll!(&mut changed).is_ready();
            match self.begin_shards(&mut followed, &mut shards).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    tracing::warn!(%error, stream = %arn, "an event source mapping cannot read its stream");
                    self.live.set_result("PROBLEM: the stream cannot be read");
                    failures += 1;
                    self.pause(failures).await;
                    continue;
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                Some(ended) = shards.join_next(), if !shards.is_empty() => {
                    if let Ok((shard, End::Read)) = ended {
                        followed.insert(shard, true);
                    }
                }
                // While shards are followed, further ones come only with the end of one of them.
                () = changed, if shards.is_empty() && !woken => {}
                () = tokio::task::yield_now(), if shards.is_empty() && woken => {}
            }
        }
        while shards.join_next().await.is_some() {}
    }

    /// Follows every shard that is not followed yet and whose parent has been read.
    async fn begin_shards(
        self: &Arc<Self>,
        followed: &mut HashMap<String, bool>,
        tasks: &mut JoinSet<(String, End)>,
    ) -> Result<(), PollError> {
        let arn = &self.live.mapping.source_arn;
        let shards = self.feed.shards(arn).await?;
        for shard in &shards {
            let parent =
                shard.parent.as_ref().filter(|parent| shards.iter().any(|known| known.id == **parent));
            let parent_read = parent.is_none_or(|parent| followed.get(parent) == Some(&true));
            if followed.contains_key(&shard.id) || !parent_read {
                continue;
            }
            match self.position(shard).await? {
                Position { ended: true, .. } => {
                    followed.insert(shard.id.clone(), true);
                }
                Position { after, .. } => {
                    followed.insert(shard.id.clone(), false);
                    let (poller, shard) = (self.clone(), shard.id.clone());
                    let position = FeedPosition { shard: shard.clone(), after };
                    tasks.spawn(async move { (shard, poller.follow_shard(position).await) });
                }
            }
        }
        Ok(())
    }

    /// Where it was left; a shard that came after the mapping is read from its start.
    async fn position(&self, shard: &Shard) -> Result<Position, PollError> {
        let mapping = &self.live.mapping;
        if let Some(entry) = self.store.get(&keys::position(&mapping.uuid, &shard.id)).await? {
            return Ok(minicbor::decode(&entry.value).map_err(|error| KvError::Damaged(error.to_string()))?);
        }
        let start = self.feed.position(&mapping.source_arn, &shard.id, FeedStart::TrimHorizon).await?;
        Ok(Position { after: start.after, ended: false })
    }

    async fn follow_shard(&self, position: FeedPosition) -> End {
        let shard = position.shard.clone();
        let end = match self.read_shard(position).await {
            Ok(end) => end,
            Err(error) => {
                tracing::error!(%error, shard, "an event source mapping cannot go on; it does at the next start");
                self.live.set_result("PROBLEM: internal error");
                End::Lost
            }
        };
        if end == End::Lost {
            // Kept as followed, so that the stream is not asked for it again and again.
            self.stop.cancelled().await;
        }
        end
    }

    async fn read_shard(&self, mut position: FeedPosition) -> Result<End, KvError> {
        let arn = &self.live.mapping.source_arn;
        let batch_size = self.live.mapping.rules.batch_size as usize;
        let mut failures = 0;
        while !self.stop.is_cancelled() {
            let mut changed = self.feed.changed(arn);
            let woken = poll!(&mut changed).is_ready();
            let page = match self.feed.read(arn, &position, batch_size).await {
                Ok(page) => page,
                Err(FeedError::NotFound(error)) => {
                    tracing::warn!(%error, "the stream of an event source mapping is gone");
                    self.live.set_result("PROBLEM: the stream does not exist");
                    return Ok(End::Lost);
                }
                Err(FeedError::Internal(error)) => {
                    tracing::error!(%error, "a stream could not be read");
                    failures += 1;
                    self.pause(failures).await;
                    continue;
                }
            };
            failures = 0;
            if page.records.is_empty() {
                position = page.next;
                if page.ended {
                    self.keep(&position.shard, &Position { after: position.after, ended: true }).await?;
                    return Ok(End::Read);
                }
                if !woken {
                    tokio::select! {
                        () = self.stop.cancelled() => {}
                        () = changed => {}
                    }
                }
                continue;
            }
            let records = self.fill(&position, page.records).await;
            let last = records.last().map_or(position.after, |record| record.sequence);
            if !self.deliver(&position.shard, records).await? {
                return Ok(End::Stopped);
            }
            position.after = last;
        }
        Ok(End::Stopped)
    }

    /// With a batching window: waits for a full batch, or for the end of the window.
    async fn fill(&self, position: &FeedPosition, mut records: Vec<FeedRecord>) -> Vec<FeedRecord> {
        let Rules { window_s, batch_size, .. } = self.live.mapping.rules;
        let arn = &self.live.mapping.source_arn;
        let until = self.clock.now().plus(Duration::from_secs(u64::from(window_s)));
        while records.len() < batch_size as usize && self.clock.now() < until && !self.stop.is_cancelled() {
            let mut changed = self.feed.changed(arn);
            let woken = poll!(&mut changed).is_ready();
            match self.feed.read(arn, position, batch_size as usize).await {
                Ok(page) if page.records.len() > records.len() => records = page.records,
                Ok(page) if page.ended => break,
                Ok(_) => {}
                Err(_) => break,
            }
            if records.len() < batch_size as usize && !woken {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = changed => {}
                    () = self.clock.sleep_until(until) => {}
                }
            }
        }
        records
    }

    /// Gives the records to the function until it has taken them or they are given up. False: stopped before.
    async fn deliver(&self, shard: &str, records: Vec<FeedRecord>) -> Result<bool, KvError> {
        let rules = &self.live.mapping.rules;
        let mut pending = VecDeque::from([Pending { records, failures: 0 }]);
        let mut waits = 0;
        while let Some(mut batch) = pending.pop_front() {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            self.drop_old(shard, &mut batch.records).await?;
            if let Some(rest) = self.cut(&mut batch.records) {
                pending.push_front(Pending { records: rest, failures: batch.failures });
            }
            let Some(last) = batch.records.last().map(|record| record.sequence) else { continue };
            let verdict = self.call(&batch.records).await;
            match verdict {
                Verdict::Taken => {
                    self.keep(shard, &Position { after: last, ended: false }).await?;
                    self.live.set_result("OK");
                    waits = 0;
                    continue;
                }
                Verdict::TakenBefore(taken) if taken > 0 => {
                    let after = batch.records[taken - 1].sequence;
                    self.keep(shard, &Position { after, ended: false }).await?;
                    batch.records.drain(..taken);
                    batch.failures += 1;
                }
                Verdict::Failed | Verdict::TakenBefore(_) if rules.bisect && batch.records.len() > 1 => {
                    let rest = batch.records.split_off(batch.records.len() / 2);
                    pending.push_front(Pending { records: rest, failures: batch.failures });
                }
                Verdict::Failed | Verdict::TakenBefore(_) => batch.failures += 1,
                Verdict::Throttled => {}
            }
            self.live.set_result(FAILED);
            if rules.retries >= 0 && i64::from(batch.failures) > i64::from(rules.retries) {
                tracing::warn!(
                    shard,
                    records = batch.records.len(),
                    "records were given up after their last attempt"
                );
                self.keep(shard, &Position { after: last, ended: false }).await?;
                waits = 0;
                continue;
            }
            pending.push_front(batch);
            waits += 1;
            self.pause(waits).await;
        }
        Ok(true)
    }

    /// Passes over records that are older than the mapping wants.
    async fn drop_old(&self, shard: &str, records: &mut Vec<FeedRecord>) -> Result<(), KvError> {
        let Ok(age) = u64::try_from(self.live.mapping.rules.record_age_s) else { return Ok(()) };
        let now = self.clock.now();
        let old =
            records.iter().take_while(|record| now.since(record.created) > Duration::from_secs(age)).count();
        if old > 0 {
            let after = records[old - 1].sequence;
            tracing::warn!(shard, records = old, "records were given up for their age");
            self.keep(shard, &Position { after, ended: false }).await?;
            records.drain(..old);
        }
        Ok(())
    }

    /// What does not fit into one invocation's payload.
    fn cut(&self, records: &mut Vec<FeedRecord>) -> Option<Vec<FeedRecord>> {
        let mut bytes = EVENT_START.len() + EVENT_END.len();
        let fitting = records.iter().take_while(|record| {
            bytes += record.event_json.len() + 1;
            bytes <= self.payload_bytes_max
        });
        // One record alone always goes: the function's error then says what is wrong.
        let count = fitting.count().max(1);
        (count < records.len()).then(|| records.split_off(count))
    }

    async fn call(&self, records: &[FeedRecord]) -> Verdict {
        let Some(lambda) = self.lambda.upgrade() else { return Verdict::Throttled };
        let mapping = &self.live.mapping;
        let reference = FunctionRef {
            scope: mapping.scope(),
            name: &mapping.function,
            qualifier: mapping.qualifier.as_deref(),
        };
        let request_id = RequestId::random();
        let target = match lambda.target(&reference, request_id) {
            Ok(target) => target,
            Err(error) => {
                tracing::warn!(%error, uuid = mapping.uuid, "an event source mapping's function is not there");
                return Verdict::Failed;
            }
        };
        let run = Run {
            function: target.function,
            version: target.version,
            function_arn: target.arn,
            payload: event(records),
            request_id,
            client_context: None,
            trace: Trace::random(),
        };
        let runner = lambda.runner.clone();
        drop(lambda);
        verdict(runner.run(run).await, records, mapping.rules.reports_items)
    }

    async fn keep(&self, shard: &str, position: &Position) -> Result<(), KvError> {
        let key = keys::position(&self.live.mapping.uuid, shard);
        self.store.commit(Batch::new().put(key, position.to_vec())).await.map(drop)
    }

    /// Waits longer after every failure, but not on after a stop.
    async fn pause(&self, failures: u32) {
        let wait = RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(RETRY_LAST);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.clock.sleep(wait) => {}
        }
    }
}

const EVENT_START: &[u8] = b"{\"Records\":[";
const EVENT_END: &[u8] = b"]}";

fn event(records: &[FeedRecord]) -> Bytes {
    let bytes: usize = records.iter().map(|record| record.event_json.len() + 1).sum();
    let mut json = Vec::with_capacity(bytes + EVENT_START.len() + EVENT_END.len());
    json.extend_from_slice(EVENT_START);
    for (i, record) in records.iter().enumerate() {
        if i > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&record.event_json);
    }
    json.extend_from_slice(EVENT_END);
    json.into()
}

fn verdict(reply: Result<InvokeReply, InvokeError>, records: &[FeedRecord], reports_items: bool) -> Verdict {
    match reply {
        Ok(InvokeReply { function_error: Some(_), .. }) => Verdict::Failed,
        Ok(reply) if reports_items => match failed_items(&reply.payload) {
            Ok(items) if items.is_empty() => Verdict::Taken,
            Ok(items) => {
                let places = items.iter().map(|item| records.iter().position(|r| r.sequence_number == *item));
                // AWS: an item that is not in the batch fails it as a whole.
                match places.collect::<Option<Vec<_>>>() {
                    Some(places) => Verdict::TakenBefore(places.into_iter().min().unwrap_or(0)),
                    None => Verdict::Failed,
                }
            }
            Err(_) => Verdict::Failed,
        },
        Ok(_) => Verdict::Taken,
        Err(InvokeError::Throttled(_)) => Verdict::Throttled,
        Err(_) => Verdict::Failed,
    }
}

/// The `itemIdentifier`s of `{"batchItemFailures":[{"itemIdentifier":"..."}]}`; none for null or an empty answer.
fn failed_items(answer: &[u8]) -> Result<Vec<String>, wire::json::JsonError> {
    let mut items = Vec::new();
    if answer.is_empty() {
        return Ok(items);
    }
    let mut reader = Reader::new(answer, base::Limits::default().json_depth_max)?;
    if reader.null()? {
        return Ok(items);
    }
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key != "batchItemFailures" || reader.null()? {
            if key != "batchItemFailures" {
                reader.skip()?;
            }
            continue;
        }
        reader.begin_array()?;
        while reader.next_element()? {
            reader.begin_object()?;
            let mut item = String::new();
            while let Some(key) = reader.next_key()? {
                match (&*key, reader.null()?) {
                    (_, true) => {}
                    ("itemIdentifier", false) => item = reader.string()?.into_owned(),
                    _ => reader.skip()?,
                }
            }
            items.push(item);
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn what_a_function_reports_of_its_batch() {
        let record = |n: u64| FeedRecord {
            sequence: n,
            sequence_number: n.to_string(),
            created: Timestamp(0),
            event_json: Bytes::from_static(b"{}"),
        };
        let records = [record(10), record(11), record(12)];
        let reply = |payload: &str, function_error| InvokeReply {
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            function_error,
            executed_version: String::new(),
            log_tail: Bytes::new(),
        };
        for (payload, expected) in [
            ("", Verdict::Taken),
            ("null", Verdict::Taken),
            ("{}", Verdict::Taken),
            (r#"{"batchItemFailures":null}"#, Verdict::Taken),
            (r#"{"batchItemFailures":[]}"#, Verdict::Taken),
            (
                r#"{"x":{"y":[1]},"batchItemFailures":[{"itemIdentifier":"12"},{"itemIdentifier":"11"}]}"#,
                Verdict::TakenBefore(1),
            ),
            (r#"{"batchItemFailures":[{"itemIdentifier":"10"}]}"#, Verdict::TakenBefore(0)),
            (r#"{"batchItemFailures":[{"itemIdentifier":"9"}]}"#, Verdict::Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, Verdict::Failed),
            ("[1]", Verdict::Failed),
        ] {
            assert_eq!(verdict(Ok(reply(payload, None)), &records, true), expected, "{payload}");
            assert_eq!(verdict(Ok(reply(payload, None)), &records, false), Verdict::Taken);
        }
        assert_eq!(verdict(Ok(reply("{}", Some("Unhandled"))), &records, true), Verdict::Failed);
        assert_eq!(event(&records[..2]), r#"{"Records":[{},{}]}"#);
    }
}
