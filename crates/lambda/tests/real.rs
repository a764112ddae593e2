//! Lambda with the real sandbox: Node and Python handlers in real processes. Not the test harness's main, because
//! the sandbox starts this program again as its launcher.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::lambda::{CreateFunctionInput, FunctionCode, Lambda as _};
use base::{Cx, RequestId, Scope, Trace};
use bytes::Bytes;
use lambda::{Lambda, LambdaConfig};
use ports::{
    BoxFuture, ChangeFeed, FeedError, FeedPage, FeedPosition, FeedStart, Invoke, InvokeCall, InvokeKind,
    InvokeReply, LogBatch, LogSink, Shard,
};
use sandbox::{Sandbox, SandboxConfig};
use store::Store;

fn main() {
    sandbox::maybe_run_launcher();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for runtime in ["nodejs20.x", "python3.11"] {
            let world = World::new().await;
            answers_and_errors(&world, runtime).await;
            many_at_a_time(&world, runtime).await;
            warm_invocations(&world, runtime).await;
            world.lambda.stop(Duration::from_secs(2)).await;
        }
    });
}

const NODE: &str = "exports.handler = async (e, c) => {
  if (e.log) console.log(e.log);
  if (e.throw) throw new RangeError(e.throw);
  if (e.exit) process.exit(e.exit);
  if (e.hang) await new Promise((done) => setTimeout(done, 60000));
  if (e.wait) await new Promise((done) => setTimeout(done, e.wait));
  return e.stream ? c.logStreamName : e;
};";

const PYTHON: &str = "import os, time
def handler(e, c):
    if e.get('log'): print(e['log'])
    if e.get('throw'): raise ValueError(e['throw'])
    if e.get('exit'): os._exit(e['exit'])
    if e.get('hang'): time.sleep(60)
    if e.get('wait'): time.sleep(e['wait'] / 1000)
    return c.log_stream_name if e.get('stream') else e
";

/// The functions `f`, of one second, and what came of them.
async fn answers_and_errors(world: &World, runtime: &str) {
    world.deploy(runtime).await;
    let error = if runtime.starts_with("node") { "RangeError" } else { "ValueError" };
    for (event, function_error, expected) in [
        (r#"{"a":[1,null,"x"]}"#, None, "{\"a\":"),
        (r#"{"throw":"bad"}"#, Some("Unhandled"), error),
        (r#"{"exit":3}"#, Some("Unhandled"), "Runtime exited with error: exit status 3"),
        (r#"{"a":1}"#, None, "{\"a\":"),
        (r#"{"hang":true}"#, Some("Unhandled"), "Task timed out after 1.00 seconds"),
        (r#"{"log":"hello"}"#, None, "hello"),
    ] {
        let reply = world.invoke(event).await;
        let text = String::from_utf8_lossy(&reply.payload).into_owned();
        assert_eq!(reply.function_error, function_error, "{runtime} {event}: {text}");
        assert!(text.contains(expected), "{runtime} {event}: {text}");
        let log = String::from_utf8_lossy(&reply.log_tail).into_owned();
        let (start, end) = (log.find("START RequestId"), log.find("END RequestId"));
        assert!(
            start.is_some() && start < end && end < log.find("REPORT RequestId"),
            "{runtime} {event}: {log}"
        );
        let once = ["exited with error", "Task timed out"].iter().all(|said| log.matches(said).count() <= 1);
        assert!(once, "said twice: {log}");
        assert!(!event.contains("log") || log.contains("hello"), "{log}");
    }
    let reply = world.invoke(r#"{"stream":true}"#).await;
    let stream = String::from_utf8_lossy(&reply.payload).replace('"', "");
    assert!(world.logs.0.lock().unwrap().iter().any(|batch| *batch.stream == *stream), "{stream}");
    eprintln!("{runtime}: answers and errors: ok");
}

/// One invocation at a time in an environment, as many environments as invocations.
async fn many_at_a_time(world: &World, runtime: &str) {
    let began = Instant::now();
    let calls = (0..6).map(|_| world.invoke(r#"{"wait":400}"#));
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(reply.function_error, None);
    }
    assert!(began.elapsed() < Duration::from_millis(6 * 400), "{:?}", began.elapsed());
    eprintln!("{runtime}: six at a time took {:?}", began.elapsed());
}

/// Says how long a warm invocation takes; the bench measures it properly.
async fn warm_invocations(world: &World, runtime: &str) {
    let mut times = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        world.invoke(r#"{"a":1}"#).await;
        times.push(began.elapsed());
    }
    times.sort();
    eprintln!("{runtime}: warm p50 {:?}, p99 {:?}", times[500], times[990]);
}

struct World {
    lambda: Arc<Lambda>,
    logs: Arc<Logs>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(SandboxConfig::new(folder.path().join("scratch"))).await.unwrap();
        let logs = Arc::new(Logs::default());
        let config = LambdaConfig::new(folder.path().join("code"));
        let lambda = Lambda::new(Store::memory(), sandbox, Arc::new(NoFeed), logs.clone(), config);
        lambda.start().await.unwrap();
        Self { lambda, logs, _folder: folder }
    }

    async fn deploy(&self, runtime: &str) {
        let (file, code) =
            if runtime.starts_with("node") { ("index.js", NODE) } else { ("index.py", PYTHON) };
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(file, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(code.as_bytes()).unwrap();
        let input = CreateFunctionInput {
            function_name: "f".to_owned(),
            runtime: Some(runtime.to_owned()),
            role: "arn:aws:iam::000000000000:role/r".to_owned(),
            handler: Some("index.handler".to_owned()),
            timeout: Some(1),
            code: FunctionCode {
                zip_file: Some(zip.finish().unwrap().into_inner().into()),
                ..Default::default()
            },
            ..CreateFunctionInput::default()
        };
        self.lambda.create_function(&Cx::internal(Scope::default()), input).await.unwrap();
    }

    async fn invoke(&self, payload: &str) -> InvokeReply {
        let call = InvokeCall {
            scope: Scope::default(),
            function: "f".to_owned(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            kind: InvokeKind::RequestResponse,
            source: None,
            request_id: RequestId::random(),
            trace: Trace::random(),
        };
        Invoke::invoke(&*self.lambda, call).await.unwrap()
    }
}

#[derive(Debug, Default)]
struct Logs(Mutex<Vec<LogBatch>>);

impl LogSink for Logs {
    fn write(&self, batch: LogBatch) {
        self.0.lock().unwrap().push(batch);
    }
}

#[derive(Debug)]
struct NoFeed;

fn no_stream<T: Send + 'static>() -> BoxFuture<'static, Result<T, FeedError>> {
    Box::pin(std::future::ready(Err(FeedError::NotFound(String::new()))))
}

impl ChangeFeed for NoFeed {
    fn shards<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Shard>, FeedError>> {
        no_stream()
    }

    fn position<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: FeedStart,
    ) -> BoxFuture<'a, Result<FeedPosition, FeedError>> {
        no_stream()
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        _: &'a FeedPosition,
        _: usize,
    ) -> BoxFuture<'a, Result<FeedPage, FeedError>> {
        no_stream()
    }

    fn changed<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }
}
