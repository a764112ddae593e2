//! Reads one shard ahead of the function, lets its lanes work, and keeps how far they are: at least once, in order,
//! none skipped. Knows the stream only as a [`ports::ChangeFeed`].

use base::trace::{Span, SpanKind};
use base::{RequestId, Timestamp, Trace};
use futures_util::poll;
use ports::{BoxFuture, FeedError, FeedPosition, FeedRecord, InvokeError};
use store::{Batch, KeyRange, KvError};
use tokio::task::{JoinError, JoinSet};

use super::batch::{self, Condition, Discarded, Frame, LastCall, Verdict, lane_of};
use super::lane::{Lane, Next, RETRY_FIRST, RETRY_LAST, Sight, Step};
use super::position::{LaneState, Position};
use super::worker::{End, Turn};
use super::{FAILED, NO_STREAM};
use crate::destination::{DestinationKind, Record};
use crate::keys;
use crate::name::FunctionRef;
use crate::runner::Run;

/// Records asked of the stream at a time.
const PAGE_RECORDS: usize = 1000;
/// Records read ahead: what all lanes can run, and once more, within these bounds.
const AHEAD_RECORDS_MIN: usize = 100;
const AHEAD_RECORDS_MAX: usize = 20_000;
const AHEAD_BYTES_MAX: usize = 32 << 20;
/// So many filtered records are passed over before the position is kept without a batch.
const PASSED_MAX: usize = 1000;

pub(crate) struct ShardReader {
    turn: Turn,
    shard: String,
    lanes: Vec<Lane>,
    read_to: u64,
    /// Nothing follows `read_to` yet, as far as is known.
    caught_up: bool,
    ended: bool,
    /// The stream is gone: what was read is still delivered.
    gone: bool,
    failures: u32,
    read_again_at: Option<Timestamp>,
    queued: usize,
    queued_bytes: usize,
    /// Filtered since the position was kept.
    passed: usize,
    running: JoinSet<Landed>,
}

/// A step that has ended.
struct Landed {
    lane: usize,
    step: Step,
    call: Option<Called>,
}

struct Called {
    verdict: Verdict,
    state: Option<Vec<u8>>,
    last_call: Option<LastCall>,
}

impl ShardReader {
    pub(crate) fn new(turn: Turn, position: FeedPosition, states: Vec<LaneState>) -> Self {
        Self {
            turn,
            shard: position.shard,
            lanes: states.into_iter().map(Lane::new).collect(),
            read_to: position.after,
            caught_up: false,
            ended: false,
            gone: false,
            failures: 0,
            read_again_at: None,
            queued: 0,
            queued_bytes: 0,
            passed: 0,
            running: JoinSet::new(),
        }
    }

    pub(crate) fn shard(&self) -> &str {
        &self.shard
    }

    pub(crate) async fn run(mut self) -> Result<End, KvError> {
        let turn = self.turn.clone();
        let arn = &turn.poller.live.mapping.source_arn;
        let mut changed = turn.poller.feed.changed(arn);
        while !turn.stop.is_cancelled() {
            let wake = self.start_steps();
            if self.ended && self.lanes.iter().all(Lane::is_done) {
                return self.close().await;
            }
            if self.wants_more() {
                changed = turn.poller.feed.changed(arn);
                self.read(&mut changed).await;
                if self.passed >= PASSED_MAX && !self.keep(&[]).await? {
                    break;
                }
                continue;
            }
            tokio::select! {
                () = turn.stop.cancelled() => {}
                Some(landed) = self.running.join_next(), if !self.running.is_empty() => {
                    let lanes = self.land_all(landed);
                    // The next steps begin while the position becomes durable: at least once, not exactly.
                    self.start_steps();
                    if !self.keep(&lanes).await? {
                        break;
                    }
                }
                () = &mut changed, if self.caught_up && !self.ended => self.caught_up = false,
                () = turn.poller.clock.sleep_until(wake.unwrap_or_default()), if wake.is_some() => {}
            }
        }
        self.stop().await
    }

    fn wants_more(&self) -> bool {
        let rules = &self.turn.poller.live.mapping.rules;
        let ahead = (2 * rules.batch_size as usize * self.lanes.len())
            .clamp(AHEAD_RECORDS_MIN, AHEAD_RECORDS_MAX)
            .max(rules.batch_size as usize);
        let may = self.read_again_at.is_none_or(|at| at <= self.turn.poller.clock.now());
        may && !self.caught_up && !self.ended && self.queued < ahead && self.queued_bytes < AHEAD_BYTES_MAX
    }

