//! API Gateway: what stands between a caller and an integration, beside nginx before the same backend and beside the
//! plain Invoke, in the same run.

use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Plan;
use crate::ceiling::Echo;
use crate::client::{plain, rest, set_up};
use crate::function::{create_function, invoke_path};
use crate::load::{self, Measured};
use crate::peer::Peer;
use crate::report::{Beside, Mark, Report};
use crate::server::{Keeping, Server};

const CONNECTIONS: usize = 16;
/// Bytes that the backend answers.
const ANSWER_BYTES: usize = 128;
/// How many resources the large API has.
const RESOURCES: usize = 300;
const MOCK_PER_SECOND: f64 = 50_000.0;
/// Of what nginx reaches before the same backend.
const PROXY_SHARE: f64 = 0.8;
const DEPLOY_MS: f64 = 50.0;
/// Microseconds that a part of the way may take.
const AROUND_INVOKE_US: f64 = 60.0;
const TEMPLATE_US: f64 = 30.0;
const AUTHORIZER_US: f64 = 10.0;

/// An API and the id of its root.
struct Api<'a> {
    server: &'a Server,
    id: String,
    root: String,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let server = Server::start(&plan.binary, &Keeping::Memory).await?;
    let mut bench = Bench { plan, server: &server, report };
    bench.mock().await?;
    bench.template().await?;
    bench.http_proxy().await?;
    bench.lambda().await?;
    bench.authorizer().await?;
    bench.routes().await
}

struct Bench<'a> {
    plan: &'a Plan,
    server: &'a Server,
    report: &'a mut Report,
}

