//! AWS Lambda: functions, versions, aliases, permissions, invocations, the asynchronous queue, event sources.
//!
//! - `ops/` has one file for each operation: validate, read, decide, commit, reply.
//! - [`catalogue`] holds all functions in memory; an invocation reads no store. [`function`], [`policy`], [`name`],
//!   [`package`], [`payload`] and [`report`] are pure.
//! - [`code`] keeps packages in the store and unpacked on the disk, [`source`] brings them; [`layers`] holds all layers; [`fleet`] the warm environments of a version;
//!   [`runner`] runs one invocation; [`queue`] keeps the asynchronous ones and [`event`] says what becomes of them,
//!   [`destination`] brings their records away; [`mapping`] reads streams.
//!
//! Invariants: one invocation at a time in an environment; no lock is held over an await on the way of an
//! invocation; a change is durable before it is visible; an event or record is forgotten only after its function
//! ran. This crate knows no HTTP but in [`url`], no gateway, no table, and nothing of how a process is jailed.

mod capacity;
mod catalogue;
mod code;
mod destination;
mod detached;
mod document;
mod durable;
mod error;
mod event;
mod event_config;
mod executor;
mod fleet;
mod follow;
mod function;
mod invoke;
mod keys;
mod layer;
mod layer_use;
mod layers;
mod lineage;
mod live;
mod mapping;
mod name;
mod ops;
mod package;
mod paging;
mod payload;
mod policy;
mod provision;
mod provisioner;
mod queue;
mod registry;
mod report;
mod runner;
mod sdk_use;
mod settings;
mod signing;
mod source;
mod steps;
mod stream;
mod url;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use base::trace::Recorder;
use base::{Clock, Cx, Limits, Timestamp};
use bytes::Bytes;
use ports::{BoxFuture, ChangeFeed, LiveFolders, LogSink, Objects};
use sandbox::Sandbox;
use sigv4::Keys;
use store::{KvError, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{Request, Response};

use catalogue::Catalogue;
use code::CodeStore;
use destination::Endpoint;
pub use event::WaitingEvent;
use executor::SandboxExecutor;
pub use executor::{Executor, Instance};
use layers::Layers;
use mapping::Mappings;
pub use mapping::filter::{Pattern, PatternError};
use queue::Queue;
use registry::Registry;
use runner::Runner;
pub use url::UrlCall;

/// Where [`Lambda::code_package`] is to be served: the path before a package's name.
pub const CODE_PATH: &str = "/_rushlight/lambda/code/";

#[derive(Debug, Clone)]
pub struct LambdaConfig {
    /// A folder of Lambda's own for unpacked packages: a cache, made again from the store.
    pub code_dir: PathBuf,
    /// How long an environment waits for its next invocation before it is ended.
    pub idle_timeout: Duration,
    /// Environments kept beyond those that run: when there are more of both, the longest idle ones end.
    pub environments_max: usize,
    pub limits: Limits,
    pub clock: Clock,
    /// Whether a service that calls through [`ports::Invoke`] needs a permission in the function's resource policy.
    /// AWS always asks.
    pub enforce_policies: bool,
    /// Folders that functions may be served from; `None` refuses such functions.
    pub live: Option<Arc<dyn LiveFolders>>,
    /// Where packages that requests name by bucket and key are; without it there is no bucket.
    pub objects: Option<Arc<dyn Objects>>,
    /// Of which functions get pairs to sign with.
    pub keys: Arc<Keys>,
    /// Where queues, topics and buses are, as `http://host:port`; without it there is none.
    pub destination_endpoint: Option<String>,
    /// The wait before the second attempt of an event whose function failed; the third waits twice as long. One minute
    /// on AWS.
    pub retry_wait: Duration,
    /// Where what events and batches did is told.
    pub recorder: Recorder,
}

impl LambdaConfig {
    pub fn new(code_dir: impl Into<PathBuf>) -> Self {
        Self {
            code_dir: code_dir.into(),
            idle_timeout: Duration::from_secs(600),
            environments_max: 128,
            limits: Limits::default(),
            clock: Clock::default(),
            enforce_policies: true,
            live: None,
            objects: None,
            keys: Arc::default(),
            destination_endpoint: None,
            retry_wait: Duration::from_secs(60),
            recorder: Recorder::default(),
        }
    }
}

/// Why Lambda could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot prepare the folder for packages {path}: {source}")]
    Folder { path: String, source: io::Error },
    #[error(transparent)]
    Store(#[from] KvError),
}

/// The service. [`start`](Self::start) it before it answers.
#[derive(Debug)]
pub struct Lambda {
    config: LambdaConfig,
    store: Store,
    catalogue: Catalogue,
    layers: Layers,
    registry: Registry,
    codes: Arc<CodeStore>,
    runner: Arc<Runner>,
    queue: Arc<Queue>,
    executions: durable::Shelf,
    endpoint: Endpoint,
    mappings: Mappings,
    epoch: follow::Epoch,
    feed: Arc<dyn ChangeFeed>,
    /// Queue, pollers and the sweeper end when this is cancelled.
    stopping: CancellationToken,
    workers: TaskTracker,
    me: Weak<Self>,
}

impl Lambda {
    pub fn new(
        store: Store,
        sandbox: Arc<Sandbox>,
        feed: Arc<dyn ChangeFeed>,
        logs: Arc<dyn LogSink>,
        config: LambdaConfig,
    ) -> Arc<Self> {
        Self::with_executor(store, Arc::new(SandboxExecutor(sandbox)), feed, logs, config)
    }

    /// With another way to run functions than the sandbox.
    pub fn with_executor(
        store: Store,
        executor: Arc<dyn Executor>,
        feed: Arc<dyn ChangeFeed>,
        logs: Arc<dyn LogSink>,
        config: LambdaConfig,
    ) -> Arc<Self> {
        let codes = Arc::new(CodeStore::new(store.clone(), config.code_dir.clone(), config.limits.clone()));
        let runner = Runner {
            executor,
            codes: codes.clone(),
            logs,
            live: config.live.clone(),
            keys: Arc::clone(&config.keys),
            clock: config.clock.clone(),
            concurrency_max: config.limits.concurrency_max,
            environments: Arc::default(),
            environments_max: config.environments_max,
            crowded: tokio::sync::Notify::new(),
            running: TaskTracker::new(),
        };
        Arc::new_cyclic(|me| Self {
            catalogue: Catalogue::new(store.clone()),
            layers: Layers::new(store.clone()),
            registry: Registry::new(store.clone()),
            codes,
            runner: Arc::new(runner),
            executions: durable::Shelf::new(store.clone()),
            queue: Arc::new(Queue::new(store.clone(), config.clock.clone())),
            endpoint: Endpoint::new(config.destination_endpoint.as_deref()),
            mappings: Mappings::default(),
            epoch: follow::Epoch::default(),
            feed,
            stopping: CancellationToken::new(),
            workers: TaskTracker::new(),
            me: me.clone(),
            store,
            config,
        })
    }

    /// Reads what the store has and begins to work: queued events, event source mappings, ending idle environments.
    pub async fn start(&self) -> Result<(), StartError> {
        let codes = self.codes.clone();
        blocking(move || codes.prepare()).await.map_err(|source| self.folder_error(source))?;
        self.catalogue.load().await?;
        self.layers.load().await?;
        let functions = self.catalogue.all();
        let mut references = std::collections::HashMap::new();
        for version in functions.iter().flat_map(|function| function.all_versions()) {
            for code in version.record.packages() {
                *references.entry(code.sha256).or_insert(0) += 1;
            }
            self.runner.warm(&version.record);
        }
        for layer in self.layers.all() {
            *references.entry(layer.code.sha256).or_insert(0) += 1;
        }
        // What nobody refers to yet may be a package that another node is about to give to a function.
        if !self.store.is_shared() {
            self.codes.recount(&references).await?;
        }
        let codes = self.codes.clone();
        blocking(move || codes.keep_only(&references)).await.map_err(|source| self.folder_error(source))?;
        self.follow_functions();
        self.spawn_queue();
        self.spawn_sweeper();
        self.spawn_provisioner();
        self.resume_executions().await?;
        self.start_mappings().await?;
        Ok(())
    }

    /// Answers a request. Boxed here, so that the operations are compiled with this crate, and once.
    pub fn answer<'a>(&'a self, cx: &'a Cx, request: Request) -> BoxFuture<'a, Response> {
        Box::pin(api::lambda::dispatch(self, cx, request))
    }

    /// Ends workers, waits up to `grace` for what runs, then ends all environments.
    pub async fn stop(&self, grace: Duration) {
        self.stopping.cancel();
        self.workers.close();
        self.runner.running.close();
        let all = async {
            self.workers.wait().await;
            self.runner.running.wait().await;
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("invocations still ran when the time to stop was over");
        }
        for function in self.catalogue.all() {
            function.all_versions().for_each(|version| version.fleet.close());
        }
        self.runner.executor.stop().await;
    }

    /// The zip behind a `Code.Location` of GetFunction; `name` is what follows [`CODE_PATH`].
    pub async fn code_package(&self, name: &str) -> Result<Option<Bytes>, KvError> {
        let digit = |at: usize| name.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(digit).collect();
        match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(sha256) if name.len() == 64 => self.codes.read(&sha256).await,
            _ => Ok(None),
        }
    }

    fn folder_error(&self, source: io::Error) -> StartError {
        StartError::Folder { path: self.config.code_dir.display().to_string(), source }
    }

    /// For work that may outlive its caller.
    fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("a Lambda is only made in an Arc, which its borrower holds")
    }

    fn spawn_queue(&self) {
        let me = self.me.clone();
        let clock = self.config.clock.clone();
        let run = move |event| {
            let (me, clock) = (me.clone(), clock.clone());
            async move {
                match me.upgrade() {
                    Some(lambda) => lambda.attempt(event).await,
                    None => queue::Next::Again(clock.now(), event),
                }
            }
        };
        self.workers.spawn(self.queue.clone().work(self.stopping.clone(), self.workers.clone(), run));
    }

    /// Ends environments that are idle for too long, or too many.
    fn spawn_sweeper(&self) {
        let (me, stopping, runner) = (self.me.clone(), self.stopping.clone(), self.runner.clone());
        let (clock, idle) = (self.config.clock.clone(), self.config.idle_timeout);
        self.workers.spawn(async move {
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = runner.crowded.notified() => {}
                    () = clock.sleep((idle / 10).max(Duration::from_millis(100))) => {}
                }
                let Some(lambda) = me.upgrade() else { return };
                let idle_ms = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
                lambda.end_idle(Timestamp(clock.now().0.saturating_sub(idle_ms)));
            }
        });
    }

    fn end_idle(&self, since: Timestamp) {
        let functions = self.catalogue.all();
        let versions = || functions.iter().flat_map(|function| function.all_versions());
        versions().for_each(|version| version.fleet.end_idle(since));
        while self.runner.is_crowded() {
            let idle = versions().filter_map(|version| Some((version.fleet.longest_idle()?, version)));
            match idle.min_by_key(|(since, _)| *since) {
                Some((_, version)) => version.fleet.end_longest_idle(),
                None => return,
            }
        }
    }
}

/// File work beside the runtime's workers.
async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