    /// Reads a page into the lanes. `changed` was made before.
    async fn read(&mut self, changed: &mut BoxFuture<'_, ()>) {
        let turn = self.turn.clone();
        let poller = &turn.poller;
        let position = FeedPosition { shard: self.shard.clone(), after: self.read_to };
        let woken = poll!(changed).is_ready();
        let page = match poller.feed.read(&poller.live.mapping.source_arn, &position, PAGE_RECORDS).await {
            Ok(page) => page,
            Err(FeedError::NotFound(error)) => {
                tracing::warn!(%error, "the stream of an event source mapping is gone");
                (self.gone, self.ended) = (true, true);
                return;
            }
            Err(FeedError::Internal(error)) => {
                poller.say_away(&error);
                let wait = RETRY_FIRST.saturating_mul(1 << self.failures.min(16)).min(RETRY_LAST);
                self.failures += 1;
                self.read_again_at = Some(poller.clock.now().plus(wait));
                return;
            }
        };
        poller.say_back();
        (self.failures, self.read_again_at) = (0, None);
        self.ended = page.ended;
        // A page can be empty because what was there was trimmed.
        let moved = page.next.after > self.read_to;
        self.caught_up = page.records.is_empty() && !woken && !moved;
        if page.records.is_empty() && woken {
            tokio::task::yield_now().await;
        }
        for record in page.records {
            self.take_in(record);
        }
        self.read_to = self.read_to.max(page.next.after);
    }

    fn take_in(&mut self, record: FeedRecord) {
        let poller = &self.turn.poller;
        self.read_to = record.sequence;
        let patterns = &poller.patterns;
        if !patterns.is_empty() && !patterns.iter().any(|pattern| pattern.matches(&record.event_json)) {
            self.passed += 1;
            return;
        }
        let lane = lane_of(&record, poller.live.mapping.rules.lanes());
        let lane = &mut self.lanes[lane];
        // Done before a restart, ahead of other lanes.
        if record.sequence <= lane.state.after {
            return;
        }
        self.queued += 1;
        self.queued_bytes += record.event_json.len();
        lane.push(record, poller.clock.now());
    }

