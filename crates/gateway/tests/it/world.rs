//! A gateway whose functions are played by the test, and scripts that drive it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::trace::Recorder;
use base::{Clock, Cx, Limits, RequestId, Scope, Timestamp, Trace};
use bytes::Bytes;
use futures_util::stream;
use gateway::{Gateway, GatewayPorts, StageRequest, StageResponse};
use http::{HeaderMap, Method};
use ports::{
    BoxFuture, Call, Invoke, InvokeAnswer, InvokeCall, InvokeError, InvokePiece, InvokeReply, InvokeStream,
    LogBatch, LogSink, ServiceCall, ServiceNotServed, ServiceReply,
};
use serde_json::Value;
use sigv4::{Keys, Signed};
use store::Store;
use tokio::sync::mpsc;

/// What a played function does.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    Answer(&'static str),
    /// Answers with the event as text in the body.
    Echo,
    Fail(&'static str),
    /// Streams what comes out of the channel; without an end it was cut off.
    Stream(Arc<tokio::sync::Mutex<mpsc::Receiver<InvokePiece>>>),
    Refuse(InvokeError),
    Hang,
}

/// Functions by the name they are called by; an unknown one is not found. Remembers the calls.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    plays: Mutex<BTreeMap<String, Play>>,
    calls: Mutex<Vec<InvokeCall>>,
}

impl Functions {
    pub(crate) fn set(&self, name: &str, play: Play) {
        self.plays.lock().unwrap().insert(name.to_owned(), play);
    }

    pub(crate) fn last_call(&self) -> InvokeCall {
        self.calls.lock().unwrap().last().cloned().expect("a function was called")
    }

    pub(crate) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

pub(crate) fn reply(payload: Bytes, function_error: Option<&'static str>) -> InvokeReply {
    InvokeReply { payload, function_error, executed_version: "$LATEST".to_owned(), log_tail: Bytes::new() }
}

impl Invoke for Functions {
    fn invoke<'a>(&'a self, call: InvokeCall) -> BoxFuture<'a, Result<InvokeReply, InvokeError>> {
        let play = self.plays.lock().unwrap().get(&call.function).cloned();
        self.calls.lock().unwrap().push(call.clone());
        Box::pin(async move {
            match play {
                None => Err(InvokeError::NotFound(call.function)),
                Some(Play::Answer(json)) => Ok(reply(json.into(), None)),
                Some(Play::Echo) => {
                    let body = String::from_utf8(call.payload.to_vec()).unwrap();
                    Ok(reply(serde_json::json!({ "statusCode": 200, "body": body }).to_string().into(), None))
                }
                Some(Play::Fail(json)) => Ok(reply(json.into(), Some("Unhandled"))),
                Some(Play::Refuse(error)) => Err(error),
                Some(Play::Hang) => std::future::pending().await,
                Some(Play::Stream(_)) => unreachable!("nobody asks it for a whole answer"),
            }
        })
    }

    fn invoke_streamed<'a>(&'a self, call: InvokeCall) -> BoxFuture<'a, Result<InvokeAnswer, InvokeError>> {
        let play = self.plays.lock().unwrap().get(&call.function).cloned();
        Box::pin(async move {
            let Some(Play::Stream(pieces)) = play else {
                return self.invoke(call).await.map(InvokeAnswer::Whole);
            };
            let mut pieces = pieces.lock_owned().await;
            let pieces = Box::pin(stream::poll_fn(move |cx| pieces.poll_recv(cx)));
            let content_type = "application/vnd.awslambda.http-integration-response".to_owned();
            Ok(InvokeAnswer::Streamed(InvokeStream {
                content_type,
                executed_version: "1".to_owned(),
                pieces,
            }))
        })
    }
}

/// What was written to log groups.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    batches: Mutex<Vec<LogBatch>>,
}

impl LogSink for Logs {
    fn write(&self, batch: LogBatch) {
        self.batches.lock().unwrap().push(batch);
    }
}

impl Logs {
    /// The lines of a group, which are taken out of it.
    pub(crate) fn take(&self, group: &str) -> Vec<String> {
        let mut batches = self.batches.lock().unwrap();
        let lines = batches.extract_if(.., |batch| &*batch.group == group).flat_map(|batch| batch.events);
        lines.map(|event| String::from_utf8(event.message.to_vec()).unwrap()).collect()
    }
}

/// Services of AWS, played by a test: what they were asked, and what they answer.
#[derive(Debug, Default)]
pub(crate) struct Services {
    calls: Mutex<Vec<(Scope, ServiceCall)>>,
    reply: Mutex<Option<ServiceReply>>,
}

