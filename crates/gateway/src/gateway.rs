//! The service: what `rushlight` makes once and shares.

use std::sync::Arc;

use base::trace::Recorder;
use base::{Clock, Cx, Limits, Scope};
use ports::{BoxFuture, Call, Invoke, LogSink};
use store::Store;
use wire::{Failure, Request, Response};

use crate::backends::Backends;
use crate::domain::live::Domains;
use crate::http::live::HttpStage;
use crate::jwt::Issuers;
use crate::live::LiveStages;
use crate::rest::authorize::Decisions;
use crate::rest::bucket::Buckets;
use crate::rest::cache::Caches;
use crate::rest::deployed::{self, StageCurrency};
use crate::rest::live::LiveStage;
use crate::rest::phases;
use crate::rest::usage::Usage;
use crate::websocket::live::SocketStage;
use crate::websocket::registry::Connections;
use crate::{StageRequest, StageResponse, Target, http, target, websocket};

/// The seams to what the gateway calls.
#[derive(Debug)]
pub struct GatewayPorts {
    pub invoke: Arc<dyn Invoke>,
    pub logs: Arc<dyn LogSink>,
    pub call: Arc<dyn Call>,
    pub recorder: Recorder,
}

/// API Gateway: control plane ([`api::apigateway::ApiGateway`]) and data plane ([`Self::serve`]).
#[derive(Debug)]
pub struct Gateway {
    pub(crate) store: Store,
    pub(crate) invoke: Arc<dyn Invoke>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) call: Arc<dyn Call>,
    pub(crate) recorder: Recorder,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) live: LiveStages<LiveStage>,
    /// The stages of HTTP APIs, and how fast their routes may be called.
    pub(crate) http: LiveStages<HttpStage>,
    pub(crate) http_buckets: Buckets,
    pub(crate) websocket: LiveStages<SocketStage>,
    pub(crate) connections: Connections,
    pub(crate) backends: Backends,
    pub(crate) usage: Usage,
    pub(crate) issuers: Issuers,
    pub(crate) decisions: Decisions,
    pub(crate) domains: Domains,
    pub(crate) caches: Caches,
    /// Where user pools are, if not on AWS.
    pub(crate) cognito: Option<String>,
}

impl Gateway {
    pub fn new(store: Store, ports: GatewayPorts, clock: Clock, limits: Limits) -> Self {
        let connections = Connections::new(&store);
        let shared = store.is_shared();
        let usage = Usage::new(store.clone(), clock.clone(), shared);
        Self {
            store,
            invoke: ports.invoke,
            logs: ports.logs,
            call: ports.call,
            recorder: ports.recorder,
            clock,
            limits,
            live: LiveStages::new(shared),
            http: LiveStages::new(shared),
            http_buckets: Buckets::default(),
            websocket: LiveStages::new(shared),
            connections,
            backends: Backends::default(),
            usage,
            issuers: Issuers::default(),
            decisions: Decisions::default(),
            domains: Domains::default(),
            caches: Caches::default(),
            cognito: None,
        }
    }

    /// Takes tokens of the user pools at `endpoint`, such as `http://127.0.0.1:9229`, instead of those on AWS.
    #[must_use]
    pub fn with_cognito(mut self, endpoint: Option<String>) -> Self {
        self.cognito = endpoint.filter(|endpoint| !endpoint.is_empty());
        self
    }

    /// Takes the store for one that other processes work on too: what tests of several nodes in one process need.
    #[must_use]
    pub fn sharing(mut self) -> Self {
        self.connections = Connections::sharing(&self.store);
        self.usage = Usage::new(self.store.clone(), self.clock.clone(), true);
        self.live = LiveStages::new(true);
        self.http = LiveStages::new(true);
        self.websocket = LiveStages::new(true);
        self
    }

    /// Ends the WebSockets that are open, and those that come.
    pub fn hang_up(&self) {
        self.connections.hang_up();
    }

    /// Called after every committed edit of an HTTP or WebSocket API that a stage can see.
    pub(crate) fn forget_v2(&self, api_id: &str) {
        self.http.forget(api_id);
        self.websocket.forget(api_id);
    }

    /// The stage that a URL names, if it is one of the data plane's forms. `host` is the Host header, `path` the raw
    /// path without its query.
    pub fn parse_target<'a>(host: &'a str, path: &'a str) -> Option<Target<'a>> {
        target::parse(host, path)
    }

    /// Writes down what was counted of the use of API keys. Call it last, before the store is closed.
    pub async fn close(&self) {
        self.connections.close().await;
        if let Err(error) = self.usage.meters.flush().await {
            tracing::error!(%error, "the last requests with API keys are not counted");
        }
    }

    /// Answers a request for REST APIs' control plane. Boxed here, so that the operations are compiled with this crate,
    /// and once.
    pub fn answer<'a>(&'a self, cx: &'a Cx, request: Request) -> BoxFuture<'a, Response> {
        Box::pin(api::apigateway::dispatch(self, cx, request))
    }

    /// The same for HTTP and WebSocket APIs.
    pub fn answer_v2<'a>(&'a self, cx: &'a Cx, request: Request) -> BoxFuture<'a, Response> {
        Box::pin(api::apigatewayv2::dispatch(self, cx, request))
    }

    /// The stages of a REST API, and whether they serve what it is now: for the console.
    pub fn stages_of<'a>(
        &'a self,
        scope: &'a Scope,
        api_id: &'a str,
    ) -> BoxFuture<'a, Result<Vec<StageCurrency>, Failure>> {
        Box::pin(async move { Ok(deployed::stages(&self.store, scope, api_id).await?) })
    }

    /// Answers a request to a stage. Never fails: what goes wrong is an answer.
    pub fn serve(&self, request: StageRequest) -> BoxFuture<'_, StageResponse> {
        Box::pin(self.serve_any(request))
    }

    async fn serve_any(&self, request: StageRequest) -> StageResponse {
        if self.live.knows(&request.api_id) {
            return phases::serve(self, request).await;
        }
        if let Some(response) = http::phases::serve(self, &request).await {
            return response;
        }
        match websocket::serve(self, &request).await {
            Some(response) => response,
            None => phases::serve(self, request).await,
        }
    }
}
