//! Makes the services, gives each what it needs of the others, and answers for them all behind the server. Decides
//! nothing: who is called is said by the server's routing, what is answered by the services.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base::trace::Recorder;
use base::{Clock, Cx, Limits};
use bytes::Bytes;
use console::Console;
use dynamodb::DynamoDb;
use gateway::{
    ByteStream, CallerCertificate, Gateway, GatewayPorts, Handshake, StageRequest, StageResponse, UrlStyle,
};
use http::HeaderMap;
use lambda::{Lambda, LambdaConfig, UrlCall};
use logs::{Journal, JournalConfig, TailLine};
use objects::FolderObjects;
use ports::Objects;
use rustix::fs::{FlockOperation, flock};
use sandbox::{FunctionNetwork, Layer, Sandbox, SandboxConfig, SandboxMode};
use server::{
    Backends, BoxFuture, Engine, ReplyBody, Service, Session, SocketReply, StageCall, StageReply, TailStream,
};
use sigv4::Keys;
use store::{Durability, PostgresOptions, Store};
use sts::TokenService;
use tokio::sync::{OnceCell, mpsc};
use traces::Traces;
use tracing::{debug, error, info, warn};
use wire::json::Writer;

use crate::config::Config;
use crate::dev::Live;
use crate::inside::Inside;
use crate::resources;

/// Logs are worth keeping on a disk, not in memory.
const MEMORY_GROUP_BYTES_MAX: u64 = 16 << 20;

/// Before the second attempt of an event, where one is not to wait for a minute.
const QUICK_RETRY: Duration = Duration::from_millis(100);

/// When the jail is tried for what is missing.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// All services of one server.
#[derive(Debug)]
pub(crate) struct Wiring {
    store: Store,
    dynamodb: Arc<DynamoDb>,
    pub(crate) lambda: Arc<Lambda>,
    sandbox: Arc<Sandbox>,
    pub(crate) gateway: Arc<Gateway>,
    logs: Arc<Journal>,
    sts: TokenService,
    pub(crate) console: Console,
    /// What is done for requests; none if it is not recorded.
    pub(crate) traces: Option<Arc<Traces>>,
    /// Set once Lambda has begun to work: what it needs beforehand must not delay the first answer of the others.
    lambda_began: OnceCell<Result<(), String>>,
    /// Removed with this, if it was made for this run alone.
    _folder: Folder,
}

/// What a server is made of beside its settings.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) clock: Clock,
    pub(crate) keys: Arc<Keys>,
    pub(crate) live: Option<Arc<Live>>,
    pub(crate) traces: Option<Arc<Traces>>,
}

/// Where records begin.
pub(crate) fn recorder(traces: Option<&Arc<Traces>>) -> Recorder {
    traces.map_or_else(Recorder::default, |traces| Recorder::new(Arc::clone(traces) as _))
}

/// Where files are that are no data: caches and what a running server needs.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// Locked as long as the run for which alone it was made; none if it is a part of the data.
    passing: Option<File>,
}

/// What names of passing folders begin with.
const PASSING: &str = "rushlight-run-";

/// Nobody writes it: whether it can be looked for tells whether the store answers.
const HEALTH_KEY: &[u8] = b"\x01health";

/// A store that takes longer does not answer.
const HEALTH_PATIENCE: Duration = Duration::from_secs(2);

impl Folder {
    fn make(config: &Config) -> Result<Self> {
        if config.memory {
            return Self::make_passing(&std::env::temp_dir());
        }
        let path = config.data.join("run");
        std::fs::create_dir_all(&path).with_context(|| {
            format!("cannot make the folder {}; choose another place with --data DIR", path.display())
        })?;
        Ok(Self { path, passing: None })
    }

