//! What travels as bytes and what as base64 between callers and functions behind proxy integrations.

use serde_json::{Value, json};

use crate::http_apis;
use crate::world::{Play, World, show};

/// An API whose binary media types are these, with a function that answers `answer`.
async fn world(types: &[&str], answer: &'static str) -> World {
    let world = World::new();
    world.functions.set("f", Play::Answer(answer));
    world.make("api", &format!("POST /restapis {}", json!({ "name": "x", "binaryMediaTypes": types }))).await;
    world.add_method("ANY", "/{proxy+}", &World::lambda("f")).await;
    world.deploy("dev").await;
    world
}

async fn event(world: &World, line: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let response = world.gateway.serve(world.request_with(line, headers, body)).await;
    assert_eq!(response.status, 200, "{line}: {}", show(&response));
    serde_json::from_slice(&world.functions.last_call().payload).unwrap()
}

/// What a caller accepts decides whether a function's base64 is decoded; what the function says of its type does not.
/// Source: what AWS was seen to do by
/// <https://github.com/localstack/localstack> (tests/aws/services/apigateway/test_apigateway_lambda.py,
/// `test_aws_proxy_binary_response`)
#[tokio::test]
async fn answers_are_bytes_for_who_accepts_them() {
    let none: &[&str] = &[];
    let with_open_first_half = &["image/png", "*/test"][..];
    let with_open_second_half = &["image/png", "image/jpg", "application/*"][..];
    let png = r#"{"headers":{"Content-Type":"image/png"},"body":"aGk=","isBase64Encoded":true}"#;
    let other = r#"{"headers":{"Content-Type":"application/test"},"body":"aGk=","isBase64Encoded":true}"#;
    let untyped = r#"{"body":"aGk=","isBase64Encoded":true}"#;
    let text = r#"{"headers":{"Content-Type":"image/png"},"body":"aGk=","isBase64Encoded":false}"#;
    let broken = r#"{"body":"\u00e8\u00e9+\u00e0)(","isBase64Encoded":true}"#;
    let (bytes, base64) = ("200 hi", "200 aGk=");
    let failed = r#"500 {"message": "Internal server error"}"#;
    for (types, answer, accept, expected) in [
        (none, png, Some("image/png"), base64),
        (with_open_first_half, png, Some("image/png"), bytes),
        (with_open_first_half, png, Some("image/jpg"), base64),
        (with_open_first_half, png, Some("image/*"), base64),
        (with_open_first_half, png, Some("*/test"), base64),
        (with_open_first_half, png, Some("random/test"), base64),
        (with_open_first_half, png, Some("*/*"), base64),
        (with_open_first_half, png, Some("image/webp,image/png,*/*;q=0.8"), base64),
        (with_open_first_half, png, Some("image/png,image/*,*/*;q=0.8"), bytes),
        (with_open_first_half, text, Some("image/png"), base64),
        (with_open_second_half, other, Some("application/whatever"), bytes),
        (with_open_second_half, other, Some("application/test"), bytes),
        (with_open_second_half, other, Some("application/*"), bytes),
        (with_open_second_half, png, Some("image/jpg"), bytes),
        (with_open_second_half, other, Some("image/png"), bytes),
        (with_open_second_half, untyped, Some("image/png"), bytes),
        (with_open_second_half, untyped, Some("application"), base64),
        (with_open_second_half, untyped, None, base64),
        (with_open_second_half, broken, Some("image/png"), failed),
        (&["*/*"], png, None, bytes),
        (&["*/*"], png, Some("text/html"), bytes),
    ] {
        let world = world(types, answer).await;
        let headers: Vec<_> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        let response = world.gateway.serve(world.request_with("GET /dev/a", &headers, "")).await;
        assert_eq!(show(&response), expected, "{types:?} {answer} {accept:?}");
    }
}

