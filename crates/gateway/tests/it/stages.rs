//! What stages do beside answering: they write logs, keep answers and split their traffic.

use expect_test::expect_file;
use serde_json::json;

use crate::world::{Play, World, function_uri};

const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:apis";

impl World {
    /// PATCH operations on the stage `dev`; `path value` sets, `- path` removes.
    async fn set(&self, changes: &[(&str, &str)]) {
        let role =
            r#"{"op":"replace","path":"/cloudwatchRoleArn","value":"arn:aws:iam::000000000000:role/logs"}"#;
        self.make("account", &format!(r#"PATCH /account {{"patchOperations":[{role}]}}"#)).await;
        let operations = changes
            .iter()
            .map(|(path, value)| serde_json::json!({ "op": "replace", "path": path, "value": value }));
        let body = serde_json::json!({ "patchOperations": operations.collect::<Vec<_>>() });
        self.make("stage", &format!("PATCH /restapis/$api/stages/dev {body}")).await;
    }
}

#[tokio::test]
async fn access_logs_say_how_requests_ended() {
    let world = World::new();
    world.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    world.functions.set("bad", Play::Fail(r#"{"errorMessage":"no"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a/{id}", &World::lambda("one")).await;
    world.add_method("POST", "/bad", &World::lambda("bad")).await;
    world.deploy("dev").await;
    let format = "$context.requestId $context.httpMethod $context.path $context.resourcePath $context.status \
                  $context.responseLength $context.integrationStatus $context.error.responseType \
                  $context.error.messageString $context.authorizer.principalId $context.isCanaryRequest \
                  [$context.requestTime] $context.identity.sourceIp $context.identity.userAgent $context.wafResponseCode";
    world.set(&[("/accessLogSettings/destinationArn", GROUP), ("/accessLogSettings/format", format)]).await;
    for line in ["GET /dev/a/1?b=2", "POST /dev/bad", "GET /dev/nowhere"] {
        world.get(line).await;
    }
    let id = "00000000-0000-0000-0000-000000000007";

    let lines = world.logs.take("apis").into_iter();
    let lines = lines.map(|line| line.replace(id, "ID").split(" [").next().unwrap().to_owned());

    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "ID GET /dev/a/1 /a/{id} 200 3 200 - - - -",
            r#"ID POST /dev/bad /bad 502 36 200 DEFAULT_5XX "Internal server error" - -"#,
            r#"ID GET /dev/nowhere - 403 42 - MISSING_AUTHENTICATION_TOKEN "Missing Authentication Token" - -"#,
        ]
    );
}

/// Every variable that AWS lists for access logs of REST APIs.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>
const VARIABLES: &str = "accountId apiId authorize.error authorize.latency authorize.status authorizer.claims.sub \
    authorizer.error authorizer.integrationLatency authorizer.integrationStatus authorizer.latency authorizer.principalId \
    authorizer.role authorizer.requestId authorizer.status authenticate.error authenticate.latency authenticate.status \
    awsEndpointRequestId cipherSuite customDomain.basePathMatched deploymentId domainName domainPrefix endpointType \
    error.message error.messageString error.responseType error.validationErrorString extendedRequestId httpMethod \
    identity.accountId identity.apiKey identity.apiKeyId identity.caller identity.clientCert.clientCertPem \
    identity.clientCert.subjectDN identity.clientCert.issuerDN identity.clientCert.serialNumber \
    identity.clientCert.validity.notBefore identity.clientCert.validity.notAfter identity.cognitoAuthenticationProvider \
    identity.cognitoAuthenticationType identity.cognitoIdentityId identity.cognitoIdentityPoolId identity.principalOrgId \
    identity.sourceIp identity.user identity.userAgent identity.userArn identity.vpcId identity.vpceId integration.error \
    integration.integrationStatus integration.latency integration.requestId integration.responseTransferMode \
    integration.status integration.timeToAllHeaders integration.timeToFirstContent integrationErrorMessage \
    integrationLatency integrationStatus isCanaryRequest path protocol requestId requestTime requestTimeEpoch \
    requestOverride.path.x resourceId resourcePath responseLatency responseLength responseOverride.status stage status \
    tlsVersion waf.error waf.latency waf.status webaclArn wafResponseCode xrayTraceId";

#[tokio::test]
async fn access_logs_know_every_variable() {
    let world = World::new();
    world.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    world.functions.set(
        "decide",
        Play::Answer(r#"{"principalId":"u","context":{"role":"admin"},"policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"*","Effect":"Allow","Resource":"*"}]}}"#),
    );
    world.make("api", r#"POST /restapis {"name":"x","endpointConfiguration":{"types":["REGIONAL"]}}"#).await;
    world.add_method("GET", "/a/{id}", &World::lambda("one")).await;
    let authorizer = json!({ "name": "a", "type": "TOKEN", "identitySource": "method.request.header.Auth",
        "authorizerUri": function_uri("decide") });
    world.make("a", &format!("POST /restapis/$api/authorizers {authorizer}")).await;
    let patch = json!({ "patchOperations": [
        { "op": "replace", "path": "/authorizationType", "value": "CUSTOM" },
        { "op": "replace", "path": "/authorizerId", "value": world.name("a") },
    ]});
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/GET {patch}")).await;
    world.deploy("dev").await;
    let format: String =
        VARIABLES.split_whitespace().map(|name| format!("{name}=$context.{name};")).collect();
    let settings =
        [("/accessLogSettings/destinationArn", GROUP), ("/accessLogSettings/format", format.as_str())];
    world.set(&settings).await;
    world.set(&[("/tracingEnabled", "true")]).await;
    for headers in [&[("auth", "t")][..], &[]] {
        world.gateway.serve(world.request_with("GET /dev/a/1", headers, "")).await;
    }
    // What differs from run to run: ids, and what is made of them.
    let steady = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        let is_made = matches!(
            name,
            "apiId" | "deploymentId" | "domainPrefix" | "extendedRequestId" | "resourceId" | "xrayTraceId"
        );
        let shown = if is_made && value != "-" { "ID" } else { value };
        format!("{name}={}", shown.replace(&world.name("api"), "API"))
    };
    let lines = world.logs.take("apis").into_iter();
    let lines: Vec<String> = lines
        .map(|line| {
            line.split_terminator(';')
                .map(steady)
                .filter(|pair| !pair.ends_with("=-"))
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    expect_file!["./access_logs/rest.txt"].assert_eq(&lines.join("\n\n"));
}

/// What differs from run to run, by a name.
fn steady(text: &str) -> String {
    let text = text.replace("00000000-0000-0000-0000-000000000007", "ID");
    match text.split_once("Extended Request Id: ") {
        Some((before, _)) => format!("{before}Extended Request Id: X"),
        None => text,
    }
}

const MAPPED: &str = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\":200}"}}"#;

#[tokio::test]
async fn execution_logs_tell_the_steps() {
    let world = World::new();
    world.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    world.functions.set("bad", Play::Fail(r#"{"errorMessage":"no"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a/{id}", &World::lambda("one")).await;
    world.add_method("POST", "/bad", &World::lambda("bad")).await;
    world.add_method("GET", "/quiet", MAPPED).await;
    let to = "/restapis/$api/resources/$resource/methods/GET/integration/responses/200";
    world.make("r", &format!("PUT {to} {{}}")).await;
    world.deploy("dev").await;
    let group = format!("API-Gateway-Execution-Logs_{}/dev", world.name("api"));
    world.get("GET /dev/a/1").await;
    assert_eq!(world.logs.take(&group), Vec::<String>::new(), "nobody asked for it");

    world.set(&[("/*/*/logging/loglevel", "ERROR"), ("/~1a~1{id}/GET/logging/loglevel", "INFO")]).await;
    world.get("GET /dev/quiet").await;
    world.get("POST /dev/bad").await;
    let error = [
        "(ID) Lambda execution failed with status 200 due to customer function error: no. Lambda request id: ID",
        "(ID) Method completed with status: 502",
    ];
    let lines: Vec<_> = world.logs.take(&group).iter().map(|line| steady(line)).collect();
    assert_eq!(lines, error);

    world.get("GET /dev/a/1?q=2").await;
    let api = world.name("api");
    let info = [
        "(ID) Extended Request Id: X".to_owned(),
        format!("(ID) Verifying Usage Plan for request: ID. API Key:  API Stage: {api}/dev"),
        "(ID) API Key  authorized because method 'GET /a/{id}' does not require API Key. Request will not contribute \
         to throttle or quota limits"
            .to_owned(),
        format!("(ID) Usage Plan check succeeded for API Key  and API Stage {api}/dev"),
        "(ID) Starting execution for request: ID".to_owned(),
        "(ID) HTTP Method: GET, Resource Path: /a/1".to_owned(),
        "(ID) Successfully completed execution".to_owned(),
        "(ID) Method completed with status: 200".to_owned(),
        "(ID) AWS Integration Endpoint RequestId : ID".to_owned(),
    ];
    let lines: Vec<_> = world.logs.take(&group).iter().map(|line| steady(line)).collect();
    assert_eq!(lines, info);

    world.set(&[("/~1a~1{id}/GET/logging/dataTrace", "true")]).await;
    let secret = [("authorization", "Bearer 0123456789"), ("user-agent", "t")];
    world.gateway.serve(world.request_with("GET /dev/a/1?q=2", &secret, "")).await;
    let lines = world.logs.take(&group);
    let headers = lines.iter().find(|line| line.contains("Method request headers")).unwrap();
    assert!(headers.contains("Authorization=***********456789, User-Agent=t, "), "{headers}");
    assert_eq!(lines.len(), 22, "{lines:#?}");
}

#[tokio::test]
async fn a_method_is_tried_out() {
    let world = World::new();
    world.functions.set("one", Play::Echo);
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a/{id}", &World::lambda("one")).await;
    let to = format!("POST /restapis/$api/resources/{}/methods/GET", world.name("resource"));
    let input = r#"{"pathWithQueryString":"/a/7?q=1&q=2","headers":{"x":"y"},"multiValueHeaders":{"z":["1","2"]},"stageVariables":{"v":"1"}}"#;
    let (status, body) = world.control(&format!("{to} {input}")).await;
    assert_eq!((status, &body["status"]), (200, &serde_json::json!(200)), "{body}");
    let event: serde_json::Value = serde_json::from_str(body["body"].as_str().unwrap()).unwrap();
    assert_eq!(event["pathParameters"], serde_json::json!({"id": "7"}));
    assert_eq!(event["multiValueHeaders"], serde_json::json!({"X": ["y"], "Z": ["1", "2"]}));
    assert_eq!(event["stageVariables"], serde_json::json!({"v": "1"}));
    assert_eq!(event["requestContext"]["stage"], "test-invoke-stage");
    assert_eq!(event["requestContext"]["path"], "/a/7");
    let log = body["log"].as_str().unwrap();
    let steps: Vec<&str> =
        log.lines().map(|line| line.split_once(" : ").map_or(line, |(_, step)| step)).collect();
    let names: Vec<&str> = steps.iter().map(|step| step.split([':', '{']).next().unwrap()).collect();
    assert!(names[0].starts_with("Execution log for request "), "{log}");
    assert_eq!(
        names[1..],
        [
            "Starting execution for request",
            "HTTP Method",
            "Method request path",
            "Method request query string",
            "Method request headers",
            "Method request body before transformations",
            "Endpoint request URI",
            "Endpoint request headers",
            "Endpoint request body after transformations",
            "Sending request to https",
            "Received response. Status",
            "Endpoint response headers",
            "Endpoint response body before transformations",
            "Method response body after transformations",
            "Method response headers",
            "Successfully completed execution",
            "Method completed with status",
        ]
    );
    assert_eq!(
        steps[3..6],
        [
            "Method request path: {id=7}",
            "Method request query string: {q=1,2}",
            "Method request headers: {X=y, Z=1,2}",
        ]
    );
}

#[tokio::test]
async fn what_fails_when_it_is_tried_out_says_why() {
    let world = World::new();
    world.functions.set("bad", Play::Answer(r#"{"statusCode":200,"nope":1}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/a/{id}", &World::lambda("bad")).await;
    let to = format!("POST /restapis/$api/resources/{}/methods/GET", world.name("resource"));
    let resource = world.name("resource");
    let (_, body) = world.control(&format!("{to} {{}}")).await;
    assert_eq!(body["status"], 502);
    let log = body["log"].as_str().unwrap();
    assert!(
        log.contains(" : Execution failed due to configuration error: Malformed Lambda proxy response"),
        "{log}"
    );
    assert!(log.ends_with(" : Method completed with status: 502\n"), "{log}");
    for (line, expected) in [
        (to.replace("GET", "PUT"), "Invalid Method identifier specified"),
        (to.replace(&resource, "nope"), "Invalid Resource identifier specified"),
        (to.clone(), "Invalid Client Certificate"),
    ] {
        let (status, body) = world.control(&format!("{line} {}", r#"{"clientCertificateId":"nope"}"#)).await;
        let message = body["message"].as_str().unwrap_or_default();
        assert!(
            status == 404 && message.to_lowercase().starts_with(&expected.to_lowercase()),
            "{line}: {body}"
        );
    }
}

/// An API whose function `one` answers `GET /a/{id}` and `POST /a/{id}`, keyed by what is asked for.
async fn cached(world: &World) {
    world.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let integration = serde_json::from_str::<serde_json::Value>(&World::lambda("one")).unwrap();
    for method in ["GET", "POST"] {
        let mut integration = integration.clone();
        integration["cacheKeyParameters"] =
            serde_json::json!(["method.request.path.id", "method.request.querystring.q"]);
        world.add_method(method, "/a/{id}", &integration.to_string()).await;
    }
    world.deploy("dev").await;
    world.set(&[("/cacheClusterEnabled", "true"), ("/*/*/caching/enabled", "true")]).await;
}

/// Two nodes on one database: each keeps its own answers, and a flush is for both.
#[tokio::test]
async fn flushes_reach_other_nodes() {
    let store = store::Store::memory();
    let here = World::on(store.clone()).with(gateway::Gateway::sharing);
    let there = World::on(store).with(gateway::Gateway::sharing);
    cached(&here).await;
    there.know(&here);
    there.functions.set("one", Play::Answer(r#"{"body":"one"}"#));
    let recreate = format!(
        r#"POST /restapis/$api/stages {{"stageName":"dev","deploymentId":"{}","cacheClusterEnabled":true}}"#,
        here.name("deployment")
    );
    for (calls, lines) in [
        (1, &[][..]),
        (2, &["DELETE /restapis/$api/stages/dev/cache/data"][..]),
        (3, &["DELETE /restapis/$api/stages/dev", recreate.as_str()][..]),
    ] {
        for line in lines {
            here.clock.advance(std::time::Duration::from_secs(1));
            here.make("f", line).await;
        }
        if lines.len() > 1 {
            here.set(&[("/*/*/caching/enabled", "true")]).await;
        }
        for _ in 0..3 {
            assert_eq!(there.get("GET /dev/a/1").await, "200 one");
        }
        assert_eq!(there.functions.count(), calls);
    }
}

#[tokio::test]
async fn answers_are_kept_by_their_keys() {
    let world = World::new();
    cached(&world).await;
    for (line, calls) in [
        ("GET /dev/a/1", 1),
        ("GET /dev/a/1", 1),
        ("GET /dev/a/1?other=2", 1),
        ("GET /dev/a/2", 2),
        ("GET /dev/a/1?q=1", 3),
        ("GET /dev/a/1?q=1", 3),
        ("POST /dev/a/1", 4),
        ("POST /dev/a/1", 5),
    ] {
        assert_eq!(world.get(line).await, "200 one", "{line}");
        assert_eq!(world.functions.count(), calls, "{line}");
    }
    // Its time is over.
    world.clock.advance(std::time::Duration::from_secs(301));
    world.get("GET /dev/a/1").await;
    assert_eq!(world.functions.count(), 6);
    world.make("f", "DELETE /restapis/$api/stages/dev/cache/data").await;
    world.get("GET /dev/a/1").await;
    assert_eq!(world.functions.count(), 7);
    world
        .set(&[("/~1a~1{id}/POST/caching/enabled", "true"), ("/~1a~1{id}/POST/caching/ttlInSeconds", "0")])
        .await;
    world.get("POST /dev/a/1").await;
    world.get("POST /dev/a/1").await;
    assert_eq!(world.functions.count(), 9, "kept for no time");
    world.functions.set("one", Play::Answer(r#"{"statusCode":500}"#));
    world.make("f", "DELETE /restapis/$api/stages/dev/cache/data").await;
    world.get("GET /dev/a/1").await;
    world.get("GET /dev/a/1").await;
    assert_eq!(world.functions.count(), 11, "errors are not kept");
}

#[tokio::test]
async fn callers_can_ask_for_fresh_answers() {
    let world = World::new();
    cached(&world).await;
    let fresh = [("cache-control", "no-transform, max-age=0")];
    let ask = async || world.gateway.serve(world.request_with("GET /dev/a/1", &fresh, "")).await;
    ask().await;
    let answer = ask().await;
    let warning = "199 Cache-control headers were ignored because the caller was unauthorized.";
    assert_eq!((answer.status, world.functions.count()), (200, 1));
    assert_eq!(answer.headers["warning"], warning);
    let strategy = "/*/*/caching/unauthorizedCacheControlHeaderStrategy";
    world.set(&[(strategy, "SUCCEED_WITHOUT_RESPONSE_HEADER")]).await;
    let answer = ask().await;
    assert_eq!((answer.status, world.functions.count(), answer.headers.get("warning")), (200, 1, None));
    world.set(&[(strategy, "FAIL_WITH_403")]).await;
    assert_eq!((ask().await.status, world.functions.count()), (403, 1));
    world.set(&[("/*/*/caching/requireAuthorizationForCacheControl", "false")]).await;
    assert_eq!((ask().await.status, world.functions.count()), (200, 2));
    world.get("GET /dev/a/1").await;
    assert_eq!(world.functions.count(), 2, "the fresh answer is kept");
}

/// The same requests go to the same release whenever they are sent, and the shares are what they should be.
#[tokio::test]
async fn canaries_split_by_request_ids() {
    let world = World::new();
    world.functions.set("old", Play::Answer(r#"{"body":"old"}"#));
    world.functions.set("new", Play::Answer(r#"{"body":"new"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/", &World::lambda("${stageVariables.fn}")).await;
    world.make("d", r#"POST /restapis/$api/deployments {"stageName":"dev","variables":{"fn":"old"}}"#).await;
    let canary =
        r#"{"stageName":"dev","canarySettings":{"percentTraffic":10,"stageVariableOverrides":{"fn":"new"}}}"#;
    world.make("c", &format!("POST /restapis/$api/deployments {canary}")).await;
    let mut counts = Vec::new();
    for percent in ["0", "10", "10", "50", "99.9", "100"] {
        world.set(&[("/canarySettings/percentTraffic", percent)]).await;
        let mut new = 0;
        for seed in 0..1000_u128 {
            let mut request = world.request("GET /dev");
            request.request_id =
                base::RequestId(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            new += u32::from(world.gateway.serve(request).await.body == "new");
        }
        counts.push(new);
    }
    assert_eq!(counts, [0, 101, 101, 483, 1000, 1000]);

    let promote = r#"{"patchOperations":[
        {"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"},
        {"op":"copy","from":"/canarySettings/stageVariableOverrides","path":"/variables"},
        {"op":"remove","path":"/canarySettings"}]}"#;
    let stage =
        world.make("s", &format!("PATCH /restapis/$api/stages/dev {}", promote.replace('\n', ""))).await;
    assert_eq!(stage["deploymentId"], world.name("c").as_str());
    assert_eq!(stage.get("canarySettings"), None);
    assert_eq!(world.get("GET /dev").await, "200 new");
}

/// With `useStageCache` a canary answers what the stage has kept; without, it keeps its own.
#[tokio::test]
async fn canaries_share_the_cache_if_they_are_told_to() {
    for (shares, expected) in [("true", "200 one"), ("false", "200 two")] {
        let world = World::new();
        cached(&world).await;
        assert_eq!(world.get("GET /dev/a/1").await, "200 one");
        world.functions.set("one", Play::Answer(r#"{"body":"two"}"#));
        let canary = format!(
            r#"{{"stageName":"dev","canarySettings":{{"percentTraffic":100,"useStageCache":{shares}}}}}"#
        );
        world.make("c", &format!("POST /restapis/$api/deployments {canary}")).await;
        for _ in 0..2 {
            assert_eq!(world.get("GET /dev/a/1").await, expected, "useStageCache {shares}");
        }
        world.set(&[("/canarySettings/percentTraffic", "0")]).await;
        assert_eq!(world.get("GET /dev/a/1").await, "200 one", "the stage's own is as it was");
    }
}

#[tokio::test]
async fn traced_stages_sample_and_say_so() {
    let world = World::new();
    world.functions.set("one", Play::Echo);
    world.deploy_one("GET", "/", &World::lambda("one")).await;
    let sampled = async |headers: &[(&str, &str)]| {
        let answer = world.gateway.serve(world.request_with("GET /dev", headers, "")).await;
        let trace = answer.headers["x-amzn-trace-id"].to_str().unwrap().to_owned();
        assert_eq!(world.functions.last_call().trace.header(), trace);
        trace.rsplit(';').next().unwrap().to_owned()
    };
    assert_eq!(sampled(&[]).await, "Sampled=0");
    world.set(&[("/tracingEnabled", "true")]).await;
    assert_eq!(sampled(&[]).await, "Sampled=1");
    assert_eq!(
        sampled(&[("x-amzn-trace-id", "Root=1-5e1b4151-5ac6c58f5b5daa6532e4a0d2")]).await,
        "Sampled=1"
    );
    let decided = [("x-amzn-trace-id", "Root=1-5e1b4151-5ac6c58f5b5daa6532e4a0d2;Sampled=0")];
    assert_eq!(sampled(&decided).await, "Sampled=0");
}