    /// Where everybody may write: with a name that nobody foresees, and never a folder that is there already.
    fn make_passing(place: &Path) -> Result<Self> {
        sweep(place);
        let id = base::random_hex(8);
        let fresh = place.join(format!("rushlight-new-{id}"));
        std::fs::create_dir(&fresh).with_context(|| {
            format!("cannot make the folder {}; TMPDIR names another place", fresh.display())
        })?;
        let lock = File::create_new(fresh.join("lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        // Locked before it has the name that others sweep.
        let path = place.join(format!("{PASSING}{id}"));
        std::fs::rename(&fresh, &path)?;
        Ok(Self { path, passing: Some(lock) })
    }
}

/// Removes the folders of runs that were killed: those that nobody holds locked.
fn sweep(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PASSING) {
            continue;
        }
        let lock = File::open(entry.path().join("lock"));
        if lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()) {
            // It may be another user's: then that one sweeps it.
            _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing.is_some() {
            // In the folder for temporary files: what cannot be removed is the system's to clean.
            _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl Wiring {
    /// Opens the store and makes the services; [`Self::begin`] sets them to work.
    pub(crate) async fn open(config: &Config, address: SocketAddr, given: Given) -> Result<Arc<Self>> {
        let Given { clock, keys, live, traces } = given;
        let recorder = recorder(traces.as_ref());
        let folder = Folder::make(config)?;
        let store = open_store(config).await?;
        let mut journal = JournalConfig::default();
        if config.memory {
            journal.group_bytes_max = MEMORY_GROUP_BYTES_MAX;
        }
        let logs = Journal::new(store.clone(), clock.clone(), journal);
        let dynamodb = DynamoDb::new(store.clone(), clock.clone()).await;
        let dynamodb = dynamodb.map_err(|failure| anyhow::anyhow!("DynamoDB: {}", failure.message))?;
        let objects: Option<Arc<dyn Objects>> =
            config.objects.as_ref().map(|folder| Arc::new(FolderObjects::new(folder)) as _);
        let dynamodb = match &objects {
            Some(objects) => dynamodb.with_objects(Arc::clone(objects)),
            None => dynamodb,
        };
        let dynamodb = Arc::new(if config.throttle { dynamodb.with_throttling() } else { dynamodb });
        let sandbox = Sandbox::start(sandbox_config(config, address, &folder.path, &clock)).await?;
        let lambda_config = LambdaConfig {
            clock: clock.clone(),
            // As on AWS: an API without a permission in the function's policy must fail here, not first in production.
            enforce_policies: true,
            live: live.map(|live| live as _),
            objects,
            keys,
            destination_endpoint: config.destination_endpoint.clone(),
            recorder: recorder.clone(),
            retry_wait: if config.quick_retries { QUICK_RETRY } else { Duration::from_secs(60) },
            ..LambdaConfig::new(folder.path.join("code"))
        };
        let feed = Arc::clone(&dynamodb);
        let lambda =
            Lambda::new(store.clone(), Arc::clone(&sandbox), feed, Arc::clone(&logs) as _, lambda_config);
        // The variable by which AWS's own clients find user pools elsewhere.
        let cognito = std::env::var("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER").ok();
        // APIs call the services, and are one of them.
        Ok(Arc::new_cyclic(|wiring| {
            let call = Arc::new(Inside::new(wiring.clone()));
            let (invoke, logs_port) = (Arc::clone(&lambda) as _, Arc::clone(&logs) as _);
            let ports = GatewayPorts { invoke, logs: logs_port, call, recorder };
            let gateway = Gateway::new(store.clone(), ports, clock, Limits::default()).with_cognito(cognito);
            Self {
                console: Console::new(store.clone()),
                traces,
                store,
                dynamodb,
                lambda,
                sandbox,
                gateway: Arc::new(gateway),
                logs,
                sts: TokenService::new(),
                lambda_began: OnceCell::new(),
                _folder: folder,
            }
        }))
    }

    /// Begins what goes on beside the requests.
    pub(crate) fn begin(self: &Arc<Self>) {
        let dynamodb = Arc::clone(&self.dynamodb);
        tokio::spawn(async move { dynamodb.run().await });
        let wiring = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(why) = wiring.lambda().await {
                error!(why, "Lambda did not start: its functions do not run");
            }
            // Some tens of milliseconds of other programs, which the first requests do without.
            tokio::time::sleep(REPORT_AFTER).await;
            wiring.warn_of_missing().await;
        });
    }

    /// Says once what the host does not allow, by name.
    async fn warn_of_missing(&self) {
        let report = self.sandbox.report().await;
        if report.mode == SandboxMode::Off {
            warn!("functions run as plain processes of this user, without a jail (sandbox = off)");
            return;
        }
        let in_force: Vec<&str> = report
            .layers
            .iter()
            .filter(|state| state.missing.is_none())
            .filter(|state| state.layer != Layer::Network || report.network != FunctionNetwork::Host)
            .map(|state| state.layer.name())
            .collect();
        info!(layers = in_force.join(" "), network = report.network.name(), "functions run in a jail");
        for state in report.missing() {
            let why = state.missing.as_deref().unwrap_or_default();
            if state.layer.is_required() {
                warn!(
                    layer = state.layer.name(),
                    why,
                    hint = state.layer.hint(),
                    "a layer of the jail is missing"
                );
            } else {
                // Nothing that anybody could or need mend: `doctor` tells it.
                debug!(layer = state.layer.name(), why, "an optional layer of the jail is missing");
            }
        }
    }

    /// Whether nobody waits for it any more.
    fn lambda_runs(&self) -> bool {
        matches!(self.lambda_began.get(), Some(Ok(())))
    }

    /// Lambda, when it has begun to work.
    pub(crate) async fn lambda(&self) -> Result<&Lambda, &str> {
        if self.lambda_runs() {
            return Ok(&self.lambda);
        }
        // Boxed: it happens once, and would be a part of every request.
        let begin = Box::pin(async { self.lambda.start().await.map_err(|error| error.to_string()) });
        match self.lambda_began.get_or_init(|| begin).await {
            Ok(()) => Ok(&self.lambda),
            Err(why) => Err(why),
        }
    }

    /// Ends what runs, waiting up to `grace` for invocations, and closes the store. No request may be under way.
    pub(crate) async fn close(&self, grace: Duration) -> Result<()> {
        self.lambda.stop(grace).await;
        self.logs.flush().await;
        self.gateway.close().await;
        self.store.close().await.context("the store did not close well")
    }

    /// Of the store, for a person.
    pub(crate) fn describe(&self) -> String {
        let kept = self.store.describe();
        let place = kept.path.map(|path| path.display().to_string()).or(kept.url);
        match (place, kept.durability) {
            (Some(place), Some(Durability::Relaxed)) => {
                format!("{place}, relaxed: a power loss may lose seconds")
            }
            (Some(place), _) => place,
            (None, _) => "in memory, nothing is kept".to_owned(),
        }
    }

    /// Which stage a URL names: by its form, or by what is mapped to a custom domain.
    async fn stage_place(&self, call: &StageCall) -> Option<StagePlace> {
        if let Some(target) = Gateway::parse_target(&call.host, &call.path) {
            // Browsers write hosts in lower case, and ids are made so.
            let api_id = match target.style {
                UrlStyle::Host => target.api_id.to_ascii_lowercase(),
                UrlStyle::UserRequest | UrlStyle::Path => target.api_id.to_owned(),
            };
            let (stage, path) = (target.stage.to_owned(), target.path.to_owned());
            return Some(StagePlace { api_id, stage, path, style: target.style, base_path: None });
        }
        // Boxed: it would be a part of every other request.
        Box::pin(self.domain_place(call)).await
    }

    /// The stage that is mapped to a custom domain.
    async fn domain_place(&self, call: &StageCall) -> Option<StagePlace> {
        // Mutual TLS is never skipped: who shows no certificate, or comes in the clear, goes nowhere.
        let certified =
            self.gateway.truststore_of(&call.host).await.is_none() || call.client_certificate.is_some();
        let found = self.gateway.resolve_domain(&call.host, &call.path, &call.headers).await?;
        if !certified {
            return None;
        }
        Some(StagePlace {
            api_id: found.api_id,
            stage: found.stage,
            path: found.path,
            style: UrlStyle::Host,
            base_path: Some(found.base_path),
        })
    }

    /// The request that a call of a stage is, or the answer if it is none.
    async fn stage_request(&self, cx: &Cx, call: StageCall) -> Result<StageRequest, StageReply> {
        let Some(place) = self.stage_place(&call).await else {
            let body = Bytes::from_static(br#"{"message":"Forbidden"}"#);
            return Err(StageReply { status: 403, headers: HeaderMap::new(), body: body.into() });
        };
        // A stage's functions are invoked through a port, which does not wait for Lambda by itself.
        if self.lambda().await.is_err() {
            let body = Bytes::from_static(br#"{"message":"Internal server error"}"#);
            return Err(StageReply { status: 500, headers: HeaderMap::new(), body: body.into() });
        }
        Ok(StageRequest {
            request_id: cx.request_id,
            trace: cx.trace.clone(),
            api_id: place.api_id,
            stage: place.stage,
            path: place.path,
            style: place.style,
            base_path: place.base_path,
            method: call.method,
            query: call.query,
            headers: call.headers,
            spelling: call.spelling,
            body: call.body,
            source_ip: call.source_ip,
            signature: call.signature,
            host: call.host,
            protocol: call.protocol,
            secure: call.secure,
            certificate: call.client_certificate.and_then(|der| CallerCertificate::read(&der)),
        })
    }

    async fn stage_reply(&self, cx: &Cx, call: StageCall) -> StageReply {
        match self.stage_request(cx, call).await {
            Ok(request) => stage_reply(self.gateway.serve(request).await),
            Err(reply) => reply,
        }
    }

    async fn socket_reply(&self, cx: &Cx, call: StageCall) -> SocketReply {
        let request = match self.stage_request(cx, call).await {
            Ok(request) => request,
            Err(reply) => return SocketReply::Refused(reply),
        };
        match self.gateway.connect(request).await {
            Handshake::Refused(response) => SocketReply::Refused(stage_reply(response)),
            Handshake::Accepted { headers, session } => {
                let session: Session = Box::new(|socket| {
                    session(socket.map(|(socket, early)| (Box::new(socket) as Box<dyn ByteStream>, early)))
                });
                SocketReply::Accepted { headers, session }
            }
        }
    }

    /// Ends what stays open until one side ends it: a server that stops waits for what is in flight.
    pub(crate) fn hang_up(&self) {
        self.gateway.hang_up();
    }
}

fn stage_reply(response: StageResponse) -> StageReply {
    let pieces = response.stream.and_then(|stream| stream.take());
    let body = pieces.map_or_else(|| response.body.into(), ReplyBody::Stream);
    StageReply { status: response.status, headers: response.headers, body }
}

/// Where a request to a stage goes.
struct StagePlace {
    api_id: String,
    stage: String,
    path: String,
    style: UrlStyle,
    base_path: Option<String>,
}

async fn open_store(config: &Config) -> Result<Store> {
    if config.memory {
        return Ok(Store::memory());
    }
    if let Some(target) = &config.store {
        let opened = Store::connect_with(target.clone(), PostgresOptions::default()).await;
        return opened.with_context(|| format!("cannot open {target}"));
    }
    let path = config.data.join("store");
    // Its errors name the folder.
    let mut options = store::Options { durability: config.durability, ..store::Options::default() };
    if let Some(mib) = config.cache_mib {
        options.cache_bytes = mib << 20;
    }
    Ok(Store::open_with(&path, options)?)
}

fn sandbox_config(config: &Config, address: SocketAddr, folder: &Path, clock: &Clock) -> SandboxConfig {
    // Functions run on this machine.
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    SandboxConfig {
        mode: config.sandbox,
        network: config.function_network,
        pool_size: config.pool,
        endpoint_url: Some(format!("http://{host}:{}", address.port())),
        clock: clock.clone(),
        runtimes_dir: Some(config.runtimes_dir()),
        ..SandboxConfig::new(folder.join("sandbox"))
    }
}

impl Backends for Wiring {
    fn call<'a>(
        &'a self,
        service: Service,
        cx: &'a Cx,
        request: wire::Request,
    ) -> BoxFuture<'a, wire::Response> {
        match service {
            Service::DynamoDb => self.dynamodb.answer(cx, request),
            Service::DynamoDbStreams => self.dynamodb.answer_streams(cx, request),
            Service::Logs => self.logs.answer(cx, request),
            Service::Sts => Box::pin(api::sts::dispatch(&self.sts, cx, request)),
            Service::ApiGateway => self.gateway.answer(cx, request),
            Service::ApiGatewayV2 => self.gateway.answer_v2(cx, request),
            Service::Lambda if self.lambda_runs() => self.lambda.answer(cx, request),
            Service::Lambda => Box::pin(async move {
                match self.lambda().await {
                    Ok(lambda) => lambda.answer(cx, request).await,
                    Err(why) => not_started(why),
                }
            }),
        }
    }

    fn has_domain<'a>(&'a self, host: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(self.gateway.has_domain(host))
    }

