//! A Lambda service whose functions, streams, logs and clock a test holds in its hands.

use std::fmt;
use std::io::{Cursor, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::lambda::{CreateFunctionInput, FunctionCode, FunctionConfiguration, Lambda as _};
use base::{Clock, Cx, RequestId, Scope, Timestamp, Trace};
use bytes::Bytes;
use lambda::{Executor, Instance, Lambda, LambdaConfig};
use ports::{
    BoxFuture, ChangeFeed, FeedError, FeedPage, FeedPosition, FeedRecord, FeedStart, Invoke, InvokeCall,
    InvokeError, InvokeKind, InvokeReply, LogBatch, LogSink, Shard,
};
use sandbox::{
    FaultKind, FunctionFault, FunctionSpec, Init, InitPhase, InitType, Invocation, LaunchError, Outcome,
    StreamPiece,
};
use store::Store;
use tokio::sync::{Notify, mpsc};
use wire::Failure;

pub(crate) const START: Timestamp = Timestamp(1_795_454_460_123);

pub(crate) struct World {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) executor: Arc<FakeExecutor>,
    pub(crate) feed: Arc<FakeFeed>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) cx: Cx,
    config: LambdaConfig,
    folder: Arc<tempfile::TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut LambdaConfig)) -> Self {
        Self::on(Store::memory(), Clock::virtual_at(START), change).await
    }

    pub(crate) async fn on(store: Store, clock: Clock, change: impl FnOnce(&mut LambdaConfig)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::open(store, folder, Arc::new(FakeFeed::default()), clock, change).await
    }

    /// Another process on the same data.
    pub(crate) async fn reopened(&self) -> Self {
        let change = |config: &mut LambdaConfig| {
            config.objects = self.config.objects.clone();
            config.limits = self.config.limits.clone();
        };
        Self::open(self.store.clone(), self.folder.clone(), self.feed.clone(), self.clock.clone(), change)
            .await
    }

    async fn open(
        store: Store,
        folder: Arc<tempfile::TempDir>,
        feed: Arc<FakeFeed>,
        clock: Clock,
        change: impl FnOnce(&mut LambdaConfig),
    ) -> Self {
        let executor = Arc::new(FakeExecutor::default());
        let logs = Arc::new(Logs::default());
        let mut config =
            LambdaConfig { clock: clock.clone(), ..LambdaConfig::new(folder.path().join("code")) };
        change(&mut config);
        let lambda = Lambda::with_executor(
            store.clone(),
            executor.clone(),
            feed.clone(),
            logs.clone(),
            config.clone(),
        );
        lambda.start().await.unwrap();
        let cx = Cx::internal(Scope::default());
        Self { lambda, executor, feed, logs, clock, store, cx, config, folder }
    }

    pub(crate) async fn create(&self, name: &str) -> FunctionConfiguration {
        self.lambda.create_function(&self.cx, function(name)).await.unwrap()
    }

    pub(crate) async fn invoke(&self, function: &str, payload: &str) -> Result<InvokeReply, InvokeError> {
        Invoke::invoke(&*self.lambda, self.call(function, payload)).await
    }

    pub(crate) fn call(&self, function: &str, payload: &str) -> InvokeCall {
        InvokeCall {
            scope: self.cx.scope.clone(),
            function: function.to_owned(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            kind: InvokeKind::RequestResponse,
            source: None,
            request_id: RequestId::random(),
            trace: Trace::random(),
        }
    }

    /// What the functions were given since the last look, after everything that can go on has gone on.
    pub(crate) async fn seen(&self) -> Vec<String> {
        settle().await;
        std::mem::take(&mut *self.executor.seen.lock().unwrap())
    }
}

/// Lets all tasks run until they wait for the clock, a stream or a call.
pub(crate) async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn zip(content: &str) -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("index.js", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(content.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner().into()
}

pub(crate) fn function(name: &str) -> CreateFunctionInput {
    CreateFunctionInput {
        function_name: name.to_owned(),
        runtime: Some("nodejs22.x".to_owned()),
        role: "arn:aws:iam::000000000000:role/r".to_owned(),
        handler: Some("index.handler".to_owned()),
        code: FunctionCode { zip_file: Some(zip(name)), ..FunctionCode::default() },
        ..CreateFunctionInput::default()
    }
}

#[track_caller]
pub(crate) fn check_failure<T: fmt::Debug>(
    result: Result<T, Failure>,
    code: &str,
    status: u16,
    message: &str,
) {
    let failure = result.expect_err(message);
    assert_eq!((&*failure.code, failure.status, &*failure.message), (code, status, message));
}

/// How a fake function answers: by its event, and the spec of the environment.
type Script = Box<dyn FnMut(&FunctionSpec, &Invocation) -> Answer + Send>;

pub(crate) enum Answer {
    Json(String),
    Fault(FaultKind, String),
    /// The environment had ended before.
    Unheard,
    /// JSON, when it has done what it does.
    Act(BoxFuture<'static, String>),
    /// Answers null when the channel is closed, and at once to those who hear of answers first.
    Later(mpsc::Receiver<()>),
    /// Streams what comes; ends with the fault, if there is one.
    Streamed(mpsc::Receiver<StreamPiece>, Option<String>),
}

/// `null`, whatever is asked.
pub(crate) fn null() -> Answer {
    Answer::Json("null".to_owned())
}

pub(crate) fn broken() -> Answer {
    Answer::Fault(FaultKind::Handler, r#"{"errorType":"Error","errorMessage":"no"}"#.to_owned())
}

pub(crate) struct FakeExecutor {
    script: Arc<Mutex<Script>>,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    pub(crate) launched: AtomicUsize,
    pub(crate) alive: Arc<AtomicUsize>,
}

impl Default for FakeExecutor {
    fn default() -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(|_, _| null()))),
            seen: Arc::default(),
            launched: AtomicUsize::new(0),
            alive: Arc::default(),
        }
    }
}

