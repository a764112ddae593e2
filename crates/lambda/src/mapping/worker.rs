//! Follows a mapping's stream on the node whose turn it is: finds shards, children after their parents, and lets each be
//! read. Woken by the feed, never polling. Knows the stream only as a [`ChangeFeed`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use base::Clock;
use base::trace::Recorder;
use futures_util::poll;
use ports::{ChangeFeed, FeedError, FeedPosition, FeedStart, Shard};
use store::{Batch, KeyRange, KvError, Lease, ScanOptions, Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::filter::Pattern;
use super::lane::{RETRY_FIRST, RETRY_LAST};
use super::lease::give_back;
use super::position::{LaneState, Position};
use super::shard::ShardReader;
use super::{Live, NO_INTERNAL};
use crate::Lambda;
use crate::keys;

/// Between two attempts of a commit that met a renewal of the lease.
const AFTER_RENEWAL: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Poller {
    pub(crate) lambda: Weak<Lambda>,
    pub(crate) store: Store,
    pub(crate) feed: Arc<dyn ChangeFeed>,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    pub(crate) live: Arc<Live>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) payload_bytes_max: usize,
    /// Ends with the server or with this mapping.
    stop: CancellationToken,
    /// The database or the stream could not be reached the last time; said once.
    away: AtomicBool,
}

/// The turn of this node.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) poller: Arc<Poller>,
    lease: Option<Arc<Lease>>,
    /// Ends with the mapping, or when the lease is lost.
    pub(crate) stop: CancellationToken,
}

/// Why a shard is no longer followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Closed, and done to its end.
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

impl Poller {
    pub(crate) fn new(lambda: &Arc<Lambda>, live: Arc<Live>) -> Arc<Self> {
        let stop = lambda.stopping.child_token();
        Arc::new(Self {
            lambda: Arc::downgrade(lambda),
            store: lambda.store.clone(),
            feed: lambda.feed.clone(),
            clock: lambda.config.clock.clone(),
            recorder: lambda.config.recorder.clone(),
            payload_bytes_max: lambda.config.limits.invoke_sync_bytes_max,
            patterns: live.mapping.rules.patterns(),
            live,
            stop,
            away: AtomicBool::new(false),
        })
    }

    /// Follows all shards until the mapping stops.
    pub(crate) async fn run(self: Arc<Self>) {
        let take_turns = self.clone().take_turns();
        tokio::pin!(take_turns);
        tokio::select! {
            () = &mut take_turns => return,
            () = self.live.stop.cancelled() => self.stop.cancel(),
        }
        // Shards see the stop too, end their invocations and keep their positions.
        take_turns.await;
    }

    async fn take_turns(self: Arc<Self>) {
        let mut failures = 0;
        while !self.stop.is_cancelled() {
            let turns = self.live.turns.clone();
            let taken = tokio::select! {
                () = self.stop.cancelled() => return,
                taken = turns.take(&self.live.mapping.uuid) => taken,
            };
            match taken {
                Ok(lease) => {
                    failures = 0;
                    let turn = Turn { poller: self.clone(), lease, stop: self.stop.child_token() };
                    turn.follow_stream().await;
                    give_back(turn.lease).await;
                }
                Err(error) => {
                    self.say_away(&error);
                    failures += 1;
                    pause(&self.clock, &self.stop, failures).await;
                }
            }
        }
    }

    /// Once, however long it lasts.
    pub(crate) fn say_away(&self, error: &dyn std::fmt::Display) {
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, stream = self.live.mapping.source_arn, "an event source mapping waits");
        }
    }

    pub(crate) fn say_back(&self) {
        if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::Relaxed) {
            tracing::info!(stream = self.live.mapping.source_arn, "an event source mapping goes on");
        }
    }
}

impl Turn {
    pub(crate) fn is_held(&self) -> bool {
        let held = self.lease.as_ref().is_none_or(|lease| lease.is_held());
        if !held {
            self.stop.cancel();
        }
        held
    }

