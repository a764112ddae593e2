//! Event source mappings: what they say, what AWS prints of them, and which of them run now.
//! Knows how their pollers are stopped and started, not what a poller does.

mod batch;
pub(crate) mod filter;
mod lane;
mod lease;
mod position;
mod settings;
mod shard;
mod window;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::lambda as shapes;
use base::{Scope, Timestamp};
use minicbor::{Decode, Encode};
use ports::FeedStart;
use store::{Batch, KeyRange, KvError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::keys;
use crate::name::function_arn;
use crate::{Lambda, StartError};
use lease::Turns;
use position::Position;
pub(crate) use settings::{Changes, Rules};
use worker::Poller;

const NO_RECORDS: &str = "No records processed";
const FAILED: &str = "PROBLEM: Function call failed";
const NO_STREAM: &str = "PROBLEM: Stream not found";
const NO_INTERNAL: &str = "PROBLEM: internal Lambda error. Please contact Lambda customer support.";

/// A mapping as it is kept.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Mapping {
    #[n(0)]
    pub(crate) uuid: String,
    #[n(1)]
    pub(crate) account: String,
    #[n(2)]
    pub(crate) region: String,
    #[n(3)]
    pub(crate) source_arn: String,
    #[n(4)]
    pub(crate) function: String,
    #[n(5)]
    pub(crate) qualifier: Option<String>,
    #[n(6)]
    pub(crate) enabled: bool,
    /// Deleted, but its poller may still end an invocation.
    #[n(7)]
    pub(crate) deleting: bool,
    /// Began at the end of the stream.
    #[n(8)]
    pub(crate) from_latest: bool,
    #[n(9)]
    pub(crate) modified_ms: i64,
    #[n(10)]
    pub(crate) rules: Rules,
    #[n(11)]
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Creating,
    Enabling,
    Enabled,
    Disabling,
    Disabled,
    Updating,
    Deleting,
}

impl Mapping {
    /// The name in `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`.
    pub(crate) fn table(&self) -> &str {
        self.source_arn.split('/').nth(1).unwrap_or_default()
    }

    pub(crate) fn scope(&self) -> Scope {
        let account = self.account.parse().unwrap_or_default();
        Scope { account, region: base::Region::new(&self.region) }
    }

    pub(crate) fn function_arn(&self) -> String {
        let arn = function_arn(&self.scope(), &self.function);
        self.qualifier.as_ref().map_or(arn.clone(), |qualifier| format!("{arn}:{qualifier}"))
    }

    pub(crate) fn arn(&self) -> String {
        let Scope { account, region } = self.scope();
        format!("arn:{}:lambda:{region}:{account}:event-source-mapping:{}", region.partition(), self.uuid)
    }

    pub(crate) fn describe(&self, phase: Phase, result: &str) -> shapes::EventSourceMappingConfiguration {
        let position = if self.from_latest {
            shapes::EventSourcePosition::Latest
        } else {
            shapes::EventSourcePosition::TrimHorizon
        };
        let mut description = shapes::EventSourceMappingConfiguration {
            uuid: Some(self.uuid.clone()),
            starting_position: Some(position),
            event_source_arn: Some(self.source_arn.clone()),
            function_arn: Some(self.function_arn()),
            last_modified: Some(Timestamp(self.modified_ms)),
            last_processing_result: Some(result.to_owned()),
            state: Some(format!("{phase:?}")),
            state_transition_reason: Some("User action".to_owned()),
            event_source_mapping_arn: Some(self.arn()),
            ..shapes::EventSourceMappingConfiguration::default()
        };
        self.rules.describe(&mut description);
        description
    }

    fn to_vec(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing to a Vec does not fail")
    }
}

/// A mapping in this process, with its poller if it is enabled.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) mapping: Mapping,
    phase: Mutex<Phase>,
    result: Mutex<String>,
    /// The result differs from what is kept.
    result_changed: AtomicBool,
    pub(crate) stop: CancellationToken,
    turns: Arc<Turns>,
    /// The poller, and the task that waits to start it.
    tasks: TaskTracker,
}

