//! Integrations that are no proxies: MOCK, plain Lambda, their selection and mappings; and what closes a method.

use ports::InvokeKind;
use serde_json::json;

use crate::world::{Play, World, function_uri, show, show_headers};

/// The preflight answer as the console makes it.
#[tokio::test]
async fn cors_by_mock() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let mock = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}"}}"#;
    world.add_method("OPTIONS", "/items", mock).await;
    let to = "/restapis/$api/resources/$resource/methods/OPTIONS";
    let names = ["Headers", "Methods", "Origin"];
    let declared: serde_json::Map<_, _> = names
        .iter()
        .map(|name| (format!("method.response.header.Access-Control-Allow-{name}"), json!(false)))
        .collect();
    world.make("m", &format!("PUT {to}/responses/200 {}", json!({ "responseParameters": declared }))).await;
    let mapped = json!({ "responseParameters": {
        "method.response.header.Access-Control-Allow-Headers": "'Content-Type,Authorization'",
        "method.response.header.Access-Control-Allow-Methods": "'OPTIONS,POST'",
        "method.response.header.Access-Control-Allow-Origin": "'*'",
    }});
    world.make("i", &format!("PUT {to}/integration/responses/200 {mapped}")).await;
    world.deploy("dev").await;
    let headers = [("origin", "http://a"), ("access-control-request-method", "POST")];
    let response = world.gateway.serve(world.request_with("OPTIONS /dev/items", &headers, "")).await;
    assert_eq!(show(&response), "200 ");
    assert_eq!(
        show_headers(&response),
        "access-control-allow-headers: Content-Type,Authorization; access-control-allow-methods: OPTIONS,POST; \
         access-control-allow-origin: *; content-type: application/json"
    );
}

#[tokio::test]
async fn mock_selects_by_status_and_media_type() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let mock = json!({
        "type": "MOCK",
        "passthroughBehavior": "WHEN_NO_TEMPLATES",
        "requestTemplates": {
            "application/json": "{\"statusCode\": 200}",
            "application/x-missing": "{\"statusCode\": 404}",
            "application/x-teapot": "{\"statusCode\": 418}",
            "application/x-vtl": "#set($s = 200){\"statusCode\": $s}",
            "application/x-none": "{}",
        },
    });
    world.add_method("POST", "/", &mock.to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/POST/integration/responses";
    for (status, pattern, body) in
        [("200", r"2\\d{2}", "fine"), ("404", "40[0-4]", "gone"), ("500", "", "default")]
    {
        let templates = format!(r#"{{"application/json":"{body}","text/html":"<{body}>"}}"#);
        world
            .make(
                "r",
                &format!(
                    r#"PUT {to}/{status} {{"selectionPattern":"{pattern}","responseTemplates":{templates}}}"#
                ),
            )
            .await;
    }
    world.deploy("dev").await;
    let table = [
        ("application/json", "", "200 fine"),
        ("application/json; charset=utf-8", "", "200 fine"),
        ("application/json", "text/html", "200 <fine>"),
        ("application/json", "image/png", "200 fine"),
        ("application/x-missing", "", "404 gone"),
        ("application/x-teapot", "", "500 default"),
        ("text/plain", "", r#"415 {"message": "Unsupported Media Type"}"#),
        ("application/x-none", "", r#"500 {"message": "Internal server error"}"#),
        ("application/x-vtl", "", "200 fine"),
    ];
    for (content_type, accept, expected) in table {
        let mut headers = vec![("content-type", content_type)];
        if !accept.is_empty() {
            headers.push(("accept", accept));
        }
        let response = world.gateway.serve(world.request_with("POST /dev", &headers, "")).await;
        assert_eq!(show(&response), expected, "{content_type} {accept}");
    }
}

#[tokio::test]
async fn plain_lambda() {
    let world = World::new();
    world.functions.set("f", Play::Answer(r#""Hello sy""#));
    world.functions.set("bad", Play::Fail(r#"{"errorType":"Error","errorMessage":"[404] no such thing"}"#));
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    for name in ["f", "bad"] {
        let integration = json!({ "type": "AWS", "httpMethod": "POST", "uri": function_uri(name) });
        world.add_method("POST", &format!("/{name}"), &integration.to_string()).await;
        let to = "/restapis/$api/resources/$resource/methods/POST/integration/responses";
        world.make("r", &format!("PUT {to}/200 {{}}")).await;
        let missing = r#"{"selectionPattern":"\\[404\\].*","responseTemplates":{"application/json":"{\"gone\":true}"}}"#;
        world.make("r", &format!("PUT {to}/404 {missing}")).await;
    }
    world.deploy("dev").await;
    for (line, body, sent, expected) in [
        ("POST /dev/f", r#"{"name":"sy"}"#, r#"{"name":"sy"}"#, r#"200 "Hello sy""#),
        ("POST /dev/f", "", "{}", r#"200 "Hello sy""#),
        ("POST /dev/bad", "{}", "{}", r#"404 {"gone":true}"#),
    ] {
        let response = world.gateway.serve(world.request_with(line, &[], body)).await;
        assert_eq!(show(&response), expected, "{line}");
        assert_eq!(world.functions.last_call().payload, sent, "{line}");
        assert_eq!(world.functions.last_call().kind, InvokeKind::RequestResponse);
    }
}

/// A function called and not waited for, as `X-Amz-Invocation-Type` asks.
#[tokio::test]
async fn lambda_events() {
    let world = World::new();
    world.functions.set("f", Play::Answer(""));
    let integration = json!({
        "type": "AWS",
        "httpMethod": "POST",
        "uri": function_uri("f"),
        "requestParameters": { "integration.request.header.X-Amz-Invocation-Type": "'Event'" },
    });
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("POST", "/", &integration.to_string()).await;
    let to = "/restapis/$api/resources/$resource/methods/POST/integration/responses";
    world.make("r", &format!(r#"PUT {to}/202 {{"selectionPattern":"202"}}"#)).await;
    world.deploy("dev").await;
    let response = world.gateway.serve(world.request_with("POST /dev", &[], "{}")).await;
    assert_eq!(show(&response), "202 ");
    assert_eq!(world.functions.last_call().kind, InvokeKind::Event);
}

/// What a method asks for and this version cannot check closes it.
#[tokio::test]
async fn what_cannot_be_checked_is_closed() {
    let world = World::new();
    world.functions.set("f", Play::Echo);
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    world.add_method("GET", "/key", &World::lambda("f")).await;
    let to = "/restapis/$api/resources/$resource/methods/GET";
    let patch = r#"{"op":"replace","path":"/apiKeyRequired","value":"true"}"#;
    world.make("m", &format!(r#"PATCH {to} {{"patchOperations":[{patch}]}}"#)).await;
    world.deploy("dev").await;
    let get = async |path: &str, header: (&str, &str)| {
        show(&world.gateway.serve(world.request_with(&format!("GET /dev{path}"), &[header], "")).await)
    };
    assert_eq!(get("/key", ("x-api-key", "k")).await, r#"403 {"message":"Forbidden"}"#);
    for patch in [
        r#"{"op":"replace","path":"/policy","value":"{}"}"#,
        r#"{"op":"replace","path":"/disableExecuteApiEndpoint","value":"true"}"#,
    ] {
        world.make("p", &format!(r#"PATCH /restapis/$api {{"patchOperations":[{patch}]}}"#)).await;
        world.deploy("dev").await;
        assert!(!get("/key", ("x", "y")).await.starts_with("200"), "{patch}");
    }
    assert_eq!(world.functions.count(), 0);
}