impl fmt::Debug for FakeExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeExecutor")
    }
}

impl FakeExecutor {
    pub(crate) fn answer(&self, script: impl FnMut(&FunctionSpec, &Invocation) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn launched(&self) -> usize {
        self.launched.load(Ordering::SeqCst)
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

impl Executor for FakeExecutor {
    fn launch(&self, spec: Arc<FunctionSpec>) -> BoxFuture<'_, Result<Box<dyn Instance>, LaunchError>> {
        self.launched.fetch_add(1, Ordering::SeqCst);
        self.alive.fetch_add(1, Ordering::SeqCst);
        let (script, seen, alive) = (self.script.clone(), self.seen.clone(), self.alive.clone());
        let instance = FakeInstance { spec, script, seen, alive, first: true };
        Box::pin(async move { Ok(Box::new(instance) as Box<dyn Instance>) })
    }

    fn warm(&self, _: &str, _: u32, _: bool) {}

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What the script sees when an environment is initialised before there is an event.
pub(crate) fn initialisation() -> Invocation {
    Invocation {
        request_id: RequestId(0),
        payload: Bytes::from_static(b"init"),
        deadline: None,
        function_arn: String::new(),
        client_context: None,
        trace: String::new(),
        answered: None,
        stream: None,
    }
}

struct FakeInstance {
    spec: Arc<FunctionSpec>,
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<String>>>,
    alive: Arc<AtomicUsize>,
    first: bool,
}

impl fmt::Debug for FakeInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeInstance")
    }
}

impl Drop for FakeInstance {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Instance for FakeInstance {
    fn invoke(&mut self, invocation: Invocation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let answer = {
                let event = String::from_utf8_lossy(&invocation.payload).into_owned();
                self.seen.lock().unwrap().push(event);
                (self.script.lock().unwrap())(&self.spec, &invocation)
            };
            let unheard = matches!(answer, Answer::Unheard);
            let streamed = matches!(answer, Answer::Streamed(..)) && invocation.stream.is_some();
            let result = match answer {
                Answer::Unheard => {
                    Err(FunctionFault { kind: FaultKind::Exit, body: Bytes::from_static(b"{}") })
                }
                Answer::Json(json) => Ok(Bytes::from(json)),
                Answer::Fault(kind, body) => Err(FunctionFault { kind, body: body.into() }),
                Answer::Act(work) => Ok(Bytes::from(work.await)),
                Answer::Later(mut gate) => {
                    if let Some(answered) = &invocation.answered {
                        answered.try_send(Ok(Bytes::from_static(b"null"))).unwrap();
                    }
                    gate.recv().await;
                    Ok(Bytes::from_static(b"null"))
                }
                Answer::Streamed(mut pieces, fault) => {
                    let mut whole = Vec::new();
                    while let Some(piece) = pieces.recv().await {
                        match (&invocation.stream, piece) {
                            // A reader that has gone away does not stop a function.
                            (Some(to), piece) => drop(to.send(piece).await),
                            (None, StreamPiece::Data(bytes)) => whole.extend_from_slice(&bytes),
                            (None, StreamPiece::Head { .. }) => {}
                        }
                    }
                    let failed = |body: String| FunctionFault { kind: FaultKind::Handler, body: body.into() };
                    fault.map_or(Ok(Bytes::from(whole)), |body| Err(failed(body)))
                }
            };
            let ended = matches!(&result, Err(fault) if fault.kind != FaultKind::Handler);
            let init_duration = std::mem::take(&mut self.first).then_some(Duration::from_millis(20));
            let init = |duration| Init {
                init_type: InitType::OnDemand,
                phase: InitPhase::Init,
                duration,
                end: Ok(()),
                logs: vec![],
            };
            Outcome {
                result,
                streamed,
                reusable: !ended,
                unheard,
                duration: Duration::from_micros(1500),
                init_duration,
                phases: sandbox::Phases::default(),
                billed_ms: 2,
                max_memory_mib: 40,
                restore_duration: None,
                inits: init_duration.map(init).into_iter().collect(),
                logs: vec![],
            }
        })
    }

