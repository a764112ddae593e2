//! Lambda behind stage URLs: the event, the answer, and everything that goes wrong.

use std::time::Duration;

use expect_test::expect_file;
use ports::{InvokeError, InvokeKind};
use serde_json::Value;

use crate::world::{Play, World, show, show_headers};

async fn event_of(world: &World, line: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let response = world.gateway.serve(world.request_with(line, headers, body)).await;
    assert_eq!(response.status, 200, "{}", show(&response));
    let event = world.functions.last_call().payload;
    let mut event: Value = serde_json::from_slice(&event).unwrap();
    // What differs from call to call.
    for path in [
        "/requestContext/extendedRequestId",
        "/headers/X-Amzn-Trace-Id",
        "/multiValueHeaders/X-Amzn-Trace-Id",
    ] {
        *event.pointer_mut(path).unwrap() = Value::from("(varies)");
    }
    event
}

#[tokio::test]
async fn the_event_has_everything_aws_sends() {
    let world = World::new();
    world.functions.set("echo", Play::Echo);
    world.make("api", r#"POST /restapis {"name":"x","tags":{"_custom_id_":"abc123"}}"#).await;
    world.add_method("ANY", "/pets/{id}/{rest+}", &World::lambda("echo")).await;
    world.make("d", r#"POST /restapis/$api/deployments {"stageName":"dev","variables":{"v":"1"}}"#).await;
    let headers = [
        ("host", "abc123.execute-api.localhost:4566"),
        ("user-agent", "test/1"),
        ("content-type", "application/json"),
        ("content-length", "17"),
        ("connection", "keep-alive"),
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("x-forwarded-for", "10.0.0.1"),
    ];
    let line = "POST /dev/pets/a%2Fb/c/%C3%BC/?q=1&q=2&plus=a+b&enc=%C3%BC&empty&=";
    let event = event_of(&world, line, &headers, r#"{"name":"sy"}"#).await;
    world.make("deployment", "GET /restapis/$api/deployments").await;
    let text = serde_json::to_string_pretty(&event).unwrap();
    let resource = event["requestContext"]["resourceId"].as_str().unwrap();
    let deployment = event["requestContext"]["deploymentId"].as_str().unwrap();
    let text = text.replace(resource, "(resource)").replace(deployment, "(deployment)");
    expect_file!["./scripts/event.json"].assert_eq(&text);
}

#[tokio::test]
async fn the_bare_event_has_nulls() {
    let world = World::new();
    world.functions.set("echo", Play::Echo);
    world.deploy_one("GET", "/", &World::lambda("echo")).await;
    let event = event_of(&world, "GET /dev", &[], "").await;
    for key in [
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ] {
        assert_eq!(event[key], Value::Null, "{key}");
    }
    let paths = (event["path"].as_str().unwrap(), event["requestContext"]["path"].as_str().unwrap());
    assert_eq!(paths, ("/", "/dev/"));
    assert_eq!(event["requestContext"]["identity"]["userAgent"], Value::Null);
}

#[tokio::test]
async fn functions_are_called_as_the_gateway() {
    let world = World::new();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
    world.functions.set(arn, Play::Echo);
    world.deploy_one("ANY", "/pets/{id}", &World::lambda(arn)).await;
    let response = world.gateway.serve(world.request("PUT /dev/pets/7")).await;
    let call = world.functions.last_call();
    let source = call.source.unwrap();
    assert_eq!(call.kind, InvokeKind::RequestResponse);
    assert_eq!(source.service, "apigateway.amazonaws.com");
    let expected = format!("arn:aws:execute-api:us-east-1:000000000000:{}/dev/PUT/pets/*", world.name("api"));
    assert_eq!(source.source_arn, expected);
    let header = |name: &str| response.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-amzn-requestid"), "00000000-0000-0000-0000-000000000007");
    assert_eq!(header("x-amz-apigw-id").len(), 16);
    assert!(header("x-amzn-trace-id").starts_with("Root=1-"));
}

#[tokio::test]
async fn binary_bodies() {
    let world = World::new();
    world.functions.set("echo", Play::Echo);
    world.functions.set(
        "png",
        Play::Answer(r#"{"headers":{"Content-Type":"image/png"},"body":"aGk=","isBase64Encoded":true}"#),
    );
    world.make("api", r#"POST /restapis {"name":"x","binaryMediaTypes":["image/png"]}"#).await;
    world.add_method("POST", "/echo", &World::lambda("echo")).await;
    world.add_method("GET", "/png", &World::lambda("png")).await;
    world.deploy("dev").await;
    for (content_type, body, base64) in
        [("image/png", "AQI=", true), ("IMAGE/PNG; q=1", "AQI=", true), ("text/plain", "\u{1}\u{2}", false)]
    {
        let event = event_of(&world, "POST /dev/echo", &[("content-type", content_type)], "\u{1}\u{2}").await;
        assert_eq!(event["body"], body, "{content_type}");
        assert_eq!(event["isBase64Encoded"], base64, "{content_type}");
    }
    for (accept, body) in [
        ("image/png", "hi"),
        ("image/png;q=0.8, */*", "hi"),
        ("*/*", "aGk="),
        ("text/html, image/png", "aGk="),
    ] {
        let response =
            world.gateway.serve(world.request_with("GET /dev/png", &[("accept", accept)], "")).await;
        assert_eq!(String::from_utf8_lossy(&response.body), body, "{accept}");
    }
}

#[tokio::test]
async fn what_goes_wrong_has_awss_words() {
    let world = World::new();
    let bad_gateway = r#"502 {"message": "Internal server error"}"#;
    let configuration = r#"500 {"message": "Internal server error"}"#;
    let of_gateway = "content-type: application/json; x-amzn-errortype: InternalServerErrorException";
    let tea = r#"{"statusCode":418,"headers":{"Content-Type":"text/x","Date":"d","X-A":"1"},"body":"tea"}"#;
    let more = r#"{"statusCode":200,"message":"x"}"#;
    let boom = r#"{"errorMessage":"boom","statusCode":200}"#;
    let denied = InvokeError::AccessDenied("no".into());
    let throttled = InvokeError::Throttled("no".into());
    let internal = InvokeError::Internal("no".into());
    // As recorded: <https://github.com/koki-develop/lgtm-generator/issues/10>
    let large = InvokeError::TooLarge("no".into());
    let table = [
        ("ok", Play::Answer(tea), "418 tea", "content-type: text/x; x-a: 1; x-amzn-remapped-date: d"),
        ("empty", Play::Answer("{}"), "200 ", "content-type: application/json"),
        ("null", Play::Answer("null"), bad_gateway, of_gateway),
        ("text", Play::Answer("\"Hello sy\""), bad_gateway, of_gateway),
        ("more", Play::Answer(more), bad_gateway, of_gateway),
        ("nothing", Play::Answer(""), bad_gateway, of_gateway),
        ("failed", Play::Fail(boom), bad_gateway, of_gateway),
        ("denied", Play::Refuse(denied), configuration, of_gateway),
        ("throttled", Play::Refuse(throttled), configuration, of_gateway),
        ("internal", Play::Refuse(internal), configuration, of_gateway),
        (
            "large",
            Play::Refuse(large),
            r#"413 {"message": "Request Too Long"}"#,
            "content-type: application/json; x-amzn-errortype: BadRequestException",
        ),
    ];
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    for (name, play, ..) in &table {
        world.functions.set(name, play.clone());
        world.add_method("GET", &format!("/{name}"), &World::lambda(name)).await;
    }
    world.add_method("GET", "/gone", &World::lambda("gone")).await;
    let get = World::lambda("ok").replace("POST", "GET");
    world.add_method("GET", "/notpost", &get).await;
    world.deploy("dev").await;
    for (name, _, answer, headers) in table {
        let response = world.gateway.serve(world.request(&format!("GET /dev/{name}"))).await;
        assert_eq!(show(&response), answer, "{name}");
        assert_eq!(show_headers(&response), headers, "{name}");
    }
    assert_eq!(world.get("GET /dev/gone").await, configuration);
    assert_eq!(world.get("GET /dev/notpost").await, configuration);
}

#[tokio::test]
async fn a_function_that_hangs_times_out_after_29_seconds() {
    let world = World::new();
    world.functions.set("hang", Play::Hang);
    world.deploy_one("GET", "/", &World::lambda("hang")).await;
    let request = world.request("GET /dev");
    let serve = world.gateway.serve(request);
    tokio::pin!(serve);
    for (turn, done) in [(28_999, false), (1, true)] {
        assert!(futures_now(serve.as_mut()).await.is_none());
        world.clock.advance(Duration::from_millis(turn));
        if done {
            let response = serve.as_mut().await;
            assert_eq!(show(&response), r#"504 {"message": "Endpoint request timed out"}"#);
            assert!(show_headers(&response).contains("InternalServerErrorException"));
        }
    }
}

/// Polls once.
async fn futures_now<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut future = future;
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
