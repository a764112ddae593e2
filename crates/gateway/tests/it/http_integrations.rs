//! What HTTP APIs lead to beyond functions, and what their mappings make of requests and answers.

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::backends::backend;
use crate::http_apis;
use crate::world::{Play, World, show, show_headers};

/// A route `key` to the integration `settings`.
async fn route(world: &World, key: &str, settings: &Value) {
    world.make("other", &format!("POST /v2/apis/$api/integrations {settings}")).await;
    let line = format!(r#"POST /v2/apis/$api/routes {{"routeKey":"{key}","target":"integrations/$other"}}"#);
    world.make("route", &line).await;
}

fn proxy(uri: &str) -> Value {
    json!({ "integrationType": "HTTP_PROXY", "integrationUri": uri, "integrationMethod": "ANY" })
}

#[tokio::test]
async fn requests_go_to_a_url() {
    let address = backend().await;
    let world = http_apis::world("dev", "2.0", &[]).await;
    route(&world, "ANY /a/{rest+}", &proxy(&format!("http://{address}/b/{{rest}}?c=1"))).await;
    let headers = [("x-a", "1"), ("connection", "x-hop"), ("x-hop", "1")];
    let answer = world.gateway.serve(world.request_with("POST /dev/a/x%2Fy/z?q=1", &headers, "body")).await;
    assert_eq!(show(&answer), "200 POST /b/x%2Fy/z?c=1&q=1\nx-a: 1\nx-forwarded-for: 127.0.0.1\nbody");
    let headers = show_headers(&answer);
    assert!(
        headers.contains("set-cookie: a; set-cookie: b")
            && headers.contains("x-amzn-remapped-server: backend")
    );
    route(&world, "GET /404", &proxy(&format!("http://{address}/404"))).await;
    assert!(world.get("GET /dev/404").await.starts_with("404 GET /404"));
    route(&world, "GET /closed", &proxy("http://127.0.0.1:9/")).await;
    assert_eq!(world.get("GET /dev/closed").await, r#"503 {"message":"Service Unavailable"}"#);
}

#[tokio::test]
async fn what_cannot_be_reached_is_said() {
    let world = http_apis::world("$default", "2.0", &[]).await;
    let listener = "arn:aws:elasticloadbalancing:us-east-1:0:listener/app/a/b/c";
    let mut link = proxy(listener);
    link["connectionType"] = "VPC_LINK".into();
    link["connectionId"] = "x".into();
    route(&world, "GET /b", &link).await;
    let answer = world.get("GET /b").await;
    assert!(answer.starts_with("500") && answer.contains("by its ARN of HTTP APIs"), "{answer}");
}

#[tokio::test]
async fn requests_and_answers_are_mapped() {
    let address = backend().await;
    let world = http_apis::world("$default", "2.0", &[]).await;
    let mut there = proxy(&format!("http://{address}/x"));
    there["requestParameters"] = json!({
        "overwrite:path": "/m/${request.path.id}",
        "append:header.x-mapped": "$request.querystring.q",
        "overwrite:header.x-a": "${context.stage}-${stageVariables.a}",
        "remove:querystring.q": "''",
        "append:querystring.from": "$request.body.who",
        "append:querystring.none": "$request.header.none",
    });
    there["responseParameters"] = json!({ "200": {
        "overwrite:statuscode": "202",
        "append:header.x-from": "$response.header.x-backend",
        "remove:header.set-cookie": "''",
    }});
    route(&world, "POST /a/{id}", &there).await;
    let answer = world
        .gateway
        .serve(world.request_with("POST /a/7?q=1&r=2", &[("x-a", "old")], r#"{"who":"a b"}"#))
        .await;
    let expected = "202 POST /m/7?r=2&from=a%20b\nx-a: $default-b\nx-mapped: 1\nx-forwarded-for: 127.0.0.1\n{\"who\":\"a b\"}";
    assert_eq!(show(&answer), expected);
    let headers = show_headers(&answer);
    assert!(headers.contains("x-from: yes") && !headers.contains("set-cookie"), "{headers}");
}

#[tokio::test]
async fn functions_see_mapped_requests() {
    let world = http_apis::world("$default", "2.0", &["GET /a/{id}"]).await;
    world.functions.set("f", Play::Echo);
    let mappings = json!({ "requestParameters": { "overwrite:header.x-a": "new", "overwrite:path": "/b" },
        "responseParameters": { "200": { "append:header.x-b": "$context.routeKey" } } });
    world.make("there", &format!("PATCH /v2/apis/$api/integrations/$there {mappings}")).await;
    let answer = world.gateway.serve(world.request_with("GET /a/1", &[("x-a", "old")], "")).await;
    let event: Value = serde_json::from_str(show(&answer).strip_prefix("200 ").unwrap()).unwrap();
    assert_eq!((&event["headers"]["x-a"], &event["rawPath"]), (&json!("new"), &json!("/b")));
    assert_eq!(event["pathParameters"], json!({ "id": "1" }));
    assert!(show_headers(&answer).contains("x-b: GET /a/{id}"));
}

#[tokio::test]
async fn an_api_is_made_with_what_answers() {
    let world = World::new();
    let address = backend().await;
    let line = |settings: Value| format!("POST /v2/apis {settings}");
    let (status, refused) =
        world.control(&line(json!({ "name": "q", "protocolType": "HTTP", "routeKey": "GET /" }))).await;
    assert_eq!((status, &refused["message"]), (400, &json!("Target is required to quick create an API")));
    let target = format!("http://{address}/");
    world.make("api", &line(json!({ "name": "q", "protocolType": "HTTP", "target": target }))).await;
    assert!(world.get("GET /any?a=b").await.starts_with("200 GET /?a=b"));
    let (_, stage) = world.control("GET /v2/apis/$api/stages/$default").await;
    assert_eq!((&stage["apiGatewayManaged"], &stage["autoDeploy"]), (&json!(true), &json!(true)));
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let change = json!({ "target": function, "routeKey": "GET /f" });
    world.make("api", &format!("PATCH /v2/apis/$api {change}")).await;
    world.functions.set(function, Play::Answer(r#""hi""#));
    assert_eq!(world.get("GET /f").await, "200 hi");
    assert_eq!(world.get("GET /any").await, r#"404 {"message":"Not Found"}"#);
}

/// Every variable that AWS lists for access logs of HTTP APIs, in alphabetical order.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>
const VARIABLES: &str = "accountId apiId authorizer.claims.sub authorizer.error authorizer.principalId \
    authorizer.role awsEndpointRequestId awsEndpointRequestId2 customDomain.basePathMatched dataProcessed domainName \
    domainPrefix error.message error.messageString error.responseType extendedRequestId httpMethod \
    identity.accountId identity.caller identity.cognitoAuthenticationProvider identity.cognitoAuthenticationType \
    identity.cognitoIdentityId identity.cognitoIdentityPoolId identity.clientCert.clientCertPem \
    identity.clientCert.subjectDN identity.principalOrgId identity.sourceIp identity.user identity.userAgent \
    identity.userArn integration.error integration.integrationStatus integration.latency integration.requestId \
    integration.status integrationErrorMessage integrationLatency integrationStatus path protocol requestId requestTime \
    requestTimeEpoch responseLatency responseLength routeKey stage status";

#[tokio::test]
async fn access_logs_know_every_variable() {
    let world = http_apis::world("$default", "2.0", &["GET /a/{id}"]).await;
    world.functions.set("f", Play::Answer(r#"{"statusCode":201,"body":"hi"}"#));
    let format: String =
        VARIABLES.split_whitespace().map(|name| format!("{name}=$context.{name};")).collect();
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:web";
    let settings = json!({ "accessLogSettings": { "destinationArn": arn, "format": format } });
    world.control(&format!("PATCH /v2/apis/$api/stages/$default {settings}")).await;
    world.get("GET /a/1").await;
    world.get("GET /b").await;
    let steady = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        let is_made = matches!(name, "apiId" | "domainPrefix" | "extendedRequestId" | "requestId");
        let shown = if is_made && value != "-" { "ID" } else { value };
        format!("{name}={}", shown.replace(&world.name("api"), "API"))
    };
    let lines = world.logs.take("web").into_iter();
    let known = |line: String| {
        let pairs = line.split_terminator(';').map(steady).filter(|pair| !pair.ends_with("=-"));
        pairs.collect::<Vec<_>>().join("\n")
    };
    expect_file!["./access_logs/http.txt"].assert_eq(&lines.map(known).collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn stages_write_access_logs() {
    let world = http_apis::world("$default", "2.0", &["GET /a/{id}"]).await;
    world.functions.set("f", Play::Answer(r#"{"statusCode":201,"body":"hi"}"#));
    let format = "$context.routeKey $context.status $context.responseLength $context.integrationStatus \
                  $context.error.message $context.path $context.stage";
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:web";
    let settings = json!({ "accessLogSettings": { "destinationArn": arn, "format": format } });
    world.control(&format!("PATCH /v2/apis/$api/stages/$default {settings}")).await;
    world.get("GET /a/1").await;
    world.get("GET /b").await;
    world.functions.set("f", Play::Fail("{}"));
    world.get("GET /a/2").await;
    assert_eq!(
        world.logs.take("web"),
        [
            "GET /a/{id} 201 2 201 - /a/1 $default",
            "- 404 23 - Not Found /b $default",
            "GET /a/{id} 500 35 - Internal Server Error /a/2 $default",
        ]
    );
    let bad = json!({ "accessLogSettings": { "destinationArn": "here", "format": format } });
    let (status, refused) = world.control(&format!("PATCH /v2/apis/$api/stages/$default {bad}")).await;
    assert_eq!(status, 400, "{refused}");
}