    fn stage<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, StageReply> {
        Box::pin(self.stage_reply(cx, call))
    }

    fn websocket<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, SocketReply> {
        Box::pin(self.socket_reply(cx, call))
    }

    fn function_url<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, StageReply> {
        Box::pin(async move {
            let response = match self.lambda().await {
                Ok(lambda) => lambda.serve_url(cx, url_call(call)).await,
                Err(why) => not_started(why),
            };
            let pieces = response.stream.and_then(|stream| stream.take());
            let body = pieces.map_or_else(|| response.body.into(), ReplyBody::Stream);
            StageReply { status: response.status, headers: response.headers, body }
        })
    }

    fn tail(&self, cx: &Cx, group: &str) -> TailStream {
        let (sender, receiver) = mpsc::channel(64);
        let mut tail = self.logs.tail(&cx.scope, group);
        tokio::spawn(async move {
            loop {
                let lines = tokio::select! {
                    lines = tail.next() => lines,
                    () = sender.closed() => return,
                };
                let Some(lines) = lines else { return };
                if sender.send(tail_chunk(&lines)).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    fn trace_tail(&self, cx: &Cx, query: &str) -> Option<TailStream> {
        resources::trace_tail(self.traces.as_ref()?, cx, query)
    }

    fn resource<'a>(&'a self, cx: &'a Cx, request: wire::Request) -> BoxFuture<'a, Option<wire::Response>> {
        Box::pin(self.own_resource(cx, request))
    }

    fn is_well(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let asked = tokio::time::timeout(HEALTH_PATIENCE, self.store.get(HEALTH_KEY)).await;
            asked.is_ok_and(|answer| answer.is_ok())
        })
    }

    fn engine(&self) -> Engine {
        Engine { store: self.store.describe().engine, services: Service::ALL.into_iter().collect() }
    }
}

/// Lines of newline-delimited JSON.
fn tail_chunk(lines: &[TailLine]) -> Bytes {
    let mut chunk = Vec::new();
    for line in lines {
        let mut json = Writer::new();
        json.begin_object();
        match line {
            TailLine::Event { group, stream, timestamp, message } => {
                json.key("timestamp");
                json.integer(timestamp.as_millis());
                json.key("group");
                json.string(group);
                json.key("stream");
                json.string(stream);
                json.key("message");
                json.string(&String::from_utf8_lossy(message));
            }
            TailLine::Missed(batches) => {
                json.key("missed");
                json.integer(i64::try_from(*batches).unwrap_or(i64::MAX));
            }
        }
        json.end_object();
        chunk.extend_from_slice(&json.into_bytes());
        chunk.push(b'\n');
    }
    Bytes::from(chunk)
}

fn url_call(call: StageCall) -> UrlCall {
    let StageCall {
        method, host, path, query, headers, body, source_ip, signature, protocol, secure, ..
    } = call;
    let request = wire::Request { method, path, query, headers, body };
    UrlCall { request, host, source_ip, signature, protocol, secure }
}

fn not_started(why: &str) -> wire::Response {
    let mut json = Writer::new();
    json.begin_object();
    json.key("Message");
    json.string(&format!("Lambda did not start: {why}"));
    json.end_object();
    let mut response = wire::Response::new(500, json.into_bytes());
    response.set("content-type", "application/json");
    response.set("x-amzn-errortype", "ServiceException");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_killed_runs_are_swept_and_those_of_running_ones_stay() {
        let place = tempfile::tempdir().unwrap();
        let killed = place.path().join(format!("{PASSING}killed"));
        std::fs::create_dir(&killed).unwrap();
        std::fs::write(killed.join("lock"), "").unwrap();
        let other = place.path().join("rushlight-other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("lock"), "").unwrap();
        let first = Folder::make_passing(place.path()).unwrap();
        let second = Folder::make_passing(place.path()).unwrap();
        assert!(!killed.exists() && other.exists() && first.path.exists() && second.path.exists());
        let path = first.path.clone();
        drop(first);
        assert!(!path.exists());
    }
}