impl Live {
    fn new(mapping: Mapping, phase: Phase, result: String, turns: Arc<Turns>) -> Arc<Self> {
        Arc::new(Self {
            mapping,
            phase: Mutex::new(phase),
            result: Mutex::new(result),
            result_changed: AtomicBool::new(false),
            turns,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    pub(crate) fn describe(&self) -> shapes::EventSourceMappingConfiguration {
        self.mapping.describe(*lock(&self.phase), &lock(&self.result))
    }

    fn set_result(&self, result: &str) {
        let mut known = lock(&self.result);
        if *known != result {
            result.clone_into(&mut known);
            self.result_changed.store(true, Ordering::Release);
        }
    }

    /// What is to be kept with the next commit, once.
    fn changed_result(&self) -> Option<String> {
        self.result_changed.swap(false, Ordering::AcqRel).then(|| lock(&self.result).clone())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mappings {
    all: Mutex<BTreeMap<String, Arc<Live>>>,
    turns: Arc<Turns>,
    /// Held while an operation decides and commits: mappings change rarely.
    pub(crate) edit: tokio::sync::Mutex<()>,
}

impl Mappings {
    pub(crate) fn get(&self, uuid: &str) -> Option<Arc<Live>> {
        lock(&self.all).get(uuid).cloned()
    }

    /// By id.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<Arc<Live>> {
        lock(&self.all).values().filter(|live| live.mapping.scope() == *scope).cloned().collect()
    }
}

impl Lambda {
    pub(crate) async fn start_mappings(&self) -> Result<(), StartError> {
        self.mappings.turns.open(&self.store, self.store.is_shared()).await?;
        let changed = self.store.is_shared().then(|| self.store.watch(keys::mappings()));
        self.load_mappings().await?;
        if let Some(changed) = changed {
            self.follow_mappings(changed);
        }
        Ok(())
    }

    /// Other nodes make, change and delete mappings too.
    fn follow_mappings(&self, mut changed: store::Watch) {
        let (me, stopping) = (self.me.clone(), self.stopping.clone());
        self.workers.spawn(async move {
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    woken = changed.changed() => if woken.is_err() { return },
                }
                let Some(lambda) = me.upgrade() else { return };
                let _turn = lambda.mappings.edit.lock().await;
                if let Err(error) = lambda.load_mappings().await {
                    tracing::debug!(%error, "event source mappings are read again with their next change");
                }
            }
        });
    }

    /// Runs all mappings as the store has them.
    async fn load_mappings(&self) -> Result<(), KvError> {
        let mut gone: Vec<String> = lock(&self.mappings.all).keys().cloned().collect();
        for (key, value) in self.store.rows(keys::mappings()).await? {
            let mapping: Mapping = minicbor::decode(&value)
                .map_err(|error| KvError::Damaged(format!("event source mapping at {key:?}: {error}")))?;
            gone.retain(|uuid| *uuid != mapping.uuid);
            if self.mappings.get(&mapping.uuid).is_some_and(|live| live.mapping == mapping) {
                continue;
            }
            let phase = if mapping.deleting { Phase::Deleting } else { Phase::Creating };
            let result = self.store.get(&keys::last_result(&mapping.uuid)).await?;
            let result = result.map_or_else(
                || NO_RECORDS.to_owned(),
                |entry| String::from_utf8_lossy(&entry.value).into_owned(),
            );
            self.put_live(Live::new(mapping, phase, result, self.mappings.turns.clone()));
        }
        for live in gone.iter().filter_map(|uuid| lock(&self.mappings.all).remove(uuid)) {
            live.stop.cancel();
        }
        Ok(())
    }

    /// Makes `mapping` durable, with the first positions of its shards, and lets it run as it says.
    /// Answers with what it is until then.
    pub(crate) async fn commit_mapping(
        &self,
        mapping: Mapping,
        phase: Phase,
        positions: Batch,
    ) -> Result<shapes::EventSourceMappingConfiguration, KvError> {
        self.store.commit(positions.put(keys::mapping(&mapping.uuid), mapping.to_vec())).await?;
        let result = self.mappings.get(&mapping.uuid).map(|live| lock(&live.result).clone());
        let result = result.unwrap_or_else(|| NO_RECORDS.to_owned());
        let live = Live::new(mapping, phase, result, self.mappings.turns.clone());
        let description = live.describe();
        self.put_live(live);
        Ok(description)
    }

    /// Puts `live` in the place of what ran under its id, and starts it when that has ended.
    fn put_live(&self, live: Arc<Live>) {
        let old = lock(&self.mappings.all).insert(live.mapping.uuid.clone(), live.clone());
        let me = self.me.clone();
        let tasks = live.tasks.clone();
        let task = async move {
            if let Some(old) = old {
                old.stop.cancel();
                old.tasks.close();
                old.tasks.wait().await;
            }
            let Some(lambda) = me.upgrade() else { return };
            if live.mapping.deleting {
                lambda.forget_mapping(&live.mapping.uuid).await;
            } else if live.mapping.enabled {
                let poller = Poller::new(&lambda, live.clone());
                drop(lambda);
                *lock(&live.phase) = Phase::Enabled;
                poller.run().await;
            } else {
                *lock(&live.phase) = Phase::Disabled;
            }
        };
        self.workers.spawn(tasks.track_future(task));
    }

    async fn forget_mapping(&self, uuid: &str) {
        let forgotten = async {
            self.store.delete_range(KeyRange::prefix(keys::positions(uuid))).await?;
            self.store.delete_range(KeyRange::prefix(keys::progress(uuid))).await?;
            self.store.commit(Batch::new().delete(keys::mapping(uuid))).await
        };
        match forgotten.await {
            Ok(_) => drop(lock(&self.mappings.all).remove(uuid)),
            Err(error) => tracing::error!(%error, uuid, "a mapping's rows stay until the next start"),
        }
    }

    /// Where reading begins in each shard that is there now, as rows to commit with the mapping: whatever is
    /// written after the answer to CreateEventSourceMapping is then seen, also by LATEST and after a crash.
    pub(crate) async fn first_positions(
        &self,
        uuid: &str,
        source_arn: &str,
        start: FeedStart,
    ) -> Result<Batch, ports::FeedError> {
        let mut batch = Batch::new();
        for shard in self.feed.shards(source_arn).await? {
            let position = self.feed.position(source_arn, &shard.id, start).await?;
            let position = Position { after: position.after, ended: false };
            batch = batch.put(keys::position(uuid, &shard.id), position.to_vec());
        }
        Ok(batch)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
