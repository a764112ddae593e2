//! Event source mappings: what they say, what AWS prints of them, and which of them run now.
//! Knows how their pollers are stopped and started, not what a poller does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::lambda as shapes;
use base::{Scope, Timestamp};
use minicbor::{Decode, Encode};
use ports::FeedStart;
use store::{Batch, KeyRange, KvError, ScanOptions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::keys;
use crate::name::function_arn;
use crate::poller::Poller;
use crate::{Lambda, StartError};

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

/// How records become invocations.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Rules {
    #[n(0)]
    pub(crate) batch_size: u32,
    #[n(1)]
    pub(crate) window_s: u32,
    /// Kept and printed only: one invocation at a time for each shard keeps any order that more would keep.
    #[n(2)]
    pub(crate) parallelization: u32,
    /// Older records are passed over; -1: never.
    #[n(3)]
    pub(crate) record_age_s: i32,
    #[n(4)]
    pub(crate) bisect: bool,
    /// -1: for ever.
    #[n(5)]
    pub(crate) retries: i32,
    /// `ReportBatchItemFailures`.
    #[n(6)]
    pub(crate) reports_items: bool,
    /// Kept and printed only.
    #[n(7)]
    pub(crate) on_failure: Option<String>,
    #[n(8)]
    pub(crate) kms_key_arn: Option<String>,
}

impl Default for Rules {
    /// AWS's for DynamoDB streams.
    fn default() -> Self {
        Self {
            batch_size: 100,
            window_s: 0,
            parallelization: 1,
            record_age_s: -1,
            bisect: false,
            retries: -1,
            reports_items: false,
            on_failure: None,
            kms_key_arn: None,
        }
    }
}

/// How far a shard has been read, kept after each batch that its function took.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Position {
    #[n(0)]
    pub(crate) after: u64,
    /// The shard is closed and all of it is read.
    #[n(1)]
    pub(crate) ended: bool,
}

impl Position {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing to a Vec does not fail")
    }
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
        let rules = &self.rules;
        let number = |value: u32| i32::try_from(value).ok();
        let position = if self.from_latest {
            shapes::EventSourcePosition::Latest
        } else {
            shapes::EventSourcePosition::TrimHorizon
        };
        let response_types =
            rules.reports_items.then_some(shapes::FunctionResponseType::ReportBatchItemFailures);
        shapes::EventSourceMappingConfiguration {
            uuid: Some(self.uuid.clone()),
            starting_position: Some(position),
            batch_size: number(rules.batch_size),
            maximum_batching_window_in_seconds: number(rules.window_s),
            parallelization_factor: number(rules.parallelization),
            event_source_arn: Some(self.source_arn.clone()),
            kms_key_arn: rules.kms_key_arn.clone(),
            function_arn: Some(self.function_arn()),
            last_modified: Some(Timestamp(self.modified_ms)),
            last_processing_result: Some(result.to_owned()),
            state: Some(format!("{phase:?}")),
            state_transition_reason: Some("User action".to_owned()),
            destination_config: Some(shapes::DestinationConfig {
                on_success: None,
                on_failure: Some(shapes::OnFailure { destination: rules.on_failure.clone() }),
            }),
            maximum_record_age_in_seconds: Some(rules.record_age_s),
            bisect_batch_on_function_error: Some(rules.bisect),
            maximum_retry_attempts: Some(rules.retries),
            tumbling_window_in_seconds: Some(0),
            function_response_types: Some(response_types.into_iter().collect()),
            event_source_mapping_arn: Some(self.arn()),
            ..shapes::EventSourceMappingConfiguration::default()
        }
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
    result: Mutex<&'static str>,
    pub(crate) stop: CancellationToken,
    /// The poller, and the task that waits to start it.
    tasks: TaskTracker,
}

impl Live {
    fn new(mapping: Mapping, phase: Phase) -> Arc<Self> {
        Arc::new(Self {
            mapping,
            phase: Mutex::new(phase),
            result: Mutex::new("No records processed"),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    pub(crate) fn describe(&self) -> shapes::EventSourceMappingConfiguration {
        self.mapping.describe(*lock(&self.phase), *lock(&self.result))
    }

    pub(crate) fn set_result(&self, result: &'static str) {
        *lock(&self.result) = result;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mappings {
    all: Mutex<BTreeMap<String, Arc<Live>>>,
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
        let mut range = KeyRange::prefix(keys::mappings());
        loop {
            let page = self.store.scan(range.clone(), ScanOptions::default()).await?;
            for (key, value) in &page.entries {
                let mapping: Mapping = minicbor::decode(value)
                    .map_err(|error| KvError::Damaged(format!("event source mapping at {key:?}: {error}")))?;
                let phase = if mapping.deleting { Phase::Deleting } else { Phase::Creating };
                self.put_live(Live::new(mapping, phase));
            }
            match page.next {
                Some(next) => range = range.resume(next, false),
                None => return Ok(()),
            }
        }
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
        let result = self.mappings.get(&mapping.uuid).map(|live| *lock(&live.result));
        let live = Live::new(mapping, phase);
        if let Some(result) = result {
            live.set_result(result);
        }
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
