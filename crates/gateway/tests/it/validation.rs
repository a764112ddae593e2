//! Requests are looked at before their integration hears of them, as far as the method's validator says.

use serde_json::json;

use crate::world::{World, show, show_headers};

const MOCK: &str = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}","text/plain":"{\"statusCode\": 200}"}}"#;

/// `POST /pets/{kind}` that wants a header, a query parameter and a Pet; all faults tell why they are.
async fn pets(body: bool, parameters: bool) -> World {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x","tags":{"_custom_id_":"pets1"}}"#).await;
    let kind =
        json!({"name": "Kind", "contentType": "application/json", "schema": r#"{"enum":["cat","dog"]}"#});
    world.make("m", &format!("POST /restapis/$api/models {kind}")).await;
    let schema = json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$"},
            "kind": {"$ref": "https://apigateway.amazonaws.com/restapis/pets1/models/Kind"},
            "parent": {"$ref": "#"},
        },
    });
    let pet = json!({"name": "Pet", "contentType": "application/json", "schema": schema.to_string()});
    world.make("m", &format!("POST /restapis/$api/models {pet}")).await;
    let validator =
        json!({"name": "v", "validateRequestBody": body, "validateRequestParameters": parameters});
    world.make("validator", &format!("POST /restapis/$api/requestvalidators {validator}")).await;
    world.add_method("POST", "/pets/{kind}", MOCK).await;
    let at = "/restapis/$api/resources/$resource/methods/POST";
    let patch = json!({"patchOperations": [
        {"op": "replace", "path": "/requestValidatorId", "value": world.name("validator")},
        {"op": "add", "path": "/requestModels/application~1json", "value": "Pet"},
        {"op": "add", "path": "/requestParameters/method.request.querystring.q", "value": "true"},
        {"op": "add", "path": "/requestParameters/method.request.querystring.maybe", "value": "false"},
        {"op": "add", "path": "/requestParameters/method.request.header.x-who", "value": "true"},
        {"op": "add", "path": "/requestParameters/method.request.path.kind", "value": "true"},
    ]});
    world.make("method", &format!("PATCH {at} {patch}")).await;
    world.make("r", &format!("PUT {at}/responses/200 {{}}")).await;
    world.make("r", &format!("PUT {at}/integration/responses/200 {{}}")).await;
    world.deploy("dev").await;
    world
}