impl Call for Services {
    fn call<'a>(
        &'a self,
        cx: &'a Cx,
        call: ServiceCall,
    ) -> BoxFuture<'a, Result<ServiceReply, ServiceNotServed>> {
        let missing = ServiceNotServed(call.service.clone());
        self.calls.lock().unwrap().push((cx.scope.clone(), call));
        let reply = self.reply.lock().unwrap().clone().ok_or(missing);
        Box::pin(async move { reply })
    }
}

impl Services {
    pub(crate) fn answer(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let reply = ServiceReply { status, headers, body: Bytes::copy_from_slice(body) };
        *self.reply.lock().unwrap() = Some(reply);
    }

    pub(crate) fn last_call(&self) -> (Scope, ServiceCall) {
        self.calls.lock().unwrap().last().cloned().unwrap()
    }
}

pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) functions: Arc<Functions>,
    pub(crate) logs: Arc<Logs>,
    pub(crate) services: Arc<Services>,
    pub(crate) clock: Clock,
    pub(crate) cx: Cx,
    names: Mutex<BTreeMap<String, String>>,
}

pub(crate) fn function_uri(name: &str) -> String {
    format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{name}/invocations")
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(Store::memory())
    }

    pub(crate) fn on(store: Store) -> Self {
        let clock = Clock::virtual_at(Timestamp(1_795_454_460_123));
        let functions = Arc::new(Functions::default());
        let logs = Arc::new(Logs::default());
        let services = Arc::new(Services::default());
        let ports = GatewayPorts {
            invoke: Arc::clone(&functions) as _,
            logs: Arc::clone(&logs) as _,
            call: Arc::clone(&services) as _,
            recorder: Recorder::default(),
        };
        let gateway = Arc::new(Gateway::new(store, ports, clock.clone(), Limits::default()));
        let cx = Cx::internal(Scope::default());
        Self { gateway, functions, logs, services, clock, cx, names: Mutex::default() }
    }

    /// With a gateway that is made otherwise.
    pub(crate) fn with(mut self, make: impl FnOnce(Gateway) -> Gateway) -> Self {
        self.gateway = Arc::new(make(Arc::into_inner(self.gateway).unwrap()));
        self
    }

    /// Calls as another account.
    pub(crate) fn of_account(mut self, account: &str) -> Self {
        self.cx.scope.account = account.parse().unwrap();
        self
    }

    /// Sends `METHOD /path [json]` to the control plane; `$name` is what an earlier line called `name`.
    pub(crate) async fn control(&self, line: &str) -> (u16, Value) {
        let line = self.fill(line);
        let (method, rest) = line.split_once(' ').unwrap();
        let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = wire::Request {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let response = if path.starts_with("/v2/") {
            self.gateway.answer_v2(&self.cx, request).await
        } else {
            self.gateway.answer(&self.cx, request).await
        };
        // Whatever is listed by its age has one.
        self.clock.advance(Duration::from_secs(1));
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        (response.status, body)
    }

    /// Like [`Self::control`], for what must succeed; remembers the answer's id as `name`.
    pub(crate) async fn make(&self, name: &str, line: &str) -> Value {
        let (status, body) = self.control(line).await;
        assert!(status < 300, "{line}: {status} {body}");
        self.remember(name, &body);
        body
    }

    fn remember(&self, name: &str, body: &Value) {
        let mut names = self.names.lock().unwrap();
        for (key, suffix) in [
            ("id", ""),
            ("apiId", ""),
            ("apiMappingId", ""),
            ("routingRuleId", ""),
            ("domainNameId", ""),
            ("authorizerId", ""),
            ("routeId", ""),
            ("routeResponseId", ""),
            ("integrationId", ""),
            ("integrationResponseId", ""),
            ("deploymentId", ""),
            ("modelId", ""),
            ("vpcLinkId", ""),
            ("clientCertificateId", ""),
            ("rootResourceId", "_root"),
            ("position", "_next"),
            ("nextToken", "_next"),
        ] {
            if let Some(id) = body[key].as_str() {
                names.insert(format!("{name}{suffix}"), id.to_owned());
            }
        }
    }

    /// Calls things by the names that another world gave them.
    pub(crate) fn know(&self, other: &Self) {
        self.names.lock().unwrap().clone_from(&other.names.lock().unwrap());
    }

    pub(crate) fn name(&self, name: &str) -> String {
        self.names.lock().unwrap()[name].clone()
    }

    fn fill(&self, line: &str) -> String {
        let names = self.names.lock().unwrap();
        // Longer names first: $api_root before $api.
        names.iter().rev().fold(line.to_owned(), |line, (name, id)| line.replace(&format!("${name}"), id))
    }

    /// Runs a script on the control plane and answers its transcript, which is a script itself: answers are indented,
    /// and indented lines are passed over. A line is `[name =] METHOD /path [json]`; ids that were given names are
    /// shown by them.
    pub(crate) async fn script(&self, script: &str) -> String {
        let mut transcript = String::new();
        for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')) {
            let (name, request) = match line.split_once(" = ") {
                Some((name, request)) if name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                    (Some(name), request)
                }
                _ => (None, line),
            };
            let (status, body) = self.control(request).await;
            if let Some(name) = name {
                self.remember(name, &body);
            }
            let shown = match body.get("message") {
                Some(message) => message.as_str().unwrap_or_default().to_owned(),
                None if body.is_null() => String::new(),
                None => body.to_string(),
            };
            let shown = self.mask(&format!("    {status} {shown}"));
            transcript.push_str(&format!("{line}\n{}\n", shown.trim_end()));
        }
        transcript
    }

    /// Ids by the names they were given.
    pub(crate) fn mask(&self, text: &str) -> String {
        let names = self.names.lock().unwrap();
        names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(id.as_str(), &format!("<{name}>")))
    }

    /// An API named `api` with a method on `path`'s resource whose integration is `integration` (JSON), deployed to
    /// the stage `dev`.
    pub(crate) async fn deploy_one(&self, method: &str, path: &str, integration: &str) {
        self.make("api", r#"POST /restapis {"name":"one"}"#).await;
        self.add_method(method, path, integration).await;
        self.deploy("dev").await;
    }

    /// Adds a method with its integration to the API `api`, making the resources of its path.
    pub(crate) async fn add_method(&self, method: &str, path: &str, integration: &str) {
        let mut at = self.name("api_root");
        let mut walked = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            walked = format!("{walked}/{part}");
            let (_, all) = self.control("GET /restapis/$api/resources?limit=500").await;
            let known = all["item"].as_array().unwrap().iter().find(|item| item["path"] == walked.as_str());
            at = match known {
                Some(item) => item["id"].as_str().unwrap().to_owned(),
                None => {
                    let line = format!(r#"POST /restapis/$api/resources/{at} {{"pathPart":"{part}"}}"#);
                    self.make("resource", &line).await["id"].as_str().unwrap().to_owned()
                }
            };
        }
        let to = format!("/restapis/$api/resources/{at}/methods/{method}");
        self.make("method", &format!(r#"PUT {to} {{"authorizationType":"NONE"}}"#)).await;
        self.make("integration", &format!("PUT {to}/integration {integration}")).await;
        self.names.lock().unwrap().insert("resource".to_owned(), at);
    }

    pub(crate) async fn deploy(&self, stage: &str) {
        let line = format!(r#"POST /restapis/$api/deployments {{"stageName":"{stage}"}}"#);
        self.make("deployment", &line).await;
    }

    /// An AWS_PROXY integration with the function `name`.
    pub(crate) fn lambda(name: &str) -> String {
        serde_json::json!({ "type": "AWS_PROXY", "httpMethod": "POST", "uri": function_uri(name) })
            .to_string()
    }

    pub(crate) fn request(&self, line: &str) -> StageRequest {
        self.request_with(line, &[], "")
    }

    /// A request to `METHOD /stage/path?query` of the API `api`, by its host.
    pub(crate) fn request_with(&self, line: &str, headers: &[(&str, &str)], body: &str) -> StageRequest {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let host = format!("{}.execute-api.localhost:4566", self.name("api"));
        let found = Gateway::parse_target(&host, path).expect("the host names an API");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let method: Method = method.parse().unwrap();
        let body = Bytes::copy_from_slice(body.as_bytes());
        let signed = Signed { method: &method, path, query, host: &host, headers: &map, body: &body };
        // As the server does it when it knows no keys.
        let signature = Keys::default().signature(&signed, self.clock.now());
        let sent = |name: &str| map.get(name).and_then(|value| value.to_str().ok());
        let trace = Trace::sent(sent("x-amzn-trace-id"), sent("traceparent"));
        let trace = trace.unwrap_or_else(|| Trace::at(self.clock.now()));
        StageRequest {
            request_id: RequestId(7),
            trace,
            method,
            api_id: found.api_id.to_owned(),
            stage: found.stage.to_owned(),
            path: found.path.to_owned(),
            style: found.style,
            base_path: None,
            query: query.to_owned(),
            headers: map,
            spelling: wire::Spelling::default(),
            body,
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            signature,
            host: host.clone(),
            protocol: "HTTP/1.1",
            secure: false,
            certificate: None,
        }
    }

    /// `status body`
    pub(crate) async fn get(&self, line: &str) -> String {
        show(&self.gateway.serve(self.request(line)).await)
    }
}

pub(crate) fn show(response: &StageResponse) -> String {
    format!("{} {}", response.status, String::from_utf8_lossy(&response.body))
}

/// Headers of an answer, sorted, without those that differ from call to call.
pub(crate) fn show_headers(response: &StageResponse) -> String {
    let varying = ["x-amz-apigw-id", "x-amzn-trace-id", "x-amzn-requestid"];
    let mut lines: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| !varying.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort_unstable();
    lines.join("; ")
}
