//! What stands at the edges of proxies: the whole event of every kind of request, times, links into VPCs.
//! Sources: <https://github.com/localstack/localstack> (tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json,
//! recorded on AWS), <https://github.com/aws/aws-lambda-go> (events/testdata/apigw-*.json)

use std::fmt::Write as _;

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::backends::backend;
use crate::http_apis;
use crate::world::{Play, World, show};

/// A request: its line, its headers, its body.
type Sent = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const SENT: [Sent; 8] = [
    ("GET /dev/a", &[], ""),
    ("GET /dev/a/", &[("user-agent", "u/1"), ("accept", "*/*")], ""),
    ("GET /dev/a/b/test%2Balias@h.com/plus/test+alias@h.com", &[], ""),
    (
        "GET /dev/a/b?at=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@h.com&url=https://h.com/&hash=%23&x=a%20b",
        &[],
        "",
    ),
    (
        "POST /dev/a?category=a&category=b&n=1&n=2&n=3",
        &[("content-type", "application/json;charset=utf-8"), ("x-a", "1"), ("x-a", "2")],
        r#"{"message":"hello \"world\""}"#,
    ),
    ("POST /dev/a", &[("content-type", "image/png")], "\u{1}\u{2}"),
    ("POST /dev/a", &[("content-type", "application/x-www-form-urlencoded")], "a=1&b=2"),
    ("PUT /dev/a", &[("cookie", "a=1; b=2"), ("cookie", "c=3"), ("content-type", "text/plain")], "t"),
];

/// The events of a function behind `world`'s API, as they are written; what differs from run to run is hidden.
async fn events(world: &World, written: &mut String) {
    for (line, headers, body) in SENT {
        let response = world.gateway.serve(world.request_with(line, headers, body)).await;
        assert_eq!(response.status, 200, "{line}: {}", show(&response));
        let payload = world.functions.last_call().payload;
        let mut event = String::from_utf8(payload.to_vec()).unwrap();
        let parsed: Value = serde_json::from_str(&event).unwrap();
        let context = &parsed["requestContext"];
        for (name, value) in [
            ("api", &context["apiId"]),
            ("resource", &context["resourceId"]),
            ("deployment", &context["deploymentId"]),
            ("extended", &context["extendedRequestId"]),
            ("id", &context["requestId"]),
            ("trace", &parsed["headers"]["X-Amzn-Trace-Id"]),
            ("trace", &parsed["headers"]["x-amzn-trace-id"]),
        ] {
            if let Some(value) = value.as_str() {
                event = event.replace(value, &format!("({name})"));
            }
        }
        writeln!(written, "{line} {headers:?} {body:?}\n    {event}").unwrap();
    }
}

#[tokio::test]
async fn events_are_whole() {
    let mut written = String::new();
    let world = World::new();
    world.functions.set("f", Play::Answer("{}"));
    world.make("api", r#"POST /restapis {"name":"x","binaryMediaTypes":["image/png"]}"#).await;
    world.add_method("ANY", "/{proxy+}", &World::lambda("f")).await;
    let named = r#"{"patchOperations":[{"op":"replace","path":"/operationName","value":"Named"}]}"#;
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/ANY {named}")).await;
    world.make("d", r#"POST /restapis/$api/deployments {"stageName":"dev","variables":{"v":"1"}}"#).await;
    written.push_str("# REST\n");
    events(&world, &mut written).await;
    for payload in ["1.0", "2.0"] {
        let world = http_apis::world("dev", payload, &["ANY /{proxy+}"]).await;
        world.functions.set("f", Play::Answer(r#"{"statusCode":200}"#));
        writeln!(written, "# HTTP {payload}").unwrap();
        events(&world, &mut written).await;
    }
    expect_file!["./scripts/events.txt"].assert_eq(&written);
}

/// Regional APIs may wait longer than 29 seconds, with a quota that counts as raised; those behind a CDN may not.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
#[tokio::test]
async fn how_long_integrations_may_take() {
    let no = |max: u32| format!("400 Timeout should be between 50 ms and {max} ms");
    for (kind, timeout_ms, expected) in [
        ("EDGE", 29_000, "201".to_owned()),
        ("EDGE", 29_001, no(29_000)),
        ("REGIONAL", 300_000, "201".to_owned()),
        ("PRIVATE", 300_000, "201".to_owned()),
        ("REGIONAL", 300_001, no(300_000)),
        ("REGIONAL", 49, no(300_000)),
    ] {
        let world = World::new();
        let api = json!({ "name": "x", "endpointConfiguration": { "types": [kind] } });
        world.make("api", &format!("POST /restapis {api}")).await;
        let to = "/restapis/$api/resources/$api_root/methods/GET";
        world.make("m", &format!(r#"PUT {to} {{"authorizationType":"NONE"}}"#)).await;
        let integration = json!({ "type": "MOCK", "timeoutInMillis": timeout_ms });
        let (status, body) = world.control(&format!("PUT {to}/integration {integration}")).await;
        let told = body["message"].as_str().map_or(String::new(), |text| format!(" {text}"));
        assert_eq!(format!("{status}{told}"), expected, "{kind} {timeout_ms}");
    }
}

/// What goes through a link goes to the integration's URI; a link's id may be a stage variable.
#[tokio::test]
async fn links_into_vpcs() {
    let address = backend().await;
    let uri = format!("http://{address}/in/{{proxy}}");
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let target = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/n/1";
    let link = json!({ "name": "l", "targetArns": [target] });
    world.make("link", &format!("POST /vpclinks {link}")).await;
    for (path, kind, id) in [
        ("/a/{proxy+}", "HTTP_PROXY", world.name("link")),
        ("/b/{proxy+}", "HTTP", "${stageVariables.link}".to_owned()),
    ] {
        let integration = json!({ "type": kind, "httpMethod": "POST", "uri": uri, "connectionType": "VPC_LINK", "connectionId": id });
        world.add_method("POST", path, &integration.to_string()).await;
        if kind == "HTTP" {
            let to = "/restapis/$api/resources/$resource/methods/POST";
            world.make("r", &format!("PUT {to}/responses/200 {{}}")).await;
            world.make("r", &format!("PUT {to}/integration/responses/200 {{}}")).await;
        }
    }
    let stage = json!({ "stageName": "dev", "variables": { "link": world.name("link") } });
    world.make("d", &format!("POST /restapis/$api/deployments {stage}")).await;
    for path in ["a", "b"] {
        let request = world.request_with(&format!("POST /dev/{path}/x/y"), &[], "body");
        let answer = show(&world.gateway.serve(request).await);
        assert!(answer.starts_with("200 POST /in/x/y\n") && answer.ends_with("\nbody"), "{path}: {answer}");
    }

    let world = http_apis::world("dev", "2.0", &[]).await;
    world.make("link", r#"POST /v2/vpclinks {"name":"l","subnetIds":["subnet-1"]}"#).await;
    let integration = json!({ "integrationType": "HTTP_PROXY", "integrationUri": uri, "integrationMethod": "ANY",
        "connectionType": "VPC_LINK", "connectionId": world.name("link"), "payloadFormatVersion": "1.0" });
    world.make("there", &format!("POST /v2/apis/$api/integrations {integration}")).await;
    let route = r#"{"routeKey":"ANY /{proxy+}","target":"integrations/$there"}"#;
    world.make("route", &format!("POST /v2/apis/$api/routes {route}")).await;
    let answer = world.get("GET /dev/x/y").await;
    assert!(answer.starts_with("200 GET /in/x/y\n"), "{answer}");
}