async fn send(world: &World, query: &str, headers: &[(&str, &str)], body: &str) -> String {
    let request = world.request_with(&format!("POST /dev/pets/cat{query}"), headers, body);
    show(&world.gateway.serve(request).await)
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused() {
    let world = pets(true, true).await;
    let who = ("x-who", "me");
    let wrong = r#"400 {"message": "Invalid request body"}"#;
    for (query, headers, body, wanted) in [
        ("?q=1", &[who][..], r#"{"name":"a"}"#, "200 "),
        ("?q=1", &[who], r#"{"name":"a","kind":"dog","parent":{"name":"b"}}"#, "200 "),
        ("", &[who], "", r#"400 {"message": "Missing required request parameters: [q]"}"#),
        ("?q=", &[], "", r#"400 {"message": "Missing required request parameters: [x-who, q]"}"#),
        ("?q=1", &[("x-who", " ")], "", r#"400 {"message": "Missing required request parameters: [x-who]"}"#),
        ("?q=1", &[who], "", wrong),
        ("?q=1", &[who], "{", wrong),
        ("?q=1", &[who], "[]", wrong),
        ("?q=1", &[who], r#"{"name":"A"}"#, wrong),
        ("?q=1", &[who], r#"{"name":"a","kind":"bird"}"#, wrong),
        ("?q=1", &[who], r#"{"name":"a","parent":{"parent":{}}}"#, wrong),
        ("?q=1", &[who, ("content-type", "Application/JSON; charset=utf-8")], "{}", wrong),
        // There is no model of this type, and none for all types.
        ("?q=1", &[who, ("content-type", "text/plain")], "{}", "200 "),
    ] {
        assert_eq!(send(&world, query, headers, body).await, wanted, "{query} {headers:?} {body}");
    }
    let request = world.request_with("POST /dev/pets/cat", &[], "");
    assert_eq!(
        show_headers(&world.gateway.serve(request).await),
        "content-type: application/json; x-amzn-errortype: BadRequestException"
    );
}

#[tokio::test]
async fn a_validator_looks_at_what_it_says() {
    let world = pets(false, true).await;
    assert_eq!(send(&world, "?q=1", &[("x-who", "me")], "no JSON").await, "200 ");
    assert!(send(&world, "", &[], "").await.starts_with("400"));
    let world = pets(true, false).await;
    assert_eq!(send(&world, "", &[], r#"{"name":"a"}"#).await, "200 ");
    assert!(send(&world, "", &[], "").await.starts_with("400"));
    let world = pets(false, false).await;
    assert_eq!(send(&world, "", &[], "no JSON").await, "200 ");
}

/// As deployed: the model may change afterwards, and the media type may have none of its own.
#[tokio::test]
async fn models_are_frozen() {
    let world = pets(true, false).await;
    let patch =
        json!({"patchOperations": [{"op": "replace", "path": "/schema", "value": r#"{"type":"array"}"#}]});
    world.make("m", &format!("PATCH /restapis/$api/models/Pet {patch}")).await;
    assert_eq!(send(&world, "", &[], r#"{"name":"a"}"#).await, "200 ");
    let at = "/restapis/$api/resources/$resource/methods/POST";
    let patch =
        json!({"patchOperations": [{"op": "add", "path": "/requestModels/$default", "value": "Kind"}]});
    world.make("m", &format!("PATCH {at} {patch}")).await;
    world.deploy("dev").await;
    assert!(send(&world, "", &[], r#"{"name":"a"}"#).await.starts_with("400"));
    assert_eq!(send(&world, "", &[], "[]").await, "200 ");
    let plain = [("content-type", "text/plain")];
    assert_eq!(send(&world, "", &plain, r#""cat""#).await, "200 ");
    assert!(send(&world, "", &plain, "[]").await.starts_with("400"));
}

/// `$context.error.validationErrorString` says why.
#[tokio::test]
async fn gateway_responses_say_why() {
    let world = pets(true, true).await;
    let at = "/restapis/$api/gatewayresponses";
    let why = json!({"responseTemplates": {"application/json": "$context.error.validationErrorString"}});
    world.make("r", &format!("PUT {at}/BAD_REQUEST_BODY {why}")).await;
    let parameters =
        json!({"statusCode": "422", "responseTemplates": {"text/plain": "$context.error.message"}});
    world.make("r", &format!("PUT {at}/BAD_REQUEST_PARAMETERS {parameters}")).await;
    world.deploy("dev").await;
    let who = [("x-who", "me")];
    assert_eq!(send(&world, "", &who, "").await, "422 Missing required request parameters: [q]");
    for (body, wanted) in [
        ("", r#"400 [object has missing required properties (["name"])]"#),
        (
            r#"{"name":1,"kind":"x"}"#,
            r#"400 [instance value ("x") not found in enum (possible values: ["cat","dog"]), instance type (integer) does not match any allowed primitive type (allowed: ["string"])]"#,
        ),
    ] {
        assert_eq!(send(&world, "?q=1", &who, body).await, wanted, "{body}");
    }
}

/// Bodies that are made to cost, and models that go round, have a clear end.
#[tokio::test]
async fn hostile_bodies_and_models() {
    let world = pets(true, false).await;
    let many = format!(r#"{{"name":"a","x":[{}1]}}"#, "1,".repeat(600_000));
    let deep = format!(r#"{{"name":"a","parent":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let large = format!(r#"{{"name":"{}"}}"#, "a".repeat(9 << 20));
    for (body, status) in [(&many, "400"), (&deep, "400"), (&large, "200")] {
        assert_eq!(&send(&world, "", &[], body).await[..3], status, "{}", body.len());
    }
    for schema in [r##"{"allOf":[{"$ref":"#"}]}"##, r#"{"properties":{"name":{"pattern":"^(a+)+$"}}}"#] {
        let patch = json!({"patchOperations": [{"op": "replace", "path": "/schema", "value": schema}]});
        world.make("m", &format!("PATCH /restapis/$api/models/Pet {patch}")).await;
        world.deploy("dev").await;
        let body = format!(r#"{{"name":"{}!"}}"#, "a".repeat(50));
        assert_eq!(
            send(&world, "", &[], &body).await,
            r#"500 {"message": "Internal server error"}"#,
            "{schema}"
        );
    }
}
