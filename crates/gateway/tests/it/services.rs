//! Integrations of AWS services, and bodies that travel as bytes or as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway::StageResponse;
use serde_json::{Value, json};

use crate::world::{Play, World, function_uri, show, show_headers};

const ROLE: &str = "arn:aws:iam::000000000000:role/api";

fn service(target: &str) -> Value {
    let uri = format!("arn:aws:apigateway:eu-west-1:{target}");
    json!({ "type": "AWS", "httpMethod": "POST", "uri": uri, "credentials": ROLE })
}

/// The API `api` with one method, its responses by status with their patterns, and more of each.
async fn deployed(world: &World, path: &str, method: Value, integration: Value, responses: &[(u16, Value)]) {
    world.make("api", r#"POST /restapis {"name":"x","binaryMediaTypes":["image/png"]}"#).await;
    world.add_method("POST", path, &json!({ "type": "MOCK" }).to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/POST";
    assert_eq!(world.control(&format!("DELETE {to}")).await.0, 204);
    world.make("m", &format!("PUT {to} {method}")).await;
    world.make("i", &format!("PUT {to}/integration {integration}")).await;
    for (status, mapped) in responses {
        let declared = mapped["responseParameters"].as_object().into_iter().flatten();
        let declared: serde_json::Map<_, _> = declared.map(|(name, _)| (name.clone(), json!(true))).collect();
        let declared = json!({ "responseParameters": declared });
        world.make("mr", &format!("PUT {to}/responses/{status} {declared}")).await;
        world.make("ir", &format!("PUT {to}/integration/responses/{status} {mapped}")).await;
    }
    world.deploy("dev").await;
}

fn open() -> Value {
    json!({ "authorizationType": "NONE" })
}

async fn post(world: &World, line: &str, headers: &[(&str, &str)], body: &[u8]) -> StageResponse {
    let mut request = world.request_with(line, headers, "");
    request.body = Bytes::copy_from_slice(body);
    world.gateway.serve(request).await
}

/// A table behind an API without a function between.
#[tokio::test]
async fn an_operation_is_called_by_its_name() {
    let world = World::new();
    let template = "{\"TableName\":\"t\",\"Item\":{\"id\":{\"S\":$input.json('$.id')}}}";
    let mut integration = service("dynamodb:action/PutItem");
    integration["requestTemplates"] = json!({ "application/json": template });
    let responses = [
        (200, json!({ "responseTemplates": { "application/json": "{\"id\":\"$context.requestId\"}" } })),
        (
            409,
            json!({
                "selectionPattern": "4\\d{2}",
                "responseTemplates": { "application/json": "{\"why\":$input.json('$.message')}" },
                "responseParameters": {
                    "method.response.header.x-id": "integration.response.header.x-amzn-RequestId",
                    "method.response.header.x-type": "integration.response.body.__type",
                },
            }),
        ),
    ];
    deployed(&world, "/items", open(), integration, &responses).await;
    world.services.answer(200, &[("content-type", "application/x-amz-json-1.0")], b"{}");
    let answer = post(&world, "POST /dev/items", &[], br#"{"id":"a"}"#).await;
    assert_eq!(show(&answer), r#"200 {"id":"00000000-0000-0000-0000-000000000007"}"#);
    let (scope, call) = world.services.last_call();
    assert_eq!(
        format!(
            "{} {} {:?} {} {}?{}",
            scope.region, call.service, call.action, call.method, call.path, call.query
        ),
        r#"eu-west-1 dynamodb Some("PutItem") POST /?Action=PutItem"#
    );
    assert_eq!(call.body, r#"{"TableName":"t","Item":{"id":{"S":"a"}}}"#);
    let header =
        |name: &str| call.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("accept"), Some("application/json"));

    world.services.answer(400, &[("x-amzn-requestid", "R1")], br#"{"__type":"Conditional","message":"no"}"#);
    let answer = post(&world, "POST /dev/items", &[], br#"{"id":"a"}"#).await;
    assert_eq!(show(&answer), r#"409 {"why":"no"}"#);
    assert_eq!(show_headers(&answer), "content-type: application/json; x-id: R1; x-type: Conditional");
}

#[tokio::test]
async fn a_service_is_called_by_path_and_parameters_are_mapped() {
    let world = World::new();
    let mut integration = service("streams.dynamodb:path/a/{key}/b");
    integration["requestParameters"] = json!({
        "integration.request.path.key": "method.request.path.id",
        "integration.request.querystring.q": "method.request.querystring.q",
        "integration.request.querystring.all": "method.request.multivaluequerystring.q",
        "integration.request.header.X-One": "method.request.header.one",
        "integration.request.header.X-Static": "'fixed'",
        "integration.request.header.X-Stage": "context.stage",
        "integration.request.header.X-Name": "method.request.body.user.name",
        "integration.request.header.X-Amz-Target": "'Other.Thing'",
    });
    let method = json!({ "authorizationType": "NONE", "requestParameters": {
        "method.request.path.id": true, "method.request.querystring.q": false, "method.request.header.one": false,
    }});
    deployed(&world, "/x/{id}", method, integration, &[(200, json!({}))]).await;
    world.services.answer(200, &[], b"raw");
    let body = br#"{"user":{"name":"ada"}}"#;
    let answer = post(&world, "POST /dev/x/7?q=1&q=2", &[("one", "1")], body).await;
    assert_eq!(show(&answer), "200 raw");
    let (_, call) = world.services.last_call();
    assert_eq!(
        format!("{} {:?} {}?{}", call.service, call.action, call.path, call.query),
        "streams.dynamodb None /a/7/b?all=1&all=2&q=2"
    );
    let mapped = ["x-one", "x-static", "x-stage", "x-name", "x-amz-target"].map(|name| {
        let found = call.headers.iter().find(|(known, _)| known == name);
        found.map_or("-", |(_, value)| value).to_owned()
    });
    assert_eq!(mapped.join(" "), "1 fixed dev ada Other.Thing");
    assert_eq!(&*call.body, body);
}

#[tokio::test]
async fn a_service_that_is_not_here_says_so_when_it_is_called() {
    let world = World::new();
    deployed(&world, "/q", open(), service("sqs:path/000000000000/q"), &[(200, json!({}))]).await;
    assert_eq!(
        show(&post(&world, "POST /dev/q", &[], b"{}").await),
        r#"500 {"message":"Rushlight does not support the AWS service sqs (see docs/differences.md)"}"#
    );
}

#[tokio::test]
async fn credentials_are_somebody() {
    let caller = "arn:aws:iam::*:user/*";
    for (credentials, expected) in [
        (ROLE, "200 {}"),
        // Nobody signs at a method that is open.
        (caller, r#"500 {"message": "Internal server error"}"#),
        ("arn:aws:s3:::bucket", r#"500 {"message": "Internal server error"}"#),
    ] {
        let world = World::new();
        let mut integration = service("dynamodb:action/ListTables");
        integration["credentials"] = json!(credentials);
        deployed(&world, "/t", open(), integration, &[(200, json!({}))]).await;
        world.services.answer(200, &[], b"{}");
        assert_eq!(show(&post(&world, "POST /dev/t", &[], b"{}").await), expected, "{credentials}");
    }
    // In a role's name a function is called without asking the function's own policy.
    let world = World::new();
    let uri = function_uri("f");
    let lambda = json!({ "type": "AWS", "httpMethod": "POST", "uri": uri, "credentials": ROLE });
    world.functions.set("f", Play::Answer("1"));
    deployed(&world, "/f", open(), lambda, &[(200, json!({}))]).await;
    assert_eq!(show(&post(&world, "POST /dev/f", &[], b"{}").await), "200 1");
    assert!(world.functions.last_call().source.is_none());
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html>
#[tokio::test]
async fn requests_are_converted() {
    let png = [0x89, b'P', 0xff];
    let encoded = STANDARD.encode(png);
    let table: [(&str, &str, &[u8], &[u8]); 6] = [
        ("text/plain", "", b"hi", b"hi"),
        ("text/plain", "CONVERT_TO_TEXT", b"hi", b"hi"),
        ("text/plain", "CONVERT_TO_BINARY", encoded.as_bytes(), &png),
        ("image/png", "", &png, &png),
        ("image/png", "CONVERT_TO_BINARY", &png, &png),
        ("image/png", "CONVERT_TO_TEXT", &png, encoded.as_bytes()),
    ];
    for (media_type, handling, sent, expected) in table {
        let world = World::new();
        let mut integration = service("logs:path/");
        if !handling.is_empty() {
            integration["contentHandling"] = json!(handling);
        }
        deployed(&world, "/b", open(), integration, &[(200, json!({}))]).await;
        world.services.answer(200, &[], b"");
        post(&world, "POST /dev/b", &[("content-type", media_type)], sent).await;
        assert_eq!(&*world.services.last_call().1.body, expected, "{media_type} {handling}");
    }
}

#[tokio::test]
async fn answers_are_converted() {
    let png: &[u8] = &[0x89, b'P', 0xff];
    let encoded = STANDARD.encode(png);
    let text = encoded.as_bytes();
    let bad: &[u8] = br#"{"message": "Internal server error"}"#;
    let table: [([&str; 3], [&[u8]; 2]); 13] = [
        (["text/plain", "*/*", ""], [b"hi", b"hi"]),
        (["text/plain", "*/*", "CONVERT_TO_TEXT"], [b"hi", b"hi"]),
        (["text/plain", "*/*", "CONVERT_TO_BINARY"], [text, png]),
        (["text/plain", "image/png", ""], [text, png]),
        (["text/plain", "image/png", ""], [b"no base64!", bad]),
        (["text/plain", "image/png", "CONVERT_TO_BINARY"], [text, png]),
        (["text/plain", "image/png", "CONVERT_TO_TEXT"], [b"hi", b"hi"]),
        (["image/png", "*/*", ""], [png, text]),
        (["image/png", "*/*", "CONVERT_TO_BINARY"], [png, png]),
        (["image/png", "*/*", "CONVERT_TO_TEXT"], [png, text]),
        (["image/png", "image/png, */*", ""], [png, png]),
        (["image/png", "image/png", "CONVERT_TO_BINARY"], [png, png]),
        (["image/png", "image/png", "CONVERT_TO_TEXT"], [png, text]),
    ];
    for ([media_type, accept, handling], [given, expected]) in table {
        let world = World::new();
        let mapped = match handling {
            "" => json!({}),
            handling => json!({ "contentHandling": handling }),
        };
        deployed(&world, "/b", open(), service("logs:path/"), &[(200, mapped)]).await;
        world.services.answer(200, &[("content-type", media_type)], given);
        let answer = post(&world, "POST /dev/b", &[("accept", accept)], b"{}").await;
        assert_eq!(&*answer.body, expected, "{media_type} {accept} {handling}");
    }
}

/// What is bytes goes through no template, unless it is made text before.
#[tokio::test]
async fn templates_take_text() {
    let fails = r#"500 {"message": "Internal server error"}"#;
    for (handling, expected) in [("", fails), ("CONVERT_TO_BINARY", fails), ("CONVERT_TO_TEXT", "200 [aGk=]")]
    {
        let world = World::new();
        let mut integration = service("logs:path/");
        if !handling.is_empty() {
            integration["contentHandling"] = json!(handling);
        }
        integration["requestTemplates"] = json!({ "image/png": "$input.body" });
        let mapped = json!({ "responseTemplates": { "application/json": "[$input.body]" } });
        deployed(&world, "/b", open(), integration, &[(200, mapped)]).await;
        world.services.answer(200, &[("content-type", "text/plain")], b"aGk=");
        let answer = post(&world, "POST /dev/b", &[("content-type", "image/png")], b"hi").await;
        assert_eq!(show(&answer), expected, "{handling}");
    }
}
