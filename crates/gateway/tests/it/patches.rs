//! PATCH of everything that REST APIs have: each path that AWS documents is taken, what comes of all of them stands in
//! `patches/taken.txt`; what nothing has is refused, in the words of its resource.

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::world::World;

/// What is made before anything is patched: name, request.
const MADE: &[(&str, &str)] = &[
    ("api", r#"POST /restapis {"name":"x"}"#),
    ("parent", r#"POST /restapis/$api/resources/$api_root {"pathPart":"p"}"#),
    ("resource", r#"POST /restapis/$api/resources/$api_root {"pathPart":"a"}"#),
    ("m", r#"PUT /restapis/$api/resources/$resource/methods/GET {"authorizationType":"NONE"}"#),
    ("m", r#"PUT /restapis/$api/resources/$resource/methods/GET/responses/200 {}"#),
    (
        "m",
        r#"PUT /restapis/$api/resources/$resource/methods/GET/integration {"type":"HTTP","httpMethod":"GET","uri":"http://127.0.0.1/"}"#,
    ),
    ("m", r#"PUT /restapis/$api/resources/$resource/methods/GET/integration/responses/200 {}"#),
    ("old", r#"POST /restapis/$api/deployments {}"#),
    ("deployment", r#"POST /restapis/$api/deployments {"stageName":"dev"}"#),
    ("model", r#"POST /restapis/$api/models {"name":"M","contentType":"application/json","schema":"{}"}"#),
    ("validator", r#"POST /restapis/$api/requestvalidators {"name":"v"}"#),
    (
        "authorizer",
        r#"POST /restapis/$api/authorizers {"name":"a","type":"TOKEN","authorizerUri":"$uri","identitySource":"method.request.header.Auth"}"#,
    ),
    (
        "pool",
        r#"POST /restapis/$api/authorizers {"name":"c","type":"COGNITO_USER_POOLS","providerARNs":["arn:aws:cognito-idp:us-east-1:0:userpool/a"],"identitySource":"method.request.header.Auth"}"#,
    ),
    (
        "tokens",
        r#"POST /restapis/$api/authorizers {"name":"j","type":"JWT","identitySource":"method.request.header.Auth","jwtConfiguration":{"issuers":[{"issuer":"https://a","audiences":["b"]}],"defaultAlgorithms":["RS256"]}}"#,
    ),
    ("part", r#"POST /restapis/$api/documentation/parts {"location":{"type":"API"},"properties":"{}"}"#),
    ("m", r#"POST /restapis/$api/documentation/versions {"documentationVersion":"1"}"#),
    (
        "link",
        r#"POST /vpclinks {"name":"x","targetArns":["arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/n/1"]}"#,
    ),
    ("key", r#"POST /apikeys {"name":"k","enabled":true}"#),
    ("plan", r#"POST /usageplans {"name":"p","quota":{"limit":5,"period":"DAY"}}"#),
    ("m", r#"POST /usageplans/$plan/keys {"keyId":"$key","keyType":"API_KEY"}"#),
    (
        "m",
        r#"POST /domainnames {"domainName":"a.example.com","regionalCertificateArn":"arn:aws:acm:us-east-1:0:certificate/a","endpointConfiguration":{"types":["REGIONAL"]}}"#,
    ),
    (
        "m",
        r#"POST /domainnames/a.example.com/basepathmappings {"basePath":"b","restApiId":"$api","stage":"dev"}"#,
    ),
];

const METHOD: &str = "/restapis/$api/resources/$resource/methods/GET";

/// Of each resource the operations that it takes, one a line: `op path value`.
fn taken() -> Vec<(String, &'static str)> {
    let method = |rest: &str| format!("{METHOD}{rest}");
    vec![
        ("/account".to_owned(), "replace /cloudwatchRoleArn arn:aws:iam::123456789012:role/logs"),
        ("/restapis/$api".to_owned(), include_str!("patches/rest_api.txt")),
        ("/restapis/$api/resources/$resource".to_owned(), "replace /pathPart b\nreplace /parentId $parent"),
        (METHOD.to_owned(), include_str!("patches/method.txt")),
        (method("/responses/200"), include_str!("patches/method_response.txt")),
        (method("/integration"), include_str!("patches/integration.txt")),
        (method("/integration/responses/200"), include_str!("patches/integration_response.txt")),
        ("/restapis/$api/deployments/$deployment".to_owned(), "replace /description d"),
        ("/restapis/$api/stages/dev".to_owned(), include_str!("patches/stage.txt")),
        (
            "/restapis/$api/models/M".to_owned(),
            "replace /description d\nreplace /schema {\"type\":\"object\"}",
        ),
        (
            "/restapis/$api/requestvalidators/$validator".to_owned(),
            "replace /name w\nreplace /validateRequestBody true\nreplace /validateRequestParameters true",
        ),
        ("/restapis/$api/authorizers/$authorizer".to_owned(), include_str!("patches/authorizer.txt")),
        (
            "/restapis/$api/authorizers/$pool".to_owned(),
            "add /providerARNs arn:aws:cognito-idp:us-east-1:0:userpool/b\nremove /providerARNs arn:aws:cognito-idp:us-east-1:0:userpool/a",
        ),
        (
            "/restapis/$api/authorizers/$tokens".to_owned(),
            r#"replace /jwtConfiguration {"issuers":[{"issuer":"https://c","audiences":["d","e"],"additionalClaims":[{"claimName":"f","format":"SINGLE_STRING","required":true}]}],"defaultAlgorithms":["ES256"]}"#,
        ),
        (
            "/restapis/$api/gatewayresponses/UNAUTHORIZED".to_owned(),
            include_str!("patches/gateway_response.txt"),
        ),
        ("/restapis/$api/documentation/parts/$part".to_owned(), "replace /properties {\"a\":1}"),
        ("/restapis/$api/documentation/versions/1".to_owned(), "replace /description d"),
        ("/vpclinks/$link".to_owned(), "replace /name y\nreplace /description d"),
        (
            "/apikeys/$key".to_owned(),
            "replace /name n\nreplace /description d\nreplace /customerId c\nreplace /enabled false\nadd /stages $api/dev\nremove /stages $api/dev",
        ),
        ("/usageplans/$plan".to_owned(), include_str!("patches/usage_plan.txt")),
        ("/usageplans/$plan/keys/$key/usage".to_owned(), "replace /remaining 9"),
        ("/domainnames/a.example.com".to_owned(), include_str!("patches/domain_name.txt")),
        (
            "/domainnames/a.example.com/basepathmappings/b".to_owned(),
            "replace /stage \nreplace /restapiId $api\nreplace /basePath c",
        ),
    ]
}

async fn made() -> World {
    let world = World::new();
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations";
    for (name, line) in MADE {
        world.make(name, &line.replace("$uri", uri)).await;
    }
    world
        .make("account", &patch("/account", "replace /cloudwatchRoleArn arn:aws:iam::123456789012:role/l"))
        .await;
    world
}

fn patch(to: &str, operation: &str) -> String {
    let mut words = operation.splitn(3, ' ');
    let mut word = || words.next().map(str::to_owned);
    let operation: Value = match (word(), word(), word()) {
        (op, path, Some(from)) if op.as_deref() == Some("copy") => {
            json!({ "op": op, "path": path, "from": from })
        }
        (op, path, Some(value)) => json!({ "op": op, "path": path, "value": value }),
        (op, path, None) => json!({ "op": op, "path": path }),
    };
    format!("PATCH {to} {}", json!({ "patchOperations": [operation] }))
}

#[tokio::test]
async fn every_documented_path_is_taken() {
    let world = made().await;
    let mut transcript = String::new();
    for (to, operations) in taken() {
        let mut last = Value::Null;
        for operation in operations.lines() {
            let (status, answer) = world.control(&patch(&to, operation)).await;
            assert!(matches!(status, 200 | 201), "{to}: {operation}: {status} {answer}");
            last = answer;
        }
        // It is random.
        last.as_object_mut().map(|answer| answer.remove("regionalDomainName"));
        transcript.push_str(&world.mask(&format!("{to}\n    {last}\n")));
    }
    expect_file!["patches/taken.txt"].assert_eq(&transcript);
}

#[tokio::test]
async fn what_nothing_has_is_refused() {
    let world = made().await;
    let mut transcript = String::new();
    for (to, _) in taken() {
        transcript.push_str(&format!("{to}\n"));
        for operation in [
            "replace /nosuch x",
            "add /nosuch x",
            "remove /nosuch",
            "copy /nosuch /description",
            "replace nosuch x",
            "test /description d",
        ] {
            let (status, answer) = world.control(&patch(&to, operation)).await;
            let message = answer["message"].as_str().unwrap_or("taken");
            transcript.push_str(&format!("    {operation}: {status} {}\n", world.mask(message)));
        }
    }
    expect_file!["patches/refused.txt"].assert_eq(&transcript);
}