    /// Lets every lane begin what it can. Answers when the next can, if no event comes before.
    fn start_steps(&mut self) -> Option<Timestamp> {
        let poller = self.turn.poller.clone();
        let sight = Sight {
            now: poller.clock.now(),
            read_to: self.read_to,
            caught_up: self.caught_up,
            ended: self.ended,
            payload_bytes_max: poller.payload_bytes_max,
        };
        let mut wake = self.read_again_at.filter(|at| *at > sight.now);
        for lane in 0..self.lanes.len() {
            match self.lanes[lane].next(&poller.live.mapping.rules, &sight) {
                Next::Now(step) if self.turn.is_held() => self.start(lane, step),
                Next::Now(_) => return None,
                Next::At(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                Next::Idle => {}
            }
        }
        wake
    }

    fn start(&mut self, at: usize, step: Step) {
        let lane = &mut self.lanes[at];
        lane.busy = true;
        match step {
            Step::Call { count } => self.start_call(at, step, count),
            Step::Finish => self.start_call(at, step, 0),
            Step::Discard { count, condition } => self.start_discard(at, count, condition),
        }
    }

    fn start_call(&mut self, at: usize, step: Step, count: usize) {
        let rules = &self.turn.poller.live.mapping.rules;
        let lane = &self.lanes[at];
        let records = lane.queue.iter().take(count);
        let stream_arn = &self.turn.poller.live.mapping.source_arn;
        let frame = lane.state.window.as_ref().map(|window| Frame {
            window,
            seconds: rules.tumbling_s,
            shard: &self.shard,
            stream_arn,
            is_final: step == Step::Finish,
        });
        let payload = batch::event(records.clone(), frame.as_ref());
        let has_window = frame.is_some() && step != Step::Finish;
        let reports = rules.reports_items;
        let numbers: Vec<String> = match reports {
            true => records.map(|record| record.sequence_number.clone()).collect(),
            false => Vec::new(),
        };
        let span = self.record(at, count, &payload);
        let turn = self.turn.clone();
        self.running.spawn(async move {
            let request_id = RequestId::random();
            let reply = turn.call((payload, &span), request_id).await;
            let (verdict, state) = batch::verdict(&reply, &numbers, reports, has_window);
            span.set("verdict", verdict.name());
            drop(span);
            let last_call = reply.ok().map(|reply| LastCall {
                request_id,
                executed_version: reply.executed_version,
                function_error: reply.function_error,
            });
            Landed { lane: at, step, call: Some(Called { verdict, state, last_call }) }
        });
    }

    /// Begins the record of a batch: the first `count` of the lane.
    fn record(&self, at: usize, count: usize, payload: &[u8]) -> Span {
        let poller = &self.turn.poller;
        let now = poller.clock.now();
        let span = poller.recorder.begin(&Trace::at(now), now, (SpanKind::Batch, "Stream batch"));
        if !span.is_recorded() {
            return span;
        }
        let (lane, mapping) = (&self.lanes[at], &poller.live.mapping);
        span.belongs_to(mapping.scope().account);
        span.set_resource("dynamodb", mapping.table());
        span.set("mapping", mapping.uuid.clone());
        span.set("shard", self.shard.clone());
        span.set("records", i64::try_from(count).unwrap_or(i64::MAX));
        span.set("attempt", i64::from(lane.state.parts.first().map_or(0, |part| part.calls)) + 1);
        if let Some(first) = lane.queue.front() {
            span.set(
                "iteratorAgeMs",
                i64::try_from(now.since(first.created).as_millis()).unwrap_or(i64::MAX),
            );
        }
        span.set_request(payload);
        span
    }

    fn start_discard(&mut self, at: usize, count: usize, condition: Condition) {
        let step = Step::Discard { count, condition };
        let lane = &self.lanes[at];
        let calls = lane.state.parts.first().map_or(0, |part| part.calls);
        let last_call = lane.last_call.clone();
        let shard = self.shard.clone();
        tracing::warn!(shard, records = count, ?condition, "records of an event source mapping are given up");
        let records: Vec<FeedRecord> = lane.queue.iter().take(count).cloned().collect();
        let turn = self.turn.clone();
        self.running.spawn(async move {
            turn.give_up(&records, (condition, calls, last_call), &shard).await;
            Landed { lane: at, step, call: None }
        });
    }

    /// What has ended by now changes its lanes, which are answered.
    fn land_all(&mut self, first: Result<Landed, JoinError>) -> Vec<usize> {
        let mut lanes = Vec::new();
        let mut next = Some(first);
        while let Some(landed) = next {
            match landed {
                Ok(landed) => {
                    lanes.push(landed.lane);
                    self.land(landed);
                }
                // It has said so; its lane stands until the next start, and no record of it is lost.
                Err(error) => tracing::error!(%error, "a step of an event source mapping broke"),
            }
            next = self.running.try_join_next();
        }
        lanes
    }

    fn land(&mut self, Landed { lane: at, step, call }: Landed) {
        let poller = self.turn.poller.clone();
        let (rules, now) = (&poller.live.mapping.rules, poller.clock.now());
        let lane = &mut self.lanes[at];
        lane.busy = false;
        let before = lane.queue.len();
        let bytes = match (step, call) {
            (Step::Discard { count, .. }, _) => {
                lane.last_call = None;
                lane.finish(count, now)
            }
            (Step::Call { count }, Some(Called { verdict, state, last_call })) => {
                let result = if verdict == Verdict::Taken { "OK" } else { FAILED };
                poller.live.set_result(result);
                lane.last_call = last_call.or(lane.last_call.take());
                lane.settle(count, &verdict, state, (rules, now))
            }
            (Step::Finish, Some(Called { verdict, .. })) => {
                poller.live.set_result(if verdict == Verdict::Taken { "OK" } else { FAILED });
                lane.close_window(&verdict, rules, now);
                0
            }
            (_, None) => 0,
        };
        self.queued -= before - lane.queue.len();
        self.queued_bytes -= bytes;
    }

    /// Everything up to here is done, in all lanes.
    fn done_to(&self) -> u64 {
        let waiting = self.lanes.iter().filter_map(|lane| Some(lane.queue.front()?.sequence - 1));
        waiting.min().unwrap_or(self.read_to)
    }

    /// Keeps how far the shard is, and what `lanes` are in the middle of. False: it is no longer this node's turn.
    async fn keep(&mut self, lanes: &[usize]) -> Result<bool, KvError> {
        let live = &self.turn.poller.live;
        let uuid = &live.mapping.uuid;
        let position = Position { after: self.done_to(), ended: false };
        let mut batch = Batch::new().put(keys::position(uuid, &self.shard), position.to_vec());
        for &at in lanes {
            let lane = &mut self.lanes[at];
            let key = keys::lane(uuid, &self.shard, u8::try_from(at).unwrap_or(u8::MAX));
            if !lane.state.is_plain() {
                batch = batch.put(key, lane.state.to_vec());
                lane.kept = true;
            } else if lane.kept {
                batch = batch.delete(key);
                lane.kept = false;
            }
        }
        if let Some(result) = live.changed_result() {
            batch = batch.put(keys::last_result(uuid), result.as_bytes().to_vec());
        }
        self.passed = 0;
        self.turn.commit(batch).await
    }

    /// All of it is done, and nothing more will come.
    async fn close(&mut self) -> Result<End, KvError> {
        let poller = self.turn.poller.clone();
        if self.gone {
            poller.live.set_result(NO_STREAM);
            return Ok(End::Lost);
        }
        let uuid = &poller.live.mapping.uuid;
        let position = Position { after: self.read_to, ended: true };
        let batch = Batch::new().put(keys::position(uuid, &self.shard), position.to_vec());
        if !self.turn.commit(batch).await? {
            return Ok(End::Stopped);
        }
        poller.store.delete_range(KeyRange::prefix(keys::lanes(uuid, &self.shard))).await?;
        Ok(End::Read)
    }

    /// Waits for what runs, and keeps what it did.
    async fn stop(mut self) -> Result<End, KvError> {
        while let Some(landed) = self.running.join_next().await {
            let lanes = self.land_all(landed);
            self.keep(&lanes).await?;
        }
        if self.passed > 0 {
            self.keep(&[]).await?;
        }
        Ok(End::Stopped)
    }
}

impl Turn {
    async fn call(
        &self,
        (payload, trace): (bytes::Bytes, &Trace),
        request_id: RequestId,
    ) -> Result<ports::InvokeReply, InvokeError> {
        let stopped = || InvokeError::Throttled("the server stops".to_owned());
        let lambda = self.poller.lambda.upgrade().ok_or_else(stopped)?;
        let mapping = &self.poller.live.mapping;
        let reference = FunctionRef {
            scope: mapping.scope(),
            name: &mapping.function,
            qualifier: mapping.qualifier.as_deref(),
        };
        let mut target = lambda.target(&reference, request_id);
        if target.is_err() && self.poller.store.is_shared() {
            // Another node may have made it.
            let brought = lambda.catalogue.bring(&reference.scope, reference.name).await;
            brought.map_err(|error| InvokeError::Throttled(error.to_string()))?;
            target = lambda.target(&reference, request_id);
        }
        let target = target.inspect_err(|error| {
            tracing::debug!(%error, uuid = mapping.uuid, "an event source mapping's function is not there");
        })?;
        let run = Run {
            function: target.function,
            version: target.version,
            function_arn: target.arn,
            payload,
            request_id,
            client_context: None,
            trace: trace.clone(),
        };
        let runner = lambda.runner.clone();
        drop(lambda);
        runner.run(run).await
    }