    fn initialize(&mut self) -> BoxFuture<'_, Result<(), Outcome>> {
        Box::pin(async move {
            let event = initialisation();
            let answer = (self.script.lock().unwrap())(&self.spec, &event);
            match answer {
                Answer::Fault(..) => Err(self.invoke(event).await),
                _ => Ok(()),
            }
        })
    }

    fn is_alive(&mut self) -> bool {
        true
    }
}

#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) batches: Mutex<Vec<LogBatch>>,
}

impl LogSink for Logs {
    fn write(&self, batch: LogBatch) {
        self.batches.lock().unwrap().push(batch);
    }
}

/// One stream with shards that a test fills and closes.
#[derive(Debug, Default)]
pub(crate) struct FakeFeed {
    shards: Mutex<Vec<FakeShard>>,
    changed: Notify,
}

#[derive(Debug)]
struct FakeShard {
    shard: Shard,
    records: Vec<u64>,
    /// Records that are more than their number.
    events: std::collections::HashMap<u64, (String, Timestamp)>,
}

pub(crate) const STREAM: &str =
    "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-11-22T00:00:00.000";

impl FakeFeed {
    pub(crate) fn open_shard(&self, id: &str, parent: Option<&str>) {
        let shard = Shard { id: id.to_owned(), parent: parent.map(str::to_owned), closed: false };
        self.shards.lock().unwrap().push(FakeShard {
            shard,
            records: Vec::new(),
            events: Default::default(),
        });
        self.changed.notify_waiters();
    }

    pub(crate) fn close_shard(&self, id: &str) {
        for shard in self.shards.lock().unwrap().iter_mut().filter(|shard| shard.shard.id == id) {
            shard.shard.closed = true;
        }
        self.changed.notify_waiters();
    }

    pub(crate) fn put_event(&self, id: &str, sequence: u64, event: String, created: Timestamp) {
        let mut shards = self.shards.lock().unwrap();
        let shard = shards.iter_mut().find(|shard| shard.shard.id == id).unwrap();
        shard.records.push(sequence);
        shard.events.insert(sequence, (event, created));
        drop(shards);
        self.changed.notify_waiters();
    }

    pub(crate) fn put(&self, id: &str, sequences: impl IntoIterator<Item = u64>) {
        let mut shards = self.shards.lock().unwrap();
        let shard = shards.iter_mut().find(|shard| shard.shard.id == id).unwrap();
        shard.records.extend(sequences);
        drop(shards);
        self.changed.notify_waiters();
    }
}

impl ChangeFeed for FakeFeed {
    fn shards<'a>(&'a self, stream_arn: &'a str) -> BoxFuture<'a, Result<Vec<Shard>, FeedError>> {
        let shards = self.shards.lock().unwrap().iter().map(|shard| shard.shard.clone()).collect();
        let known = stream_arn == STREAM;
        Box::pin(
            async move { if known { Ok(shards) } else { Err(FeedError::NotFound(stream_arn.to_owned())) } },
        )
    }

    fn position<'a>(
        &'a self,
        _: &'a str,
        shard: &'a str,
        start: FeedStart,
    ) -> BoxFuture<'a, Result<FeedPosition, FeedError>> {
        let shards = self.shards.lock().unwrap();
        let records = &shards.iter().find(|known| known.shard.id == shard).unwrap().records;
        let after = if start == FeedStart::Latest { records.last().copied().unwrap_or(0) } else { 0 };
        let position = FeedPosition { shard: shard.to_owned(), after };
        Box::pin(async move { Ok(position) })
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        position: &'a FeedPosition,
        records_max: usize,
    ) -> BoxFuture<'a, Result<FeedPage, FeedError>> {
        let shards = self.shards.lock().unwrap();
        let shard = shards.iter().find(|known| known.shard.id == position.shard).unwrap();
        let after: Vec<u64> = shard.records.iter().copied().filter(|n| *n > position.after).collect();
        let records: Vec<_> = after
            .iter()
            .take(records_max)
            .map(|n| {
                let event = shard.events.get(n).cloned();
                let (event, created) = event.unwrap_or_else(|| (n.to_string(), START));
                FeedRecord {
                    sequence: *n,
                    sequence_number: format!("{n:03}"),
                    created,
                    event_json: Bytes::from(event),
                }
            })
            .collect();
        let last = records.last().map_or(position.after, |record| record.sequence);
        let ended = shard.shard.closed && after.len() <= records_max;
        let next = FeedPosition { shard: position.shard.clone(), after: last };
        Box::pin(async move { Ok(FeedPage { records, next, ended }) })
    }

    fn changed<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(self.changed.notified())
    }
}
