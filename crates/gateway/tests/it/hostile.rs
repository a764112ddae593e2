//! Requests that mean harm or nothing: each gets an answer, none a function it was not routed to.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::world::{Play, World, function_uri, show, show_headers};

#[tokio::test]
async fn paths_that_mean_harm() {
    let world = World::new();
    world.functions.set("secret", Play::Echo);
    world.functions.set("open", Play::Answer(r#"{"body":"open"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/admin/secret", &World::lambda("secret")).await;
    world.add_method("GET", "/files/{path+}", &World::lambda("open")).await;
    world.deploy("dev").await;
    let token = r#"403 {"message":"Missing Authentication Token"}"#;
    let forbidden = r#"403 {"message":"Forbidden"}"#;
    for (line, expected) in [
        ("GET /dev/files/../admin/secret", "200 open"),
        ("GET /dev/files/%2e%2e/admin/secret", "200 open"),
        ("GET /dev/files/..%2f..%2fadmin%2fsecret", "200 open"),
        ("GET /dev/admin%2fsecret", token),
        ("GET /dev/admin%252fsecret", token),
        ("GET /dev/admin/secret%00", token),
        ("GET /dev/./admin/secret", token),
        ("GET /dev/ADMIN/secret", token),
        ("TRACE /dev/admin/secret", token),
        ("HEAD /dev/admin/secret", token),
        ("GET /de%76/admin/secret", forbidden),
        ("GET /DEV/admin/secret", forbidden),
        ("GET /../dev/admin/secret", forbidden),
        ("GET /", forbidden),
        ("GET //dev/admin/secret", forbidden),
    ] {
        assert_eq!(world.get(line).await, expected, "{line}");
    }
    let huge = format!("GET /dev/{}", "a/%2e%2e/".repeat(7000));
    assert_eq!(world.get(&huge).await, token);
    let many = format!("GET /dev/files/x?{}", "a=1&b&".repeat(10_000));
    assert_eq!(world.get(&many).await, "200 open");
}

#[tokio::test]
async fn answers_of_the_gateway_itself() {
    let world = World::new();
    world.functions.set("f", Play::Echo);
    world.deploy_one("POST", "/a", &World::lambda("f")).await;
    let response = world.gateway.serve(world.request("GET /dev/nothere")).await;
    assert_eq!(
        show_headers(&response),
        "content-type: application/json; x-amzn-errortype: MissingAuthenticationTokenException"
    );
    assert!(
        response.headers.contains_key("x-amz-apigw-id") && response.headers.contains_key("x-amzn-requestid")
    );
    let response = world.gateway.serve(world.request("GET /nothere/a")).await;
    assert_eq!(
        show_headers(&response),
        "content-type: application/json; x-amzn-errortype: ForbiddenException"
    );

    let mut large = world.request("POST /dev/a");
    large.body = Bytes::from(vec![b'x'; (10 << 20) + 1]);
    let response = world.gateway.serve(large.clone()).await;
    // As recorded: <https://github.com/koki-develop/lgtm-generator/issues/10>
    assert_eq!(show(&response), "413 HTTP content length exceeded 10485760 bytes.");
    assert_eq!(show_headers(&response), "content-type: text; charset=utf-8");
    large.body.truncate(10 << 20);
    assert_eq!(world.gateway.serve(large).await.status, 200);

    for (length, expected) in
        [(10_240, "200"), (10_241, r#"431 {"message":"Request Header Fields Too Large"}"#)]
    {
        let given: usize = world.request("POST /dev/a").headers.values().map(|value| value.len()).sum();
        let value = "x".repeat(length - given);
        let request = world.request_with("POST /dev/a", &[("cookie", &value)], "");
        assert!(show(&world.gateway.serve(request).await).starts_with(expected), "{length}");
    }

    let mut unknown = world.request("GET /dev/a");
    unknown.api_id = "nosuchapi".to_owned();
    assert_eq!(show(&world.gateway.serve(unknown).await), r#"403 {"message":"Forbidden"}"#);
}

/// Three hundred resources: each leads to its own function and no other.
#[tokio::test]
async fn three_hundred_resources() {
    let world = World::new();
    world.functions.set("f", Play::Echo);
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    for i in 0..299 {
        let line = format!(r#"POST /restapis/$api/resources/$api_root {{"pathPart":"r{i}"}}"#);
        let id = world.make("resource", &line).await["id"].as_str().unwrap().to_owned();
        if i % 13 == 0 {
            let to = format!("/restapis/$api/resources/{id}/methods/GET");
            world.make("m", &format!(r#"PUT {to} {{"authorizationType":"NONE"}}"#)).await;
            world.make("i", &format!("PUT {to}/integration {}", World::lambda("f"))).await;
        }
    }
    let (status, _) = world.control(r#"POST /restapis/$api/resources/$api_root {"pathPart":"more"}"#).await;
    assert_eq!(status, 429);
    world.deploy("dev").await;
    for i in 0..299 {
        let response = world.gateway.serve(world.request(&format!("GET /dev/r{i}"))).await;
        assert_eq!(response.status, if i % 13 == 0 { 200 } else { 403 }, "r{i}");
        if i % 13 == 0 {
            let event = String::from_utf8(response.body.to_vec()).unwrap();
            assert!(event.contains(&format!(r#""resource":"/r{i}""#)), "{event}");
        }
    }
}

/// One thread, and somebody whose template or pattern keeps it busy as long as the limits let it: others are answered
/// meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bombs_hold_nobody_up() {
    let world = World::new();
    world.functions.set("quick", Play::Answer(r#"{"body":"quick"}"#));
    world
        .functions
        .set("slow", Play::Fail(r#"{"errorMessage":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/quick", &World::lambda("quick")).await;
    let bomb = "#foreach($a in [1..1000])#foreach($b in [1..1000])#set($x = $a * $b)#end#end";
    let mock = serde_json::json!({ "type": "MOCK", "requestTemplates": { "application/json": bomb } });
    world.add_method("GET", "/template", &mock.to_string()).await;
    let lambda = serde_json::json!({ "type": "AWS", "httpMethod": "POST", "uri": function_uri("slow") });
    world.add_method("GET", "/pattern", &lambda.to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/GET/integration/responses/200";
    world.make("r", &format!(r#"PUT {to} {{"selectionPattern":"(a|aa)+$b"}}"#)).await;
    let authorizer = serde_json::json!({ "name": "a", "type": "TOKEN", "authorizerUri": function_uri("quick"),
        "identitySource": "method.request.header.Authorization", "identityValidationExpression": "(a|aa)+$b" });
    world.make("a", &format!("POST /restapis/$api/authorizers {authorizer}")).await;
    world.add_method("GET", "/token", &World::lambda("quick")).await;
    let patch = serde_json::json!({ "patchOperations": [
        { "op": "replace", "path": "/authorizationType", "value": "CUSTOM" },
        { "op": "replace", "path": "/authorizerId", "value": world.name("a") },
    ]});
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/GET {patch}")).await;
    world.deploy("dev").await;
    let world = Arc::new(world);
    const FAILED: &str = r#"500 {"message": "Internal server error"}"#;
    for (path, expected) in
        [("template", FAILED), ("pattern", FAILED), ("token", r#"401 {"message":"Unauthorized"}"#)]
    {
        let order = Arc::new(Mutex::new(Vec::new()));
        let send = |path: &'static str| {
            let (world, order) = (Arc::clone(&world), Arc::clone(&order));
            tokio::spawn(async move {
                let token = [("authorization", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")];
                let request = world.request_with(&format!("GET /dev/{path}"), &token, "");
                let answer = show(&world.gateway.serve(request).await);
                order.lock().unwrap().push(path);
                answer
            })
        };
        let (slow, quick) = (send(path), send("quick"));
        assert_eq!(slow.await.unwrap(), expected, "{path}");
        assert_eq!(quick.await.unwrap(), "200 quick");
        assert_eq!(*order.lock().unwrap(), ["quick", path]);
    }
}