    /// Brings what AWS says of given up records to the mapping's destination.
    async fn give_up(
        &self,
        records: &[FeedRecord],
        (condition, calls, last_call): (Condition, u32, Option<LastCall>),
        shard: &str,
    ) {
        let mapping = &self.poller.live.mapping;
        let Some(arn) = &mapping.rules.on_failure else { return };
        let Some(lambda) = self.poller.lambda.upgrade() else { return };
        let whole = DestinationKind::of(arn) == Some(DestinationKind::Bucket);
        let function_arn = mapping.function_arn();
        let discarded = Discarded {
            records,
            condition,
            calls,
            last_call,
            function_arn: &function_arn,
            shard,
            stream_arn: &mapping.source_arn,
            now: self.poller.clock.now(),
            payload: whole.then(|| batch::event(records.iter(), None)),
        };
        let record = Record {
            body: discarded.to_json(),
            attributes: Vec::new(),
            detail_type: "Lambda Event Source Mapping Result - Failure",
            resources: vec![function_arn.clone()],
            object_prefix: format!("aws/lambda/{}/{shard}/", mapping.uuid),
            trace: Trace::random(),
            scope: mapping.scope(),
        };
        let span = self.poller.recorder.begin(
            &record.trace,
            self.poller.clock.now(),
            (SpanKind::Batch, "Discarded records"),
        );
        span.belongs_to(record.scope.account);
        span.set_resource("dynamodb", mapping.table());
        span.set("mapping", mapping.uuid.clone());
        span.fail(condition.as_str(), format_args!("{} records were given up", records.len()));
        lambda.deliver_traced(arn, &record, &span).await;
    }
}
