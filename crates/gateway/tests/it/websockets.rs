//! WebSocket APIs: handshakes, events, routes and what they answer, limits, `@connections`, several nodes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect, expect_file};
use gateway::Handshake;
use serde_json::{Value, json};
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::authorizers::signature;
use crate::backends::backend;
use crate::world::{Play, World, function_uri, show, show_headers};

const HANDSHAKE: [(&str, &str); 6] = [
    ("host", "localhost"),
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("user-agent", "test"),
];

/// An API `api` with the stage `dev`, whose routes call the functions of their names, without the dollar.
async fn world(routes: &[&str]) -> World {
    world_on(World::new(), routes).await
}

async fn world_on(world: World, routes: &[&str]) -> World {
    let api = r#"POST /v2/apis {"name":"chat","protocolType":"WEBSOCKET","routeSelectionExpression":"$request.body.action"}"#;
    world.make("api", api).await;
    for route in routes {
        let name = route.trim_start_matches('$');
        let uri = function_uri(name);
        add_route(&world, route, &format!(r#"{{"integrationType":"AWS_PROXY","integrationUri":"{uri}"}}"#))
            .await;
        world.functions.set(name, Play::Answer(r#"{"statusCode":200,"body":"said"}"#));
    }
    world.make("deployed", r#"POST /v2/apis/$api/stages {"stageName":"dev","autoDeploy":true}"#).await;
    world
}

async fn add_route(world: &World, key: &str, integration: &str) {
    world.make("integration", &format!("POST /v2/apis/$api/integrations {integration}")).await;
    let line =
        format!(r#"POST /v2/apis/$api/routes {{"routeKey":"{key}","target":"integrations/$integration"}}"#);
    world.make("route", &line).await;
}

/// What the last route answers is said to the client.
async fn make_two_way(world: &World) {
    world
        .make("r", r#"PATCH /v2/apis/$api/routes/$route {"routeResponseSelectionExpression":"$default"}"#)
        .await;
    world
        .make("r", r#"POST /v2/apis/$api/routes/$route/routeresponses {"routeResponseKey":"$default"}"#)
        .await;
}

/// The client's end.
struct Socket {
    stream: DuplexStream,
    id: String,
}

async fn handshake(world: &World, line: &str, headers: &[(&str, &str)]) -> Handshake {
    let headers: Vec<_> = HANDSHAKE.iter().chain(headers).copied().collect();
    world.gateway.connect(world.request_with(line, &headers, "")).await
}

async fn connect(world: &World) -> Socket {
    let Handshake::Accepted { headers, session } = handshake(world, "GET /dev?q=1", &[]).await else {
        panic!("no WebSocket")
    };
    assert_eq!(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let (stream, theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(session(Some((Box::new(theirs), bytes::Bytes::new()))));
    let mut socket = Socket { stream, id: String::new() };
    // It is there when it answers.
    socket.send(0x89, b"").await;
    assert_eq!(socket.next().await, "pong ");
    if world.functions.count() > 0 {
        let context = &event(world)["requestContext"];
        socket.id = context["connectionId"].as_str().unwrap_or_default().to_owned();
    }
    socket
}

async fn refused(world: &World, line: &str, headers: &[(&str, &str)]) -> String {
    match handshake(world, line, headers).await {
        Handshake::Refused(response) => mask(&show(&response)),
        Handshake::Accepted { .. } => "accepted".to_owned(),
    }
}

fn event(world: &World) -> Value {
    serde_json::from_slice(&world.functions.last_call().payload).unwrap()
}

/// Ids differ from run to run: they are sixteen characters of base64.
fn mask(text: &str) -> String {
    let parts = text.split('"').map(|part| if part.len() == 16 && part.ends_with('=') { "ID" } else { part });
    parts.collect::<Vec<_>>().join("\"")
}

impl Socket {
    async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
            medium @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn say(&mut self, text: &str) {
        self.send(0x81, text.as_bytes()).await;
    }

    /// What the next frame is, with ids masked; `end` when there is none.
    async fn next(&mut self) -> String {
        let mut head = [0; 2];
        if self.stream.read_exact(&mut head).await.is_err() {
            return "end".to_owned();
        }
        let length = match head[1] {
            126 => u64::from(self.stream.read_u16().await.unwrap()),
            127 => self.stream.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.unwrap();
        match head[0] {
            0x81 => format!("text {}", mask(&String::from_utf8(payload).unwrap())),
            0x8a => format!("pong {}", String::from_utf8(payload).unwrap()),
            0x88 if payload.is_empty() => "close".to_owned(),
            0x88 => {
                let (code, reason) = payload.split_first_chunk::<2>().unwrap();
                format!("close {} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason))
            }
            other => format!("frame {other:#x} of {length}"),
        }
    }
}

/// Waits for `function` to be called `times` times.
async fn called(world: &World, times: usize) {
    while world.functions.count() < times {
        tokio::task::yield_now().await;
    }
}

fn signed(world: &World, line: &str, body: &str) -> gateway::StageRequest {
    let signed = "AWS4-HMAC-SHA256 Credential=000000000000/20261123/us-east-1/execute-api/aws4_request, \
                  SignedHeaders=host, Signature=00";
    world.request_with(line, &[("authorization", signed)], body)
}

async fn manage(world: &World, line: &str, body: &str) -> gateway::StageResponse {
    world.gateway.serve(signed(world, line, body)).await
}

#[tokio::test]
async fn messages_go_where_the_selection_says() {
    let world = world(&["$connect", "$default", "go"]).await;
    make_two_way(&world).await;
    let mut socket = connect(&world).await;
    for (message, route) in [
        (r#"{"action":"go","n":1}"#, "go"),
        (r#"{"action":"other"}"#, "$default"),
        (r#"{"action":"$connect"}"#, "$default"),
        (r#"{"n":1}"#, "$default"),
        ("no JSON", "$default"),
    ] {
        let before = world.functions.count();
        socket.say(message).await;
        called(&world, before + 1).await;
        let event = event(&world);
        assert_eq!(
            (event["requestContext"]["routeKey"].as_str(), event["body"].as_str()),
            (Some(route), Some(message))
        );
        let arn = world.functions.last_call().source.unwrap().source_arn;
        assert!(arn.ends_with(&format!("/dev/{route}")), "{arn}");
        // Only `go` is a two-way route.
        if route == "go" {
            assert_eq!(socket.next().await, "text said");
        }
    }
    socket.send(0x89, b"ping").await;
    assert_eq!(socket.next().await, "pong ping", "nothing was said of the one-way routes");
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let world = world(&["$connect", "go"]).await;
    let mut socket = connect(&world).await;
    socket.say(r#"{"action":"other"}"#).await;
    assert_eq!(
        socket.next().await,
        r#"text {"message": "Forbidden", "connectionId":"ID", "requestId":"ID"}"#
    );
    for play in [Play::Fail(r#"{"errorMessage":"no"}"#), Play::Answer("null"), Play::Answer(r#"{"n":1}"#)] {
        world.functions.set("go", play);
        socket.say(r#"{"action":"go"}"#).await;
        let said = r#"text {"message": "Internal server error", "connectionId":"ID", "requestId":"ID"}"#;
        assert_eq!(socket.next().await, said);
    }
    world.functions.set("go", Play::Hang);
    socket.say(r#"{"action":"go"}"#).await;
    called(&world, 5).await;
    world.clock.advance(Duration::from_secs(29));
    let said = r#"text {"message": "Endpoint request timed out", "connectionId":"ID", "requestId":"ID"}"#;
    assert_eq!(socket.next().await, said);
}

fn check_event(event: &Value, expected: &Expect) {
    let mut lines = Vec::new();
    flatten("", event, &mut lines);
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

/// One line a member, so that a difference is seen.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                flatten(&format!("{path}.{name}"), member, lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().for_each(|item| flatten(&format!("{path}[]"), item, lines));
        }
        _ if path.contains("Trace-Id") => lines.push(format!("{path} TRACE")),
        _ if path.ends_with(".apiId") => lines.push(format!("{path} API")),
        _ => lines.push(mask(&format!("{path} {value}")).replace(&host_of(value), "HOST")),
    }
}

fn host_of(value: &Value) -> String {
    let host = value.as_str().filter(|text| text.contains(".execute-api.")).unwrap_or("\0");
    host.to_owned()
}

#[tokio::test]
async fn events_to_the_last_field() {
    let world = world(&["$connect", "$default", "$disconnect"]).await;
    let mut socket = connect(&world).await;
    check_event(&event(&world), &connect_event());
    world.clock.advance(Duration::from_secs(5));
    socket.say("hello").await;
    called(&world, 2).await;
    check_event(&event(&world), &message_event());
    socket.send(0x88, b"").await;
    assert_eq!(socket.next().await, "close");
    called(&world, 3).await;
    check_event(&event(&world), &disconnect_event());
}

fn connect_event() -> Expect {
    expect![[r#"
        .headers.Host "localhost"
        .headers.Sec-Websocket-Key "dGhlIHNhbXBsZSBub25jZQ=="
        .headers.Sec-Websocket-Version "13"
        .headers.User-Agent "test"
        .headers.X-Amzn-Trace-Id TRACE
        .headers.X-Forwarded-For "127.0.0.1"
        .headers.X-Forwarded-Port "4566"
        .headers.X-Forwarded-Proto "http"
        .isBase64Encoded false
        .multiValueHeaders.Host[] "localhost"
        .multiValueHeaders.Sec-Websocket-Key[] "dGhlIHNhbXBsZSBub25jZQ=="
        .multiValueHeaders.Sec-Websocket-Version[] "13"
        .multiValueHeaders.User-Agent[] "test"
        .multiValueHeaders.X-Amzn-Trace-Id[] TRACE
        .multiValueHeaders.X-Forwarded-For[] "127.0.0.1"
        .multiValueHeaders.X-Forwarded-Port[] "4566"
        .multiValueHeaders.X-Forwarded-Proto[] "http"
        .multiValueQueryStringParameters.q[] "1"
        .queryStringParameters.q "1"
        .requestContext.apiId API
        .requestContext.connectedAt 1795454468123
        .requestContext.connectionId "ID"
        .requestContext.domainName "HOST"
        .requestContext.eventType "CONNECT"
        .requestContext.extendedRequestId "ID"
        .requestContext.identity.sourceIp "127.0.0.1"
        .requestContext.identity.userAgent "test"
        .requestContext.messageDirection "IN"
        .requestContext.requestId "ID"
        .requestContext.requestTime "23/Nov/2026:17:21:08 +0000"
        .requestContext.requestTimeEpoch 1795454468123
        .requestContext.routeKey "$connect"
        .requestContext.stage "dev"
    "#]]
}

fn message_event() -> Expect {
    expect![[r#"
        .body "hello"
        .isBase64Encoded false
        .requestContext.apiId API
        .requestContext.connectedAt 1795454468123
        .requestContext.connectionId "ID"
        .requestContext.domainName "HOST"
        .requestContext.eventType "MESSAGE"
        .requestContext.extendedRequestId "ID"
        .requestContext.identity.sourceIp "127.0.0.1"
        .requestContext.identity.userAgent "test"
        .requestContext.messageDirection "IN"
        .requestContext.messageId "ID"
        .requestContext.requestId "ID"
        .requestContext.requestTime "23/Nov/2026:17:21:13 +0000"
        .requestContext.requestTimeEpoch 1795454473123
        .requestContext.routeKey "$default"
        .requestContext.stage "dev"
    "#]]
}

fn disconnect_event() -> Expect {
    expect![[r#"
        .headers.Host "HOST"
        .headers.X-Forwarded-For ""
        .headers.x-api-key ""
        .headers.x-restapi ""
        .isBase64Encoded false
        .multiValueHeaders.Host[] "HOST"
        .multiValueHeaders.X-Forwarded-For[] ""
        .multiValueHeaders.x-api-key[] ""
        .multiValueHeaders.x-restapi[] ""
        .requestContext.apiId API
        .requestContext.connectedAt 1795454468123
        .requestContext.connectionId "ID"
        .requestContext.disconnectReason "Client-side close frame status not set"
        .requestContext.disconnectStatusCode 1005
        .requestContext.domainName "HOST"
        .requestContext.eventType "DISCONNECT"
        .requestContext.extendedRequestId "ID"
        .requestContext.identity.sourceIp "127.0.0.1"
        .requestContext.identity.userAgent "test"
        .requestContext.messageDirection "IN"
        .requestContext.requestId "ID"
        .requestContext.requestTime "23/Nov/2026:17:21:13 +0000"
        .requestContext.requestTimeEpoch 1795454473123
        .requestContext.routeKey "$disconnect"
        .requestContext.stage "dev"
    "#]]
}

#[tokio::test]
async fn handshakes_that_are_refused() {
    let world = world(&["$connect"]).await;
    let version = [("sec-websocket-version", "8")];
    let forbidden = r#"403 {"message": "Forbidden", "connectionId":"ID", "requestId":"ID"}"#;
    assert_eq!(refused(&world, "GET /none", &[]).await, forbidden);
    assert_eq!(refused(&world, "GET /dev/deeper", &[]).await, forbidden);
    assert_eq!(mask(&world.get("GET /dev").await), forbidden, "without asking for a WebSocket");
    let bad = r#"400 {"message": "Bad Request", "connectionId":"ID", "requestId":"ID"}"#;
    assert_eq!(refused(&world, "GET /dev", &[("sec-websocket-key", "second")]).await, bad);
    let headers: Vec<_> = HANDSHAKE[..3].iter().chain(&version).copied().collect();
    let answer = world.gateway.connect(world.request_with("GET /dev", &headers, "")).await;
    let Handshake::Refused(response) = answer else { panic!("another version") };
    assert_eq!((response.status, &response.headers["sec-websocket-version"]), (426, &"13".parse().unwrap()));
    for (play, expected) in [
        (Play::Answer(r#"{"statusCode":401,"body":"who are you?"}"#), "401 who are you?"),
        (
            Play::Fail(r#"{"errorMessage":"no"}"#),
            r#"502 {"message": "Internal server error", "connectionId":"ID", "requestId":"ID"}"#,
        ),
        (
            Play::Answer("null"),
            r#"502 {"message": "Internal server error", "connectionId":"ID", "requestId":"ID"}"#,
        ),
        (Play::Answer("{}"), "accepted"),
    ] {
        world.functions.set("connect", play);
        assert_eq!(refused(&world, "GET /dev", &[]).await, expected);
    }
}

#[tokio::test]
async fn the_connect_route_chooses_the_protocol() {
    let world = world(&["$connect"]).await;
    world
        .functions
        .set("connect", Play::Answer(r#"{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"b"}}"#));
    let Handshake::Accepted { headers, .. } =
        handshake(&world, "GET /dev", &[("sec-websocket-protocol", "a, b")]).await
    else {
        panic!("no WebSocket")
    };
    assert_eq!(headers["sec-websocket-protocol"], "b");
}

#[tokio::test]
async fn clients_that_leave_before_the_answer_are_disconnected() {
    let world = world(&["$connect", "$disconnect"]).await;
    let Handshake::Accepted { session, .. } = handshake(&world, "GET /dev", &[]).await else {
        panic!("no WebSocket")
    };
    session(None).await;
    assert_eq!(event(&world)["requestContext"]["disconnectStatusCode"], 1006);
}

#[tokio::test]
async fn authorizers_are_asked_once() {
    let world = world(&["$connect", "$default"]).await;
    let uri = function_uri("auth");
    let authorizer = format!(
        r#"POST /v2/apis/$api/authorizers {{"name":"a","authorizerType":"REQUEST","authorizerUri":"{uri}","identitySource":["route.request.querystring.token"]}}"#
    );
    let made = world.make("authorizer", &authorizer).await;
    let (_, routes) = world.control("GET /v2/apis/$api/routes").await;
    let items = routes["items"].as_array().unwrap();
    let route = items.iter().find(|route| route["routeKey"] == "$connect").unwrap();
    let line = format!(
        r#"PATCH /v2/apis/$api/routes/{} {{"authorizationType":"CUSTOM","authorizerId":"{}"}}"#,
        route["routeId"].as_str().unwrap(),
        made["authorizerId"].as_str().unwrap()
    );
    world.make("r", &line).await;
    let answers = |effect: &str| {
        let policy = r#""Statement":{"Action":"execute-api:Invoke","Resource":"*","Effect":"#;
        let answer = format!(
            r#"{{"principalId":"u","policyDocument":{{{policy}"{effect}"}}}},"context":{{"role":"admin","n":7}}}}"#
        );
        Play::Answer(Box::leak(answer.into_boxed_str()))
    };
    world.functions.set("auth", answers("Deny"));
    let said = |text: &str| format!(r#"{text}", "connectionId":"ID", "requestId":"ID"}}"#);
    assert_eq!(refused(&world, "GET /dev", &[]).await, said(r#"401 {"message": "Unauthorized"#));
    assert_eq!(
        refused(&world, "GET /dev?token=t", &[]).await,
        said(r#"403 {"message": "User is not authorized to access this resource with an explicit deny"#)
    );
    let asked = event(&world);
    assert_eq!(asked["type"], "REQUEST");
    assert!(asked["methodArn"].as_str().unwrap().ends_with("/dev/$connect"), "{asked}");
    assert_eq!(asked["queryStringParameters"]["token"], "t");
    world.functions.set("auth", Play::Fail(r#"{"errorMessage":"Unauthorized"}"#));
    assert_eq!(refused(&world, "GET /dev?token=t", &[]).await, said(r#"401 {"message": "Unauthorized"#));
    world.functions.set("auth", answers("Allow"));
    let Handshake::Accepted { session, .. } = handshake(&world, "GET /dev?token=t", &[]).await else {
        panic!("no WebSocket")
    };
    let (stream, theirs) = tokio::io::duplex(4096);
    tokio::spawn(session(Some((Box::new(theirs), bytes::Bytes::new()))));
    let before = world.functions.count();
    Socket { stream, id: String::new() }.say("hello").await;
    called(&world, before + 1).await;
    let known = &event(&world)["requestContext"]["authorizer"];
    assert_eq!(
        (&known["principalId"], &known["role"], &known["n"]),
        (&"u".into(), &"admin".into(), &"7".into())
    );
}

#[tokio::test]
async fn mocks_and_templates_answer() {
    let world = world(&[]).await;
    let mock = r##"{"integrationType":"MOCK","requestTemplates":{"$default":"{\"statusCode\":200}"},"templateSelectionExpression":"\\$default"}"##;
    add_route(&world, "echo", mock).await;
    let response = r##"{"integrationResponseKey":"$default","responseTemplates":{"$default":"$context.routeKey $context.eventType $context.identity.sourceIp $stageVariables.v"}}"##;
    world
        .make("x", &format!("POST /v2/apis/$api/integrations/$integration/integrationresponses {response}"))
        .await;
    make_two_way(&world).await;
    world.make("r", r#"PATCH /v2/apis/$api/stages/dev {"stageVariables":{"v":"w"}}"#).await;
    let uri = function_uri("f");
    let template = r##"{\"said\":$input.json('$.text')}"##;
    add_route(
        &world,
        "plain",
        &format!(
            r#"{{"integrationType":"AWS","integrationUri":"{uri}","requestTemplates":{{"x":"{template}"}},"templateSelectionExpression":"${{request.body.kind}}"}}"#
        ),
    )
    .await;
    for (key, text) in
        [("$default", "ok $input.path('$.a')"), ("/bad.*/", "error $input.path('$.errorMessage')")]
    {
        let line = format!(
            r#"POST /v2/apis/$api/integrations/$integration/integrationresponses {{"integrationResponseKey":"{key}","responseTemplates":{{"$default":"{text}"}}}}"#
        );
        world.make("x", &line).await;
    }
    make_two_way(&world).await;
    let mut socket = connect(&world).await;
    socket.say(r#"{"action":"echo"}"#).await;
    assert_eq!(socket.next().await, "text echo MESSAGE 127.0.0.1 w");
    world.functions.set("f", Play::Answer(r#"{"a":"b"}"#));
    socket.say(r#"{"action":"plain","kind":"x","text":"hi"}"#).await;
    assert_eq!(socket.next().await, "text ok b");
    assert_eq!(event(&world), json!({"said": "hi"}));
    world.functions.set("f", Play::Fail(r#"{"errorMessage":"bad luck"}"#));
    socket.say(r#"{"action":"plain","kind":"y"}"#).await;
    assert_eq!(socket.next().await, "text error bad luck");
    assert_eq!(event(&world)["action"], "plain", "without a template the message is passed through");
}

/// Who signed the handshake is known as long as the connection is open.
#[tokio::test]
async fn who_signs_is_told() {
    let world = world(&["$connect", "$default"]).await;
    patch_route(&world, "$connect", r#"{"authorizationType":"AWS_IAM"}"#).await;
    let mock = r##"{"integrationType":"MOCK","requestTemplates":{"$default":"{\"statusCode\":200}"},"templateSelectionExpression":"\\$default"}"##;
    add_route(&world, "who", mock).await;
    let response = r##"{"integrationResponseKey":"$default","responseTemplates":{"$default":"$context.identity.caller $context.identity.userArn"}}"##;
    world
        .make("x", &format!("POST /v2/apis/$api/integrations/$integration/integrationresponses {response}"))
        .await;
    make_two_way(&world).await;
    let said = |text: &str| format!(r#"403 {{"message": "{text}", "connectionId":"ID", "requestId":"ID"}}"#);
    assert_eq!(refused(&world, "GET /dev", &[]).await, said("Missing Authentication Token"));
    let of = |account, service| signature(account, service);
    let other = of("000000000000", "lambda");
    let answer = refused(&world, "GET /dev", &[("authorization", &other)]).await;
    assert!(answer.contains("Credential should be scoped to correct service: 'execute-api'"), "{answer}");
    let stranger = of("111111111111", "execute-api");
    let answer = refused(&world, "GET /dev", &[("authorization", &stranger)]).await;
    assert!(answer.starts_with("403 "), "{answer}");
    assert_eq!(world.functions.count(), 0, "nobody who was refused is heard of");

    let own = of("000000000000", "execute-api");
    let Handshake::Accepted { session, .. } = handshake(&world, "GET /dev", &[("authorization", &own)]).await
    else {
        panic!("no WebSocket")
    };
    let identity = &event(&world)["requestContext"]["identity"];
    let root = "arn:aws:iam::000000000000:root";
    let known =
        ["accountId", "caller", "user", "accessKey", "userArn"].map(|name| identity[name].as_str().unwrap());
    assert_eq!(known, ["000000000000", "000000000000", "000000000000", "000000000000", root]);
    let (stream, theirs) = tokio::io::duplex(4096);
    tokio::spawn(session(Some((Box::new(theirs), bytes::Bytes::new()))));
    let mut socket = Socket { stream, id: String::new() };
    socket.say(r#"{"action":"who"}"#).await;
    assert_eq!(socket.next().await, format!("text 000000000000 {root}"));
}

/// HTTP backends: a proxy's answer comes as it is, another's as the responses say by its status.
#[tokio::test]
async fn http_backends_answer() {
    let world = world(&["$connect"]).await;
    let at = backend().await;
    let parameters = r#""requestParameters":{"integration.request.header.x-a":"stageVariables.v","integration.request.querystring.q":"route.request.body.text","integration.request.path.part":"context.routeKey"}"#;
    add_route(&world, "raw", &format!(r#"{{"integrationType":"HTTP_PROXY","integrationMethod":"POST","integrationUri":"http://{at}/{{part}}",{parameters}}}"#)).await;
    make_two_way(&world).await;
    let template = r##""requestTemplates":{"$default":"<$input.path('$.text')>"},"templateSelectionExpression":"\\$default""##;
    add_route(&world, "made", &format!(r#"{{"integrationType":"HTTP","integrationMethod":"PUT","integrationUri":"http://{at}/${{stageVariables.v}}",{template}}}"#)).await;
    for (key, text) in [("$default", "ok $input.body"), ("/404/", "none $context.routeKey")] {
        let line = format!(
            r#"POST /v2/apis/$api/integrations/$integration/integrationresponses {{"integrationResponseKey":"{key}","responseTemplates":{{"$default":"{text}"}}}}"#
        );
        world.make("x", &line).await;
    }
    make_two_way(&world).await;
    add_route(&world, "dead", r#"{"integrationType":"HTTP_PROXY","integrationMethod":"GET","integrationUri":"http://127.0.0.1:1/"}"#).await;
    make_two_way(&world).await;
    world.make("r", r#"PATCH /v2/apis/$api/stages/dev {"stageVariables":{"v":"there"}}"#).await;
    let mut socket = connect(&world).await;
    socket.say(r#"{"action":"raw","text":"a b"}"#).await;
    let answer = socket.next().await;
    for part in [
        "text POST /raw?q=a%20b",
        "x-a: there",
        "content-type: application/json",
        r#"{"action":"raw","text":"a b"}"#,
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    socket.say(r#"{"action":"made","text":"hi"}"#).await;
    let answer = socket.next().await;
    assert!(answer.starts_with("text ok PUT /there\n") && answer.contains("<hi>"), "{answer}");
    world.make("r", r#"PATCH /v2/apis/$api/stages/dev {"stageVariables":{"v":"404"}}"#).await;
    socket.say(r#"{"action":"made","text":"hi"}"#).await;
    assert_eq!(socket.next().await, "text none made");
    socket.say(r#"{"action":"dead"}"#).await;
    let answer = socket.next().await;
    assert!(answer.contains("Internal server error") || answer.contains("endpoint"), "{answer}");
    socket.say(r#"{"action":"raw","text":"still here"}"#).await;
    assert!(socket.next().await.contains("still%20here"));
}

/// Frames out of rule, and messages in parts, through a stage: each ends the connection with its code, or is taken.
#[tokio::test]
async fn frames_are_held_to_the_rules() {
    let world = world(&["$default"]).await;
    let part = vec![b'x'; 32 << 10];
    // Four parts of 32 KiB are a message of 128 KiB, the most there may be.
    let mut whole = connect(&world).await;
    for (at, first) in [0x01, 0x00, 0x00, 0x80].into_iter().enumerate() {
        whole.send(first, &part).await;
        assert_eq!(world.functions.count(), 0, "part {at} is no message");
        if at == 1 {
            whole.send(0x89, b"between").await;
            assert_eq!(whole.next().await, "pong between");
        }
    }
    called(&world, 1).await;
    assert_eq!(event(&world)["body"].as_str().unwrap().len(), 128 << 10);

    let unmasked = async |socket: &mut Socket, frame: &[u8]| socket.stream.write_all(frame).await.unwrap();
    for (why, code) in [
        ("a byte more", 1009),
        ("no mask", 1002),
        ("nothing to continue", 1002),
        ("text in a text", 1002),
        ("a ping in parts", 1002),
    ] {
        let mut socket = connect(&world).await;
        match why {
            "a byte more" => {
                for first in [0x01, 0x00, 0x00, 0x00] {
                    socket.send(first, &part).await;
                }
                socket.send(0x80, b"x").await;
            }
            "no mask" => unmasked(&mut socket, &[0x81, 1, b'x']).await,
            "nothing to continue" => socket.send(0x80, b"x").await,
            "text in a text" => {
                socket.send(0x01, b"x").await;
                socket.send(0x81, b"y").await;
            }
            _ => socket.send(0x09, b"x").await,
        }
        let end = socket.next().await;
        assert!(end.starts_with(&format!("close {code}")), "{why}: {end}");
        assert_eq!(socket.next().await, "end", "{why}");
    }
    assert_eq!(world.functions.count(), 1, "nothing of it was a message");
}

/// A table behind a route without a function between.
#[tokio::test]
async fn services_are_called() {
    let world = world(&[]).await;
    let uri = "arn:aws:apigateway:${stageVariables.region}:dynamodb:action/PutItem";
    let template = "{\"TableName\":\"t\",\"Item\":{\"id\":{\"S\":$input.json('$.id')}}}";
    let mut put = json!({ "integrationType": "AWS", "integrationMethod": "POST", "integrationUri": uri,
        "requestTemplates": { "$default": template }, "templateSelectionExpression": "\\$default" });
    add_route(&world, "nobody", &put.to_string()).await;
    make_two_way(&world).await;
    put["credentialsArn"] = "arn:aws:iam::000000000000:role/api".into();
    add_route(&world, "put", &put.to_string()).await;
    for (key, text) in [("$default", "kept"), ("/4\\d{2}/", "refused: $input.path('$.message')")] {
        let response = json!({ "integrationResponseKey": key, "responseTemplates": { "$default": text } });
        let line = format!("POST /v2/apis/$api/integrations/$integration/integrationresponses {response}");
        world.make("x", &line).await;
    }
    make_two_way(&world).await;
    world.make("r", r#"PATCH /v2/apis/$api/stages/dev {"stageVariables":{"region":"eu-west-1"}}"#).await;
    let mut socket = connect(&world).await;
    for (status, body, expected) in
        [(200, "{}", "text kept"), (400, r#"{"message":"no such table"}"#, "text refused: no such table")]
    {
        world.services.answer(status, &[("content-type", "application/x-amz-json-1.0")], body.as_bytes());
        socket.say(r#"{"action":"put","id":"a"}"#).await;
        assert_eq!(socket.next().await, expected);
        let (scope, call) = world.services.last_call();
        assert_eq!((scope.region.as_str(), call.service.as_str()), ("eu-west-1", "dynamodb"));
        assert_eq!(call.action.as_deref(), Some("PutItem"));
        assert_eq!(call.body, r#"{"TableName":"t","Item":{"id":{"S":"a"}}}"#);
    }
    socket.say(r#"{"action":"nobody","id":"a"}"#).await;
    assert!(socket.next().await.contains("Internal server error"), "without a role nobody calls");
}

/// Bytes and base64 by `contentHandlingStrategy`, of integrations and of their responses.
#[tokio::test]
async fn bytes_travel_as_text() {
    let world = world(&[]).await;
    let credentials = "arn:aws:iam::000000000000:role/api";
    let at = backend().await;
    let sent = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": format!("http://{at}/"),
        "contentHandlingStrategy": "CONVERT_TO_BINARY" });
    add_route(&world, "$default", &sent.to_string()).await;
    make_two_way(&world).await;
    let cases: [(&str, Option<&str>, &[u8], &str); 9] = [
        ("CONVERT_TO_TEXT", None, b"\xff\xfe", "text //4="),
        ("CONVERT_TO_TEXT", None, b"plain", "text plain"),
        ("CONVERT_TO_TEXT", Some("<$input.body>"), b"\xff\xfe", "text <//4=>"),
        ("CONVERT_TO_BINARY", None, b"aGk=", "text hi"),
        ("CONVERT_TO_BINARY", None, b"\"aGk=\"", "text hi"),
        ("CONVERT_TO_BINARY", None, b"no base64!", "Internal server error"),
        ("CONVERT_TO_BINARY", Some("<$input.body>"), b"aGk=", "Internal server error"),
        ("CONVERT_TO_BINARY", Some("<$input.body>"), b"\xff", "Internal server error"),
        ("", Some("<$input.body>"), b"\xff", "text <\u{fffd}>"),
    ];
    for (number, (handling, template, ..)) in cases.iter().enumerate() {
        let integration = json!({ "integrationType": "AWS", "integrationMethod": "POST", "credentialsArn": credentials,
            "integrationUri": "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem" });
        add_route(&world, &format!("r{number}"), &integration.to_string()).await;
        let mut response = json!({ "integrationResponseKey": "$default", "responseParameters": { "method.response.header.x": "'y'" } });
        if !handling.is_empty() {
            response["contentHandlingStrategy"] = json!(handling);
        }
        if let Some(template) = template {
            response["responseTemplates"] = json!({ "$default": template });
        }
        let line = format!("POST /v2/apis/$api/integrations/$integration/integrationresponses {response}");
        world.make("x", &line).await;
        make_two_way(&world).await;
    }
    let mut socket = connect(&world).await;
    for (number, (handling, template, body, expected)) in cases.iter().enumerate() {
        world.services.answer(200, &[], body);
        socket.say(&format!(r#"{{"action":"r{number}"}}"#)).await;
        let answer = socket.next().await;
        assert!(answer.contains(expected), "{handling} {template:?} {body:?}: {answer}");
    }
    socket.say("aGkgdGhlcmU=").await;
    let answer = socket.next().await;
    assert!(answer.starts_with("text POST /\n") && answer.ends_with("hi there"), "{answer}");
    socket.say("no base64!").await;
    assert!(socket.next().await.contains("Internal server error"));
}

/// One thread, and a message whose template keeps it busy as long as the limits let it: others are answered meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bomb_holds_nobody_up() {
    let world = world(&[]).await;
    let bomb = "#foreach($a in [1..1000])#foreach($b in [1..1000])#set($x = $a * $b)#end#end";
    let mock = json!({ "integrationType": "MOCK", "requestTemplates": { "$default": bomb },
        "templateSelectionExpression": "\\$default" });
    add_route(&world, "bomb", &mock.to_string()).await;
    make_two_way(&world).await;
    let mut socket = connect(&world).await;
    socket.say(r#"{"action":"bomb"}"#).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&order);
    let other = tokio::spawn(async move { told.lock().unwrap().push("another") });
    let answer = socket.next().await;
    order.lock().unwrap().push("the bomb");
    other.await.unwrap();
    assert!(answer.contains("Internal server error"), "{answer}");
    assert_eq!(*order.lock().unwrap(), ["another", "the bomb"]);
}

#[tokio::test]
async fn limits_close_with_their_codes() {
    let world = world(&["$connect", "$disconnect"]).await;
    let large = vec![b'x'; 33 << 10];
    for (first, payload, code) in [
        (0x81, &large[..], "close 1009 Message too big"),
        (0x82, b"b", "close 1003 Binary frames are not supported"),
        (0xc1, b"b", "close 1002 Reserved bits must be 0"),
        (0x81, b"\xff", "close 1007 Invalid frame payload data"),
        (0x88, b"\x0f\xa1bye", "close 4001 bye"),
    ] {
        let mut socket = connect(&world).await;
        let before = world.functions.count();
        socket.send(first, payload).await;
        assert_eq!(socket.next().await, code);
        assert_eq!(socket.next().await, "end");
        drop(socket);
        called(&world, before + 1).await;
        let told = event(&world)["requestContext"].clone();
        let expected =
            format!("close {} {}", told["disconnectStatusCode"], told["disconnectReason"].as_str().unwrap());
        assert_eq!(code, expected);
    }
}

#[tokio::test]
async fn silence_and_age_end_connections() {
    let world = world(&["$connect"]).await;
    let mut idle = connect(&world).await;
    let mut busy = connect(&world).await;
    for _ in 0..13 {
        world.clock.advance(Duration::from_secs(9 * 60));
        busy.send(0x89, b"x").await;
        assert_eq!(busy.next().await, "pong x");
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(idle.next().await, "close 1001 Going away");
    world.clock.advance(Duration::from_secs(3 * 60));
    assert_eq!(busy.next().await, "close 1001 Going away", "two hours old");
    let mut last = connect(&world).await;
    world.gateway.hang_up();
    assert_eq!(last.next().await, "close 1001 Going away", "the server stops");
}

#[tokio::test]
async fn backends_speak_to_connections() {
    let world = world(&["$connect"]).await;
    let mut socket = connect(&world).await;
    let path = format!("/dev/@connections/{}", socket.id.replace('=', "%3D"));
    let response = manage(&world, &format!("POST {path}"), "hello").await;
    assert_eq!(show(&response), "200 ");
    assert_eq!(socket.next().await, "text hello");
    let large = "x".repeat(70 << 10);
    assert_eq!(manage(&world, &format!("POST {path}"), &large).await.status, 200);
    for frame in ["frame 0x1 of 32768", "frame 0x0 of 32768", "frame 0x80 of 6144"] {
        assert_eq!(socket.next().await, frame);
    }
    let huge = "x".repeat((128 << 10) + 1);
    let response = manage(&world, &format!("POST {path}"), &huge).await;
    assert_eq!(
        (response.status, &response.headers["x-amzn-errortype"]),
        (413, &"PayloadTooLargeException".parse().unwrap())
    );
    let seen: Value = serde_json::from_slice(&manage(&world, &format!("GET {path}"), "").await.body).unwrap();
    assert_eq!(seen["identity"], json!({"sourceIp": "127.0.0.1", "userAgent": "test"}));
    assert!(seen["connectedAt"].as_str().unwrap() <= seen["lastActiveAt"].as_str().unwrap(), "{seen}");
    let unsigned = world.gateway.serve(world.request_with(&format!("POST {path}"), &[], "x")).await;
    assert_eq!(show(&unsigned), r#"403 {"message":"Missing Authentication Token"}"#);
    let other = manage(&world, &format!("POST {}", path.replace("/dev/", "/none/")), "x").await;
    assert_eq!(other.status, 403);
    assert_eq!(manage(&world, &format!("DELETE {path}"), "").await.status, 204);
    assert_eq!(socket.next().await, "close 1000 Connection Closed Normally");
    drop(socket);
    let mut gone = manage(&world, &format!("GET {path}"), "").await;
    while gone.status == 200 {
        tokio::task::yield_now().await;
        gone = manage(&world, &format!("GET {path}"), "").await;
    }
    assert_eq!(show(&gone), "410 ");
    assert!(show_headers(&gone).contains("x-amzn-errortype: GoneException"), "{}", show_headers(&gone));
    let bad = manage(&world, "POST /dev/@connections/abc", "x").await;
    assert_eq!(show(&bad), r#"400 {"message":"Invalid connectionId: abc"}"#);
}

#[tokio::test]
async fn a_closed_endpoint_leaves_custom_domains_open() {
    let world = world(&["$connect"]).await;
    let socket = connect(&world).await;
    world.control(r#"PATCH /v2/apis/$api {"disableExecuteApiEndpoint":true}"#).await;
    let forbidden = r#"403 {"message": "Forbidden", "connectionId":"ID", "requestId":"ID"}"#;
    assert_eq!(refused(&world, "GET /dev", &[]).await, forbidden);
    let path = format!("/dev/@connections/{}", socket.id.replace('=', "%3D"));
    assert_eq!(manage(&world, &format!("GET {path}"), "").await.status, 403);
    let by_domain = |mut request: gateway::StageRequest| {
        request.base_path = Some(String::new());
        request
    };
    let again = world.gateway.connect(by_domain(world.request_with("GET /dev", &HANDSHAKE, ""))).await;
    assert!(matches!(again, Handshake::Accepted { .. }), "{again:?}");
    let seen = world.gateway.serve(by_domain(signed(&world, &format!("GET {path}"), ""))).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn connections_are_reached_from_any_node() {
    let store = Store::memory();
    let first = world_on(World::on(store.clone()).with(gateway::Gateway::sharing), &["$connect"]).await;
    let second = World::on(store).with(gateway::Gateway::sharing);
    second.know(&first);
    let mut socket = connect(&first).await;
    let path = format!("/dev/@connections/{}", socket.id);
    assert_eq!(show(&manage(&second, &format!("POST {path}"), "from afar").await), "200 ");
    assert_eq!(socket.next().await, "text from afar");
    let seen: Value =
        serde_json::from_slice(&manage(&second, &format!("GET {path}"), "").await.body).unwrap();
    assert_eq!(seen["identity"]["userAgent"], "test");
    assert_eq!(manage(&second, &format!("DELETE {path}"), "").await.status, 204);
    assert_eq!(socket.next().await, "close 1000 Connection Closed Normally");
    drop(socket);
    while manage(&second, &format!("POST {path}"), "x").await.status != 410 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn routes_are_throttled() {
    let world = world(&["$connect", "go"]).await;
    let settings = r#"PATCH /v2/apis/$api/stages/dev {"routeSettings":{"go":{"throttlingRateLimit":1,"throttlingBurstLimit":1}}}"#;
    world.make("r", settings).await;
    let mut socket = connect(&world).await;
    socket.say(r#"{"action":"go"}"#).await;
    called(&world, 2).await;
    socket.say(r#"{"action":"go"}"#).await;
    let said = r#"text {"message": "Too Many Requests", "connectionId":"ID", "requestId":"ID"}"#;
    assert_eq!(socket.next().await, said);
}

#[tokio::test]
async fn a_flood_of_messages_waits_in_the_socket() {
    let world = Arc::new(world(&["$connect", "$default"]).await);
    world.functions.set("default", Play::Hang);
    let mut socket = connect(&world).await;
    let flood = tokio::spawn(async move {
        for _ in 0..200 {
            socket.say(&"x".repeat(30_000)).await;
        }
    });
    called(&world, 1 + 32).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.functions.count(), 1 + 32);
    assert!(!flood.is_finished());
    flood.abort();
}

async fn patch_route(world: &World, key: &str, settings: &str) {
    let (_, routes) = world.control("GET /v2/apis/$api/routes").await;
    let items = routes["items"].as_array().unwrap();
    let route = items.iter().find(|route| route["routeKey"] == key).unwrap()["routeId"].as_str().unwrap();
    world.make("r", &format!("PATCH /v2/apis/$api/routes/{route} {settings}")).await;
}

#[tokio::test]
async fn api_keys_let_in() {
    let world = world(&["$connect"]).await;
    patch_route(&world, "$connect", r#"{"apiKeyRequired":true}"#).await;
    world
        .make("key", r#"POST /apikeys {"name":"k","enabled":true,"value":"abcdefghijklmnopqrstuvwx"}"#)
        .await;
    let plan = r#"POST /usageplans {"name":"p","apiStages":[{"apiId":"$api","stage":"dev"}],"quota":{"limit":1,"period":"DAY"}}"#;
    world.make("plan", plan).await;
    world.make("in", r#"POST /usageplans/$plan/keys {"keyId":"$key","keyType":"API_KEY"}"#).await;
    let said = |status: u16, text: &str| {
        format!(r#"{status} {{"message": "{text}", "connectionId":"ID", "requestId":"ID"}}"#)
    };
    assert_eq!(refused(&world, "GET /dev", &[]).await, said(403, "Forbidden"));
    assert_eq!(refused(&world, "GET /dev", &[("x-api-key", "another")]).await, said(403, "Forbidden"));
    let key = [("x-api-key", "abcdefghijklmnopqrstuvwx")];
    assert_eq!(refused(&world, "GET /dev", &key).await, "accepted");
    assert_eq!(event(&world)["requestContext"]["identity"]["apiKey"], "abcdefghijklmnopqrstuvwx");
    assert_eq!(refused(&world, "GET /dev", &key).await, said(429, "Limit Exceeded"));
}

#[tokio::test]
async fn access_logs_tell_of_every_turn() {
    let world = world(&["$connect", "go", "$disconnect"]).await;
    let log = r#"PATCH /v2/apis/$api/stages/dev {"accessLogSettings":{"destinationArn":"arn:aws:logs:us-east-1:000000000000:log-group:chat","format":"$context.eventType $context.routeKey $context.status $context.error.messageString $context.disconnectReason"}}"#;
    world.make("r", log).await;
    let mut socket = connect(&world).await;
    socket.say(r#"{"action":"go"}"#).await;
    called(&world, 2).await;
    socket.say("?").await;
    assert!(socket.next().await.contains("Forbidden"));
    socket.send(0x88, b"").await;
    assert_eq!(socket.next().await, "close");
    called(&world, 3).await;
    let mut lines = Vec::new();
    while lines.len() < 4 {
        lines.extend(world.logs.take("chat"));
        tokio::task::yield_now().await;
    }
    lines.sort();
    let expected = [
        "CONNECT $connect 101 - -",
        "DISCONNECT $disconnect 200 - Client-side close frame status not set",
        "MESSAGE - 403 \"Forbidden\" -",
        "MESSAGE go 200 - -",
    ];
    assert_eq!(lines, expected);
}

/// Every variable that AWS lists for access logs of WebSocket APIs, in alphabetical order.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html>
const VARIABLES: &str = "accountId apiId authenticate.error authenticate.latency authenticate.status authorize.error \
    authorize.latency authorize.status authorizer.error authorizer.integrationLatency authorizer.integrationStatus \
    authorizer.latency authorizer.principalId authorizer.requestId authorizer.role authorizer.status connectedAt \
    connectionId disconnectReason disconnectStatusCode domainName error.message error.messageString error.responseType \
    error.validationErrorString eventType extendedRequestId identity.accountId identity.apiKey identity.apiKeyId \
    identity.caller identity.cognitoAuthenticationProvider identity.cognitoAuthenticationType identity.cognitoIdentityId \
    identity.cognitoIdentityPoolId identity.principalOrgId identity.sourceIp identity.user identity.userAgent \
    identity.userArn integration.error integration.integrationStatus integration.latency integration.requestId \
    integration.status integrationErrorMessage integrationLatency integrationStatus messageDirection messageId requestId \
    requestTime requestTimeEpoch responseLatency routeKey stage status waf.error waf.latency waf.status";

#[tokio::test]
async fn access_logs_know_every_variable() {
    let world = world(&["$connect", "go"]).await;
    patch_route(&world, "$connect", r#"{"authorizationType":"AWS_IAM"}"#).await;
    let format: String =
        VARIABLES.split_whitespace().map(|name| format!("{name}=$context.{name};")).collect();
    let log = json!({ "accessLogSettings": { "format": format,
        "destinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:chat" } });
    world.make("r", &format!("PATCH /v2/apis/$api/stages/dev {log}")).await;
    refused(&world, "GET /dev", &[]).await;
    let own = signature("000000000000", "execute-api");
    let Handshake::Accepted { session, .. } = handshake(&world, "GET /dev", &[("authorization", &own)]).await
    else {
        panic!("no WebSocket")
    };
    let (stream, theirs) = tokio::io::duplex(4096);
    tokio::spawn(session(Some((Box::new(theirs), bytes::Bytes::new()))));
    let mut socket = Socket { stream, id: String::new() };
    world.functions.set("go", Play::Answer("nothing that could be said"));
    socket.say(r#"{"action":"go"}"#).await;
    assert!(socket.next().await.contains("Internal server error"));
    let mut lines = Vec::new();
    while lines.len() < 3 {
        lines.extend(world.logs.take("chat"));
        tokio::task::yield_now().await;
    }
    let steady = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        let is_made = matches!(
            name,
            "apiId"
                | "connectionId"
                | "domainName"
                | "extendedRequestId"
                | "messageId"
                | "requestId"
                | "authorizer.requestId"
                | "integration.requestId"
        );
        format!("{name}={}", if is_made && value != "-" { "ID" } else { value })
    };
    let known = |line: &String| {
        let pairs = line.split_terminator(';').map(steady).filter(|pair| !pair.ends_with("=-"));
        pairs.collect::<Vec<_>>().join("\n")
    };
    expect_file!["./access_logs/websocket.txt"]
        .assert_eq(&lines.iter().map(known).collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn execution_logs_tell_the_steps() {
    let world = world(&["$connect", "go", "bad", "quiet", "$disconnect"]).await;
    world.functions.set("bad", Play::Fail(r#"{"errorMessage":"no"}"#));
    let group = format!("/aws/apigateway/{}/dev", world.name("api"));
    drop(connect(&world).await);
    called(&world, 2).await;
    assert_eq!(world.logs.take(&group), Vec::<String>::new(), "nobody asked for it");
    let plain = r#"{"loggingLevel":"INFO","dataTraceEnabled":false}"#;
    let settings = format!(
        r#"{{"defaultRouteSettings":{{"loggingLevel":"ERROR","dataTraceEnabled":true}},"routeSettings":{{"go":{{"loggingLevel":"INFO"}},"quiet":{{"loggingLevel":"OFF"}},"$connect":{plain},"$disconnect":{plain}}}}}"#
    );
    world.make("r", &format!("PATCH /v2/apis/$api/stages/dev {settings}")).await;
    let mut socket = connect(&world).await;
    let mut lines = world.logs.take(&group);
    socket.say(r#"{"action":"go"}"#).await;
    until(&world, &group, &mut lines, "sent to API").await;
    let said = r#"text {"message": "Internal server error", "connectionId":"ID", "requestId":"ID"}"#;
    socket.say(r#"{"action":"bad"}"#).await;
    assert_eq!(socket.next().await, said);
    let before = world.functions.count();
    socket.say(r#"{"action":"quiet"}"#).await;
    called(&world, before + 1).await;
    socket.say("?").await;
    assert!(socket.next().await.contains("Forbidden"));
    socket.send(0x88, b"").await;
    until(&world, &group, &mut lines, "disconnected from").await;
    let (api, connection) = (world.name("api"), socket.id.clone());
    let lines = lines.iter().map(|line| line.replace(&api, "API").replace(&connection, "CONNECTION"));
    let lines: Vec<_> = lines.map(|line| steady(&mask(&line))).collect();
    execution_log().assert_eq(&(lines.join("\n") + "\n"));
}

/// Adds what comes to a log group until a line has `text`.
async fn until(world: &World, group: &str, lines: &mut Vec<String>, text: &str) {
    while !lines.iter().any(|line| line.contains(text)) {
        lines.extend(world.logs.take(group));
        tokio::task::yield_now().await;
    }
}

/// Ids of requests differ from run to run.
fn steady(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.trim_matches(['(', ')']) {
        id if id.len() == 16 && id.ends_with('=') => word.replace(id, "ID"),
        id if id.len() == 36 && id.matches('-').count() == 4 => "UUID".to_owned(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn execution_log() -> Expect {
    expect![[r#"
        (ID) Extended Request Id: ID
        (ID) Starting execution for request: ID
        (ID) WebSocket Request Route: [$connect]
        (ID) Client [UserAgent: test, SourceIp: 127.0.0.1] is connecting to WebSocket API [API].
        (ID) AWS Integration Endpoint RequestId : UUID
        (ID) Client [Connection Id: CONNECTION] connected to API [API] successfully.
        (ID) Extended Request Id: ID
        (ID) Starting execution for request: ID
        (ID) WebSocket Request Route: [go]
        (ID) WebSocket API [API] received message from client [Connection Id: CONNECTION].
        (ID) Route request body before transformations: {"action":"go"}
        (ID) Endpoint request URI: go
        (ID) Endpoint request headers: {}
        (ID) Endpoint request body after transformations: {"requestContext":{"routeKey":"go","messageId":"ID","eventType":"MESSAGE","extendedRequestId":"ID","requestTime":"23/Nov/2026:17:21:13 +0000","messageDirection":"IN","stage":"dev","connectedAt":1795454473123,"requestTimeEpoch":1795454473123,"identity":{"userAgent":"test","sourceIp":"127.0.0.1"},"requestId":"ID","domainName":"API.execute-api.localhost","connectionId":"CONNECTION","apiId":"API"},"body":"{\"action\":\"go\"}","isBase64Encoded":false}
        (ID) Endpoint response headers: {}
        (ID) Endpoint response body before transformations: {"statusCode":200,"body":"said"}
        (ID) AWS Integration Endpoint RequestId : UUID
        (ID) Message from client [Connection Id: CONNECTION] sent to API [API] with response status code [200].
        (ID) Execution failed due to configuration error: the function failed (Unhandled): {"errorMessage":"no"}
        (ID) Execution failed: no such stage or nothing deployed
        (ID) Extended Request Id: ID
        (ID) Starting execution for request: ID
        (ID) WebSocket Request Route: [$disconnect]
        (ID) AWS Integration Endpoint RequestId : UUID
        (ID) Client [Connection Id: CONNECTION] disconnected from API [API] with integration response status code [200]. Close reason: [1005: Client-side close frame status not set]
    "#]]
}