impl Bench<'_> {
    async fn load(&self, connections: usize, request: Vec<u8>) -> Result<Measured> {
        let source = Rc::new(request);
        load::run(self.server.address, connections, self.plan.seconds, &source, Some(self.server.pid())).await
    }

    async fn mock(&mut self) -> Result<()> {
        if !self.plan.wants("MOCK") {
            return Ok(());
        }
        let api = Api::make(self.server).await?;
        api.add("mock", "GET", &mock("{}")).await?;
        let measured = self.load(CONNECTIONS, plain("GET", &api.deploy("mock").await?, "")).await?;
        self.report.add(
            "MOCK",
            measured,
            Beside { ceiling: None, mark: Some(Mark::PerSecond(MOCK_PER_SECOND)) },
        );
        Ok(())
    }

    /// What a mapping of a body of 2 KB costs: beside the same method with a template that is nearly empty.
    async fn template(&mut self) -> Result<()> {
        if !self.plan.wants("VTL mapping of 2 KB") {
            return Ok(());
        }
        let api = Api::make(self.server).await?;
        let mapping = "#set($in = $input.path('$'))#foreach($item in $in.items){\"id\":\"$item.id\",\
                       \"name\":\"$util.escapeJavaScript($item.name)\"}#end";
        api.add("bare", "POST", &mock("{}")).await?;
        api.add("mapped", "POST", &mock(mapping)).await?;
        let bare = api.deploy("bare").await?;
        let mapped = bare.replace("/bare", "/mapped");
        let items: Vec<Value> = (0..32)
            .map(|n| json!({"id": format!("{n:04}"), "name": "a name of some thirty letters"}))
            .collect();
        let body = json!({ "items": items }).to_string();
        let (with, without) = (plain("POST", &mapped, &body), plain("POST", &bare, &body));
        self.difference("VTL mapping of 2 KB", with, without, TEMPLATE_US).await
    }

    /// What `with` takes beyond `without`.
    async fn difference(&mut self, name: &str, with: Vec<u8>, without: Vec<u8>, mark_us: f64) -> Result<()> {
        let requests = [with, without];
        let [with, without] = load::in_turn(self.server.address, self.plan.seconds, requests).await?;
        let more = with - without;
        let text = format!("{more:.1} us more ({with:.1} beside {without:.1}); the mark is {mark_us:.0} us");
        self.report.note(name, &text);
        Ok(())
    }

    async fn http_proxy(&mut self) -> Result<()> {
        if !self.plan.wants("HTTP_PROXY") {
            return Ok(());
        }
        let echo = Echo::start(ANSWER_BYTES)?;
        let api = Api::make(self.server).await?;
        let uri = format!("http://{}/", echo.address());
        api.add("proxy", "GET", &json!({"type": "HTTP_PROXY", "httpMethod": "GET", "uri": uri})).await?;
        let path = api.deploy("proxy").await?;
        let (mark, nginx) = match nginx(echo.address()).await {
            Ok((peer, _folder)) => {
                let source = Rc::new(plain("GET", "/", ""));
                let found = load::run(peer.address, CONNECTIONS, self.plan.seconds, &source, None).await?;
                (Some(Mark::PerSecond(found.per_second * PROXY_SHARE)), Some(found))
            }
            Err(why) => {
                self.report.note("nginx", &format!("not measured: {why:#}"));
                (None, None)
            }
        };
        if let Some(nginx) = &nginx {
            self.report.add("nginx before the same backend", nginx.clone(), Beside::default());
        }
        let measured = self.load(CONNECTIONS, plain("GET", &path, "")).await?;
        self.report.add("HTTP_PROXY", measured, Beside { ceiling: nginx, mark });
        Ok(())
    }

    /// A stage URL of either protocol before a function, beside the function's Invoke.
    async fn lambda(&mut self) -> Result<()> {
        if !self.plan.wants("AWS_PROXY") && !self.plan.wants("HTTP API") {
            return Ok(());
        }
        let code = "exports.handler = async (e) => ({ statusCode: 200, body: e.body });";
        create_function(self.server, "echo", "nodejs20.x", code).await?;
        allow_gateway(self.server, "echo").await?;
        let event = json!({"body": crate::function::EVENT}).to_string();
        let invoke = rest("lambda", "POST", &invoke_path("echo"), &event);
        let api = Api::make(self.server).await?;
        api.add(
            "echo",
            "POST",
            &json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": function_uri("echo")}),
        )
        .await?;
        let path = api.deploy("echo").await?;
        let proxied = plain("POST", &path, crate::function::EVENT);
        self.difference("AWS_PROXY around the Invoke", proxied, invoke.clone(), AROUND_INVOKE_US).await?;
        let quick =
            json!({"name": "quick", "protocolType": "HTTP", "target": function_arn("echo")}).to_string();
        let made = set_up(self.server.address, &rest("apigateway", "POST", "/v2/apis", &quick)).await?;
        let id = made["apiId"].as_str().context("an API's id")?;
        let path = format!("/restapis/{id}/$default/_user_request_/");
        let called = plain("POST", &path, crate::function::EVENT);
        self.difference("HTTP API around the Invoke", called, invoke, AROUND_INVOKE_US).await
    }

    /// What the decision of a function costs that was asked once and is remembered.
    async fn authorizer(&mut self) -> Result<()> {
        const NAME: &str = "cached authorizer";
        if !self.plan.wants(NAME) {
            return Ok(());
        }
        let code = "exports.handler = async (e) => ({ principalId: 'p', policyDocument: { Version: '2012-10-17', \
                    Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: '*' }] } });";
        create_function(self.server, "guard", "nodejs20.x", code).await?;
        allow_gateway(self.server, "guard").await?;
        let api = Api::make(self.server).await?;
        let authorizer = json!({"name": "guard", "type": "TOKEN", "authorizerUri": function_uri("guard"),
            "identitySource": "method.request.header.authorization", "authorizerResultTtlInSeconds": 3600});
        let path = format!("/restapis/{}/authorizers", api.id);
        let made = control(self.server, "POST", &path, &authorizer).await?;
        api.add("open", "GET", &mock("{}")).await?;
        let guarded = json!({"authorizationType": "CUSTOM", "authorizerId": made["id"]});
        api.add_method("guarded", "GET", &guarded, &mock("{}")).await?;
        let open = api.deploy("open").await?;
        let with_token = |path: &str| {
            let request = String::from_utf8_lossy(&plain("GET", path, "")).into_owned();
            request.replacen("\r\n", "\r\nauthorization: token\r\n", 1).into_bytes()
        };
        let (with, without) = (with_token(&open.replace("/open", "/guarded")), with_token(&open));
        self.difference(NAME, with, without, AUTHORIZER_US).await
    }

    /// How long a large API takes to deploy, and whether its requests take longer than those of a small one.
    async fn routes(&mut self) -> Result<()> {
        if !self.plan.wants("routes") {
            return Ok(());
        }
        let api = Api::make(self.server).await?;
        api.add("r000", "GET", &mock("{}")).await?;
        let path = api.deploy("r000").await?;
        let few = plain("GET", &path, "");
        let large = Api::make(self.server).await?;
        // The root is one of them.
        for n in 1..RESOURCES {
            large.add(&format!("r{n:03}"), "GET", &mock("{}")).await?;
        }
        let begin = Instant::now();
        let path = large.deploy("r150").await?;
        let ms = begin.elapsed().as_secs_f64() * 1000.0;
        let text = format!("{ms:.1} ms; the mark is {DEPLOY_MS:.0} ms");
        self.report.note("routes: deploying 300 resources", &text);
        let many = plain("GET", &path, "");
        let [many, few] = load::in_turn(self.server.address, self.plan.seconds, [many, few]).await?;
        let text = format!("{few:.1} us with one resource, {many:.1} us with {RESOURCES}");
        self.report.note("routes: p50 of MOCK", &text);
        Ok(())
    }
}

fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{function}")
}

fn function_uri(function: &str) -> String {
    let arn = function_arn(function);
    format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations")
}

async fn allow_gateway(server: &Server, function: &str) -> Result<()> {
    let permission = json!({
        "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"});
    let policy = format!("/2015-03-31/functions/{function}/policy");
    set_up(server.address, &rest("lambda", "POST", &policy, &permission.to_string())).await.map(drop)
}

/// A MOCK that answers 200 after `template` was rendered with its request.
fn mock(template: &str) -> Value {
    json!({
        "type": "MOCK",
        "requestTemplates": {"application/json": format!("{{\"statusCode\":200}}{}", discarded(template))},
    })
}

/// A template's work without its text.
fn discarded(template: &str) -> String {
    if template == "{}" { String::new() } else { format!("#set($made = \"{}\")", template.replace('"', "'")) }
}

impl<'a> Api<'a> {
    async fn make(server: &'a Server) -> Result<Self> {
        let made = control(server, "POST", "/restapis", &json!({"name": "bench"})).await?;
        let id = made["id"].as_str().context("an API's id")?.to_owned();
        let root = made["rootResourceId"].as_str().context("a root's id")?.to_owned();
        Ok(Self { server, id, root })
    }

    /// A resource below the root with one method, and answers 200.
    async fn add(&self, part: &str, verb: &str, integration: &Value) -> Result<()> {
        self.add_method(part, verb, &json!({"authorizationType": "NONE"}), integration).await
    }

    async fn add_method(&self, part: &str, verb: &str, settings: &Value, integration: &Value) -> Result<()> {
        let path = format!("/restapis/{}/resources/{}", self.id, self.root);
        let made = control(self.server, "POST", &path, &json!({"pathPart": part})).await?;
        let resource = made["id"].as_str().context("a resource's id")?;
        let method = format!("/restapis/{}/resources/{resource}/methods/{verb}", self.id);
        control(self.server, "PUT", &method, settings).await?;
        control(self.server, "PUT", &format!("{method}/integration"), integration).await?;
        if integration["type"] == "MOCK" {
            control(self.server, "PUT", &format!("{method}/responses/200"), &json!({})).await?;
            control(self.server, "PUT", &format!("{method}/integration/responses/200"), &json!({})).await?;
        }
        Ok(())
    }

    /// The path of a resource below the root on a stage that is deployed now.
    async fn deploy(&self, part: &str) -> Result<String> {
        let path = format!("/restapis/{}/deployments", self.id);
        control(self.server, "POST", &path, &json!({"stageName": "dev"})).await?;
        Ok(format!("/restapis/{}/dev/_user_request_/{part}", self.id))
    }
}

async fn control(server: &Server, method: &str, path: &str, body: &Value) -> Result<Value> {
    set_up(server.address, &rest("apigateway", method, path, &body.to_string())).await
}

/// nginx with one worker and connections that are kept, before `backend`. The folder holds what it writes.
async fn nginx(backend: SocketAddr) -> Result<(Peer, TempDir)> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {place}/{kind}; "))
        .collect();
    // The port stands in the file, and the file is written by the shell that knows it.
    let config = format!(
        "daemon off; worker_processes 1; pid {place}/pid; error_log {place}/errors; events {{ worker_connections 1024; }} \
         http {{ access_log off; keepalive_requests 1000000000; {temporary} upstream backend {{ server {backend}; keepalive 64; keepalive_requests 1000000000; }} \
         server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}"
    );
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, config)?;
    let program = std::env::var("NGINX").unwrap_or_else(|_| "nginx".to_owned());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("sed -i \"s/PORT/$2/\" \"$1\" && exec \"$0\" -p \"$(dirname \"$1\")\" -c \"$1\"");
    shell.arg(program).arg(&path);
    Ok((Peer::start(shell, &["{port}"]).await?, folder))
}