    async fn follow_stream(&self) {
        let poller = &self.poller;
        let arn = &poller.live.mapping.source_arn;
        let mut followed: HashMap<String, bool> = HashMap::new();
        let mut shards = JoinSet::new();
        let mut failures = 0;
        while !self.stop.is_cancelled() {
            let mut changed = poller.feed.changed(arn);
            // Registered before the shards are listed, so that none can appear unseen in between.
            let woken = poll!(&mut changed).is_ready();
            match self.begin_shards(&mut followed, &mut shards).await {
                Ok(()) => {
                    failures = 0;
                    poller.say_back();
                }
                Err(error) => {
                    poller.say_away(&error);
                    if let PollError::Feed(FeedError::NotFound(_)) = error {
                        poller.live.set_result(super::NO_STREAM);
                    }
                    failures += 1;
                    pause(&poller.clock, &self.stop, failures).await;
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

    /// Follows every shard that is not followed yet and whose parent is done.
    async fn begin_shards(
        &self,
        followed: &mut HashMap<String, bool>,
        tasks: &mut JoinSet<(String, End)>,
    ) -> Result<(), PollError> {
        let arn = &self.poller.live.mapping.source_arn;
        let shards = self.poller.feed.shards(arn).await?;
        for shard in &shards {
            let parent =
                shard.parent.as_ref().filter(|parent| shards.iter().any(|known| known.id == **parent));
            let parent_done = parent.is_none_or(|parent| followed.get(parent) == Some(&true));
            if followed.contains_key(&shard.id) || !parent_done {
                continue;
            }
            match self.position(shard).await? {
                Position { ended: true, .. } => {
                    followed.insert(shard.id.clone(), true);
                }
                Position { after, .. } => {
                    let lanes = self.lanes(&shard.id).await?;
                    followed.insert(shard.id.clone(), false);
                    let position = FeedPosition { shard: shard.id.clone(), after };
                    let reader = ShardReader::new(self.clone(), position, lanes);
                    let (turn, shard) = (self.clone(), shard.id.clone());
                    tasks.spawn(async move { (shard, turn.follow_shard(reader).await) });
                }
            }
        }
        Ok(())
    }

    /// Where it was left; a shard that came after the mapping is read from its start.
    async fn position(&self, shard: &Shard) -> Result<Position, PollError> {
        let Poller { live, store, feed, .. } = &*self.poller;
        if let Some(entry) = store.get(&keys::position(&live.mapping.uuid, &shard.id)).await? {
            return Ok(minicbor::decode(&entry.value).map_err(|error| KvError::Damaged(error.to_string()))?);
        }
        let start = feed.position(&live.mapping.source_arn, &shard.id, FeedStart::TrimHorizon).await?;
        Ok(Position { after: start.after, ended: false })
    }

    /// What the lanes were in the middle of, if the shard was split as it is now.
    async fn lanes(&self, shard: &str) -> Result<Vec<LaneState>, KvError> {
        let mapping = &self.poller.live.mapping;
        let count = mapping.rules.lanes();
        let mut lanes = vec![LaneState { lanes: count, ..LaneState::default() }; count as usize];
        let range = KeyRange::prefix(keys::lanes(&mapping.uuid, shard));
        let page = self.poller.store.scan(range, ScanOptions::default()).await?;
        for (key, value) in &page.entries {
            let state: LaneState =
                minicbor::decode(value).map_err(|error| KvError::Damaged(error.to_string()))?;
            let place = key.last().and_then(|lane| lanes.get_mut(usize::from(*lane)));
            if let Some(place) = place.filter(|_| state.lanes == count) {
                *place = state;
            }
        }
        Ok(lanes)
    }

    async fn follow_shard(&self, reader: ShardReader) -> End {
        let shard = reader.shard().to_owned();
        let end = match reader.run().await {
            Ok(end) => end,
            Err(error) => {
                tracing::error!(%error, shard, "an event source mapping cannot go on; it does at the next start");
                self.poller.live.set_result(NO_INTERNAL);
                End::Lost
            }
        };
        if end == End::Lost {
            // Kept as followed, so that the stream is not asked for it again and again.
            self.stop.cancelled().await;
        }
        end
    }

    /// Commits what belongs to the position of a shard, as long as it is this node's turn. False: it no longer is,
    /// or the mapping stops while the database is away.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<bool, KvError> {
        let mut failures = 0;
        while self.is_held() {
            let guarded = match &self.lease {
                Some(lease) => lease.guard(batch.clone()),
                None => batch.clone(),
            };
            match self.poller.store.commit(guarded).await {
                Ok(_) => {
                    self.poller.say_back();
                    return Ok(true);
                }
                Err(KvError::Conflict(_)) if self.lease.is_some() => tokio::time::sleep(AFTER_RENEWAL).await,
                Err(error @ (KvError::Unavailable(_) | KvError::Contended)) => {
                    self.poller.say_away(&error);
                    if self.stop.is_cancelled() {
                        return Ok(false);
                    }
                    failures += 1;
                    pause(&self.poller.clock, &self.stop, failures).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Waits longer after every failure, but not on after a stop.
async fn pause(clock: &Clock, stop: &CancellationToken, failures: u32) {
    let wait = RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(RETRY_LAST);
    tokio::select! {
        () = stop.cancelled() => {}
        () = clock.sleep(wait) => {}
    }
}
