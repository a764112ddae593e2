//! What stages do beside answering: they write logs, keep answers and split their traffic.

use crate::world::{Play, World};

const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:apis";

impl World {
    /// PATCH operations on the stage `dev`; `path value` sets, `- path` removes.
    async fn set(&self, changes: &[(&str, &str)]) {
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
