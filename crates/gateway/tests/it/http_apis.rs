//! The data plane of HTTP APIs: routes, events of both payload formats, answers, CORS, throttling.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use expect_test::{ExpectFile, expect_file};
use serde_json::Value;
use store::{Durability, Store};

use crate::world::{Play, World, function_uri, show, show_headers};

/// An API `api` that deploys itself to `$default`, with a function `f` behind each route.
pub(crate) async fn world(stage: &str, payload: &str, routes: &[&str]) -> World {
    world_on(World::new(), stage, payload, routes).await
}

pub(crate) async fn world_on(world: World, stage: &str, payload: &str, routes: &[&str]) -> World {
    world.make("api", r#"POST /v2/apis {"name":"web","protocolType":"HTTP"}"#).await;
    let line = format!(
        r#"POST /v2/apis/$api/integrations {{"integrationType":"AWS_PROXY","integrationUri":"{}","payloadFormatVersion":"{payload}"}}"#,
        function_uri("f")
    );
    world.make("there", &line).await;
    for route in routes {
        let line =
            format!(r#"POST /v2/apis/$api/routes {{"routeKey":"{route}","target":"integrations/$there"}}"#);
        world.make("route", &line).await;
    }
    let line = format!(
        r#"POST /v2/apis/$api/stages {{"stageName":"{stage}","autoDeploy":true,"stageVariables":{{"a":"b"}}}}"#
    );
    world.make("stage", &line).await;
    world
}

fn event(world: &World) -> Value {
    serde_json::from_slice(&world.functions.last_call().payload).unwrap()
}

#[tokio::test]
async fn routes_and_stages_are_found() {
    let world = world("$default", "2.0", &["GET /a", "ANY /a/{id}", "GET /b/{rest+}"]).await;
    world.make("dev", r#"POST /v2/apis/$api/stages {"stageName":"dev","autoDeploy":true}"#).await;
    world.functions.set("f", Play::Answer(r#"{"ok":true}"#));
    for (line, key, path) in [
        ("GET /a", "GET /a", "/a"),
        ("POST /a/x%20y", "ANY /a/{id}", "/a/x%20y"),
        ("GET /b/c/d", "GET /b/{rest+}", "/b/c/d"),
        ("GET /dev/a?q=1&q=2", "GET /a", "/dev/a"),
    ] {
        assert_eq!(world.get(line).await, r#"200 {"ok":true}"#, "{line}");
        let event = event(&world);
        assert_eq!(
            (event["routeKey"].as_str(), event["rawPath"].as_str()),
            (Some(key), Some(path)),
            "{line}"
        );
    }
    let event = event(&world);
    assert_eq!(event["queryStringParameters"]["q"], "1,2");
    assert_eq!(event["requestContext"]["stage"], "dev");
    for line in ["POST /a", "GET /", "GET /dev", "GET /none/a"] {
        assert_eq!(world.get(line).await, r#"404 {"message":"Not Found"}"#, "{line}");
    }
    world
        .make("route", r#"POST /v2/apis/$api/routes {"routeKey":"$default","target":"integrations/$there"}"#)
        .await;
    assert_eq!(world.get("GET /none/a").await, r#"200 {"ok":true}"#);
    let arn = world.functions.last_call().source.unwrap().source_arn;
    assert!(arn.ends_with("/$default/$default"), "{arn}");
}

#[tokio::test]
async fn events_of_both_formats() {
    for (payload, path) in [("2.0", "rawPath"), ("1.0", "path")] {
        let world = world("$default", payload, &["POST /a/{id}"]).await;
        world.functions.set("f", Play::Answer(r#"{"statusCode":201,"headers":{"X-A":"b"},"body":"hi"}"#));
        let headers =
            [("content-type", "application/json"), ("cookie", "a=1; b=2"), ("x-a", "1"), ("x-a", "2")];
        let response = world.gateway.serve(world.request_with("POST /a/x%2Fy?q=1", &headers, "{}")).await;
        assert_eq!(show(&response), "201 hi");
        assert!(show_headers(&response).contains("x-a: b"));
        let event = event(&world);
        assert_eq!(event["version"], payload);
        assert_eq!(event[path], "/a/x%2Fy");
        assert_eq!(event["pathParameters"]["id"], "x/y");
        assert_eq!(event["stageVariables"]["a"], "b");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&"{}".into(), &false.into()));
        match payload {
            "2.0" => {
                assert_eq!(event["cookies"], serde_json::json!(["a=1", "b=2"]));
                assert_eq!(event["headers"]["x-a"], "1,2");
                assert_eq!(event["requestContext"]["http"]["method"], "POST");
            }
            _ => {
                assert_eq!(event["resource"], "/a/{id}");
                assert_eq!(event["multiValueHeaders"]["X-A"], serde_json::json!(["1", "2"]));
                assert_eq!(event["requestContext"]["resourcePath"], "/a/{id}");
            }
        }
    }
}

#[tokio::test]
async fn answers_of_functions() {
    let world = world("$default", "2.0", &["$default"]).await;
    for (answer, expected) in [
        (r#""text""#, "200 text"),
        (r#"{"a":1}"#, r#"200 {"a":1}"#),
        ("[1]", "200 [1]"),
        (r#"{"statusCode":"404","body":"aGk=","isBase64Encoded":true,"cookies":["c=1"]}"#, "404 hi"),
        (r#"{"statusCode":99}"#, r#"500 {"message":"Internal Server Error"}"#),
        ("<p>", r#"500 {"message":"Internal Server Error"}"#),
    ] {
        world.functions.set("f", Play::Answer(answer));
        assert_eq!(world.get("GET /").await, expected, "{answer}");
    }
    world.functions.set("f", Play::Fail(r#"{"errorMessage":"no"}"#));
    assert_eq!(world.get("GET /").await, r#"500 {"message":"Internal Server Error"}"#);
}

#[tokio::test]
async fn cors_and_throttling() {
    let world = world("$default", "2.0", &["ANY /a"]).await;
    world
        .functions
        .set("f", Play::Answer(r#"{"statusCode":200,"headers":{"access-control-allow-origin":"x"}}"#));
    world.make("api", r#"PATCH /v2/apis/$api {"corsConfiguration":{"allowOrigins":["https://a.b"],"allowMethods":["GET","PUT"],"maxAge":5}}"#).await;
    let asked = [("origin", "https://a.b"), ("access-control-request-method", "PUT")];
    let preflight = world.gateway.serve(world.request_with("OPTIONS /a", &asked, "")).await;
    assert_eq!(show(&preflight), "204 ");
    let headers = show_headers(&preflight);
    assert!(headers.contains("access-control-allow-methods: GET,PUT; access-control-allow-origin: https://a.b; access-control-max-age: 5"), "{headers}");
    let other = world.gateway.serve(world.request_with("GET /a", &[("origin", "https://c.d")], "")).await;
    assert!(!show_headers(&other).contains("access-control"));
    world.make("stage", r#"PATCH /v2/apis/$api/stages/$default {"routeSettings":{"ANY /a":{"throttlingBurstLimit":1,"throttlingRateLimit":0.001}}}"#).await;
    assert_eq!(world.get("GET /a").await, "200 ");
    assert_eq!(world.get("GET /a").await, r#"429 {"message":"Too Many Requests"}"#);
}

async fn check(script: ExpectFile) {
    let transcript = World::new().script(&script.data()).await;
    script.assert_eq(&transcript);
}

#[tokio::test]
async fn authorizers_are_kept() {
    check(expect_file!["./scripts/authorizers_of_http_apis.txt"]).await;
}

#[tokio::test]
async fn models_links_and_tags_are_kept() {
    check(expect_file!["./scripts/models_links_and_tags.txt"]).await;
}

/// Polls a future so many times at most.
async fn begin<F: Future>(mut work: Pin<&mut F>, polls: usize) -> Option<F::Output> {
    let mut left = polls;
    poll_fn(|cx| match left.checked_sub(1) {
        None => Poll::Ready(None),
        Some(rest) => {
            left = rest;
            work.as_mut().poll(cx).map(Some)
        }
    })
    .await
}

const ADD_B: &str = r#"POST /v2/apis/$api/routes {"routeKey":"GET /b","target":"integrations/$there"}"#;

/// Wherever a change ends that was not acknowledged, as if its process had been killed: it is there and served, or
/// not there.
#[tokio::test]
async fn a_change_that_is_cut_off_is_served_or_not_there() {
    let mut cut = 0;
    for polls in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Durability::Strict).unwrap();
        let killed = world_on(World::on(store.clone()), "$default", "2.0", &["GET /a"]).await;
        let done = begin(pin!(killed.control(ADD_B)), polls).await.is_some();
        let world = World::on(store);
        world.know(&killed);
        world.functions.set("f", Play::Answer("1"));
        // What was on its way to the store arrives before this.
        world.make("other", r#"POST /v2/apis {"name":"other","protocolType":"HTTP"}"#).await;
        let (_, routes) = world.control("GET /v2/apis/$api/routes").await;
        let is_there = routes["items"].as_array().unwrap().iter().any(|route| route["routeKey"] == "GET /b");
        let wanted = if is_there { "200 1" } else { r#"404 {"message":"Not Found"}"# };
        assert_eq!(world.get("GET /b").await, wanted, "after {polls} polls");
        let (_, json) =
            world.control("GET /v2/apis/$api/exports/OAS30?outputType=JSON&stageName=$default").await;
        assert_eq!(json["paths"].get("/b").is_some(), is_there, "after {polls} polls");
        cut += usize::from(is_there && !done);
        if done {
            break;
        }
    }
    assert!(cut > 0, "no change was cut off between its writing and its release");
}

/// However two changes overtake each other: both are served.
#[tokio::test]
async fn changes_at_once_are_all_served() {
    for polls in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Durability::Strict).unwrap();
        let world = world_on(World::on(store), "$default", "2.0", &["GET /a"]).await;
        world.functions.set("f", Play::Answer("1"));
        let mut slow = pin!(world.control(ADD_B));
        let begun = begin(slow.as_mut(), polls).await;
        let quick = r#"POST /v2/apis/$api/routes {"routeKey":"GET /c","target":"integrations/$there"}"#;
        assert_eq!(world.control(quick).await.0, 201);
        let is_done = begun.is_some();
        let (status, body) = match begun {
            Some(answer) => answer,
            None => slow.await,
        };
        assert_eq!(status, 201, "{body}");
        for line in ["GET /a", "GET /b", "GET /c"] {
            assert_eq!(world.get(line).await, "200 1", "{line} after {polls} polls");
        }
        if is_done {
            break;
        }
    }
}

#[tokio::test]
async fn headers_stages_and_variables_have_their_bounds() {
    let world = world("$default", "2.0", &["GET /a"]).await;
    world.functions.set("f", Play::Answer(r#"{"ok":true}"#));
    for (length, expected) in
        [(10_240, "200"), (10_241, r#"431 {"message":"Request Header Fields Too Large"}"#)]
    {
        let given: usize = world.request("GET /a").headers.values().map(|value| value.len()).sum();
        let value = "x".repeat(length - given);
        let request = world.request_with("GET /a", &[("cookie", &value)], "");
        assert!(show(&world.gateway.serve(request).await).starts_with(expected), "{length}");
    }

    let variables = |count: usize| {
        let all: serde_json::Map<String, Value> = (0..count).map(|i| (format!("v{i}"), "x".into())).collect();
        serde_json::json!({ "stageVariables": all })
    };
    let patch = async |count| {
        world.control(&format!("PATCH /v2/apis/$api/stages/$default {}", variables(count))).await
    };
    assert_eq!(patch(99).await.0, 200, "one hundred with the one that is there");
    let (status, body) = patch(100).await;
    assert_eq!(
        (status, body["message"].as_str().unwrap().contains("stage variables")),
        (429, true),
        "{body}"
    );

    let make = async |name: &str| {
        world.control(&format!(r#"POST /v2/apis/$api/stages {{"stageName":"{name}"}}"#)).await
    };
    for i in 1..10 {
        assert_eq!(make(&format!("s{i}")).await.0, 201);
    }
    let (status, body) = make("s10").await;
    assert_eq!((status, body["message"].as_str().unwrap().contains("Maximum number of stages")), (429, true));
    world.make("gone", "DELETE /v2/apis/$api/stages/s3").await;
    assert_eq!(make("s10").await.0, 201);
}

/// What a stage says of all routes holds where a route says nothing of itself.
#[tokio::test]
async fn stages_throttle_all_their_routes() {
    let world = world("$default", "2.0", &["GET /a", "GET /b"]).await;
    world.functions.set("f", Play::Answer(r#"{"ok":true}"#));
    let settings = r#"{"defaultRouteSettings":{"throttlingBurstLimit":2,"throttlingRateLimit":1},"routeSettings":{"GET /b":{"throttlingBurstLimit":4,"throttlingRateLimit":1}}}"#;
    world.make("stage", &format!("PATCH /v2/apis/$api/stages/$default {settings}")).await;
    let mut through = Vec::new();
    for path in ["/a", "/b"] {
        let mut count = 0;
        for _ in 0..6 {
            let answer = world.get(&format!("GET {path}")).await;
            match answer.starts_with("200") {
                true => count += 1,
                false => assert_eq!(answer, r#"429 {"message":"Too Many Requests"}"#),
            }
        }
        through.push(count);
    }
    assert_eq!(through, [2, 4]);
}