/// What a caller says its body is decides whether the function gets it as base64. `contentHandling` is of mappings:
/// it means nothing to a proxy.
/// Sources: what AWS was seen to do by <https://github.com/ministackorg/ministack/pull/767> and
/// <https://github.com/aws/serverless-application-model/issues/566>
#[tokio::test]
async fn bodies_are_base64_for_functions() {
    let types = &["application/octet-stream", "image/*", "*/odd"][..];
    let (bytes, text) = (("aGk=", true), ("hi", false));
    for handling in [None, Some("CONVERT_TO_TEXT"), Some("CONVERT_TO_BINARY")] {
        let world = world(types, "{}").await;
        if let Some(handling) = handling {
            let to = "/restapis/$api/resources/$resource/methods/ANY/integration";
            let patch = json!({ "patchOperations": [{ "op": "replace", "path": "/contentHandling", "value": handling }] });
            world.make("i", &format!("PATCH {to} {patch}")).await;
            world.deploy("dev").await;
        }
        for (kind, (body, encoded)) in [
            (Some("application/octet-stream"), bytes),
            (Some("Application/Octet-Stream; x=1"), bytes),
            (Some("image/png"), bytes),
            (Some("image/*"), bytes),
            (Some("images/png"), text),
            (Some("image"), text),
            (Some("very/odd"), text),
            (Some("*/odd"), text),
            (Some("application/json"), text),
            (Some("text/plain"), text),
            (None, text),
        ] {
            let headers: Vec<_> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
            let event = event(&world, "POST /dev/a", &headers, "hi").await;
            let found = (&event["body"], &event["isBase64Encoded"]);
            assert_eq!(found, (&json!(body), &json!(encoded)), "{kind:?} {handling:?}");
        }
        let event = event(&world, "POST /dev/a", &[("content-type", "image/png")], "").await;
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&Value::Null, &json!(false)));
    }
}

/// HTTP APIs have no such list: the types of text are fixed, and all answers in base64 are decoded.
/// Source: what AWS was seen to do by <https://github.com/ministackorg/ministack/pull/766>
#[tokio::test]
async fn http_apis_know_what_is_text() {
    let (bytes, text) = (("aGk=", true), ("hi", false));
    for payload in ["1.0", "2.0"] {
        let world = http_apis::world("$default", payload, &["$default"]).await;
        world.functions.set("f", Play::Answer(r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#));
        for (kind, (body, encoded)) in [
            (Some("text/plain"), text),
            (Some("text/html; charset=utf-8"), text),
            (Some("application/json"), text),
            (Some("application/xml"), text),
            (Some("application/javascript"), text),
            (Some("application/x-www-form-urlencoded"), bytes),
            (Some("application/octet-stream"), bytes),
            (Some("image/png"), bytes),
            (None, bytes),
        ] {
            let headers: Vec<_> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
            let response = world.gateway.serve(world.request_with("POST /a", &headers, "hi")).await;
            assert_eq!(show(&response), "200 hi", "{kind:?} {payload}");
            let event: Value = serde_json::from_slice(&world.functions.last_call().payload).unwrap();
            let found = (&event["body"], &event["isBase64Encoded"]);
            assert_eq!(found, (&json!(body), &json!(encoded)), "{kind:?} {payload}");
        }
    }
}

/// Paths come as they were sent, parameters of queries decoded.
/// Source: events recorded on AWS by <https://github.com/localstack/localstack>
/// (tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json, `test_lambda_aws_proxy_integration`)
#[tokio::test]
async fn paths_and_queries_are_as_recorded() {
    let world = world(&[], "{}").await;
    let emails = "test-path/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com";
    for (target, path, proxy, single, multi) in [
        ("test-path", "/test-path", "test-path", Value::Null, Value::Null),
        ("test-path/", "/test-path/", "test-path", Value::Null, Value::Null),
        (
            "test-path/?urlparam=test",
            "/test-path/",
            "test-path",
            json!({ "urlparam": "test" }),
            json!({ "urlparam": ["test"] }),
        ),
        (emails, &format!("/{emails}"), emails, Value::Null, Value::Null),
        (
            "test-path/api?dateTimeOffset=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@gmail.com&plus=test+alias@gmail.com&url=https://www.google.com/&whitespace=foo%20bar&zhash=abort/",
            "/test-path/api",
            "test-path/api",
            json!({ "dateTimeOffset": "2023-06-12T18:05:10.123456 00:00", "email": "test+alias@gmail.com",
                "plus": "test alias@gmail.com", "url": "https://www.google.com/", "whitespace": "foo bar",
                "zhash": "abort/" }),
            json!({ "dateTimeOffset": ["2023-06-12T18:05:10.123456 00:00"], "email": ["test+alias@gmail.com"],
                "plus": ["test alias@gmail.com"], "url": ["https://www.google.com/"],
                "whitespace": ["foo bar"], "zhash": ["abort/"] }),
        ),
        (
            "test-path?category=electronics&category=books&price=10&price=20&price=30",
            "/test-path",
            "test-path",
            json!({ "category": "books", "price": "30" }),
            json!({ "category": ["electronics", "books"], "price": ["10", "20", "30"] }),
        ),
    ] {
        let event = event(&world, &format!("POST /dev/{target}"), &[], "").await;
        assert_eq!(event["path"], path);
        assert_eq!(event["requestContext"]["path"], format!("/dev{path}"));
        assert_eq!(event["pathParameters"], json!({ "proxy": proxy }), "{target}");
        assert_eq!(event["queryStringParameters"], single, "{target}");
        assert_eq!(event["multiValueQueryStringParameters"], multi, "{target}");
    }
}
