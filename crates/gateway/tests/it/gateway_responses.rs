//! Gateway responses: how they are put, and what they make of the gateway's own answers once they are deployed.

use std::time::Duration;

use api::apigateway::GatewayResponseType;
use serde_json::{Value, json};

use crate::world::{Play, World, function_uri, show, show_headers};

const MOCK: &str = r#"{"type":"MOCK","requestTemplates":{"application/json":"{\"statusCode\": 200}"}}"#;

#[tokio::test]
async fn types_are_put_shown_patched_and_deleted() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let at = "/restapis/$api/gatewayresponses";
    let (_, all) = world.control(&format!("GET {at}")).await;
    assert_eq!(all["item"].as_array().unwrap().len(), 21);
    let default = json!({
        "defaultResponse": true, "responseParameters": {}, "responseType": "THROTTLED", "statusCode": "429",
        "responseTemplates": {"application/json": "{\"message\":$context.error.messageString}"},
    });
    assert_eq!(world.control(&format!("GET {at}/THROTTLED")).await, (200, default));
    let put = r#"{"statusCode":"418","responseParameters":{"gatewayresponse.header.x":"'y'"}}"#;
    let (status, made) = world.control(&format!("PUT {at}/THROTTLED {put}")).await;
    assert_eq!((status, &made["statusCode"], &made["defaultResponse"]), (201, &json!("418"), &json!(false)));
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/statusCode","value":"420"},
        {"op":"add","path":"/responseTemplates/text~1plain","value":"slow"},
        {"op":"remove","path":"/responseParameters/gatewayresponse.header.x"}]}"#
        .replace('\n', "");
    let (status, patched) = world.control(&format!("PATCH {at}/THROTTLED {patch}")).await;
    assert_eq!((status, &patched["statusCode"]), (200, &json!("420")));
    assert_eq!(patched["responseTemplates"]["text/plain"], "slow");
    assert_eq!(patched["responseParameters"], json!({}));
    for bad in [r#"{"statusCode":"x"}"#, r#"{"responseParameters":{"header.x":"'y'"}}"#] {
        assert_eq!(world.control(&format!("PUT {at}/THROTTLED {bad}")).await.0, 400, "{bad}");
    }
    for (operation, status, wanted) in [
        (r#""op":"add","path":"/statusCode","value":"400""#, 400, "Invalid patch path /statusCode"),
        (r#""op":"remove","path":"/statusCode""#, 400, "Invalid patch path /statusCode"),
        (r#""op":"replace","path":"/wrongPath","value":"x""#, 400, "Invalid patch path /wrongPath"),
        (r#""op":"replace","value":"x""#, 400, "Invalid patch path null"),
        (
            r#""op":"replace","path":"/responseParameters/gatewayresponse.header.z","value":"'z'""#,
            404,
            "Invalid parameter name specified",
        ),
        (
            r#""op":"replace","path":"/responseTemplates/text~1plain""#,
            400,
            "Invalid null or empty value in responseTemplates",
        ),
        (
            r#""op":"add","path":"/responseParameters/gatewayresponse.header.z""#,
            400,
            "Invalid null or empty value in responseParameters",
        ),
    ] {
        let line = format!(r#"PATCH {at}/THROTTLED {{"patchOperations":[{{{operation}}}]}}"#);
        let (got, body) = world.control(&line).await;
        assert_eq!((got, body["message"].as_str()), (status, Some(wanted)), "{operation}");
    }
    assert_eq!(world.control(&format!("DELETE {at}/THROTTLED")).await.0, 202);
    let (status, gone) = world.control(&format!("DELETE {at}/THROTTLED")).await;
    assert_eq!((status, &gone["message"]), (404, &json!("Gateway response type not defined on api")));
}

/// A type's own response first, else that of all of its class; nothing before the next deployment.
#[tokio::test]
async fn faults_answer_as_they_are_customised() {
    let world = World::new();
    world.deploy_one("GET", "/items", MOCK).await;
    let at = "/restapis/$api/gatewayresponses";
    let class = json!({"responseParameters": {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
        "gatewayresponse.header.x-from": "method.request.header.origin",
        "gatewayresponse.header.x-stage": "context.stage",
    }});
    world.make("r", &format!("PUT {at}/DEFAULT_4XX {class}")).await;
    let call = || world.request_with("GET /dev/nothing", &[("origin", "http://a")], "");
    let before = world.gateway.serve(call()).await;
    assert_eq!(show(&before), r#"403 {"message":"Missing Authentication Token"}"#);
    world.deploy("dev").await;
    let answer = world.gateway.serve(call()).await;
    assert_eq!(show(&answer), r#"403 {"message":"Missing Authentication Token"}"#);
    assert_eq!(
        show_headers(&answer),
        "access-control-allow-origin: *; content-type: application/json; x-amzn-errortype: \
         MissingAuthenticationTokenException; x-from: http://a; x-stage: dev"
    );
    let own = json!({"statusCode": "404", "responseTemplates": {
        "text/plain": "$context.error.responseType: ${context.error.message} at $context.path$context.nothing"
    }});
    world.make("r", &format!("PUT {at}/MISSING_AUTHENTICATION_TOKEN {own}")).await;
    world.deploy("dev").await;
    let answer = world.gateway.serve(call()).await;
    assert_eq!(
        show(&answer),
        "404 MISSING_AUTHENTICATION_TOKEN: Missing Authentication Token at /dev/nothing"
    );
    assert_eq!(
        show_headers(&answer),
        "content-type: text/plain; x-amzn-errortype: MissingAuthenticationTokenException"
    );
}

/// An API whose methods can each fail in their own way, and which says of every fault only what it is.
async fn failing() -> World {
    let world = World::new();
    for (name, play) in [
        (
            "deny",
            Play::Answer(
                r#"{"principalId":"u","policyDocument":{"Statement":{"Action":"*","Effect":"Deny","Resource":"*"}}}"#,
            ),
        ),
        ("nonsense", Play::Answer("{}")),
        ("busy", Play::Refuse(ports::InvokeError::Throttled("busy".into()))),
        ("no_proxy", Play::Answer("[]")),
        ("hang", Play::Hang),
        ("large", Play::Refuse(ports::InvokeError::TooLarge("6291457 bytes".into()))),
    ] {
        world.functions.set(name, play);
    }
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    for kind in GatewayResponseType::ALL {
        let kind = kind.as_str();
        let told = json!({"statusCode": "418", "responseTemplates": {
            "text/plain": format!("{kind} $context.error.responseType $context.error.messageString"),
        }});
        world.make("r", &format!("PUT /restapis/$api/gatewayresponses/{kind} {told}")).await;
    }
    let validator = r#"{"validateRequestBody":true,"validateRequestParameters":true}"#;
    world.make("validator", &format!("POST /restapis/$api/requestvalidators {validator}")).await;
    for name in ["deny", "nonsense", "busy"] {
        let authorizer = json!({"name": name, "type": "TOKEN", "authorizerUri": function_uri(name),
            "identitySource": "method.request.header.Authorization"});
        world.make(name, &format!("POST /restapis/$api/authorizers {authorizer}")).await;
        let custom = json!([{"op": "replace", "path": "/authorizationType", "value": "CUSTOM"},
            {"op": "replace", "path": "/authorizerId", "value": world.name(name)}]);
        add(&world, &format!("/{name}"), MOCK, &custom).await;
    }
    add(
        &world,
        "/signed",
        MOCK,
        &json!([{"op": "replace", "path": "/authorizationType", "value": "AWS_IAM"}]),
    )
    .await;
    add(&world, "/key", MOCK, &json!([{"op": "replace", "path": "/apiKeyRequired", "value": "true"}])).await;
    add(&world, "/slow", MOCK, &json!([])).await;
    let checked = json!([{"op": "replace", "path": "/requestValidatorId", "value": world.name("validator")},
        {"op": "add", "path": "/requestModels/application~1json", "value": "Empty"},
        {"op": "add", "path": "/requestParameters/method.request.querystring.q", "value": "true"}]);
    add(&world, "/checked", MOCK, &checked).await;
    let picky =
        r#"{"type":"MOCK","passthroughBehavior":"NEVER","requestTemplates":{"application/json":"{}"}}"#;
    add(&world, "/picky", picky, &json!([])).await;
    add(&world, "/unconfigured", MOCK, &json!([])).await;
    add(&world, "/no_proxy", &World::lambda("no_proxy"), &json!([])).await;
    add(&world, "/large", &World::lambda("large"), &json!([])).await;
    add(&world, "/hang", &World::lambda("hang"), &json!([])).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = listener.local_addr().unwrap();
    drop(listener);
    let dead =
        json!({"type": "HTTP_PROXY", "httpMethod": "GET", "uri": format!("http://{dead}/")}).to_string();
    add(&world, "/dead", &dead, &json!([])).await;
    world.deploy("dev").await;
    world
}

async fn add(world: &World, path: &str, integration: &str, patch: &Value) {
    world.add_method("POST", path, integration).await;
    let patch = json!({"patchOperations": patch});
    world.make("m", &format!("PATCH /restapis/$api/resources/$resource/methods/POST {patch}")).await;
}

/// Every type that something here can be the fault of.
#[tokio::test]
async fn every_type_speaks_for_its_faults() {
    let world = failing().await;
    let plan =
        r#"{"name":"p","quota":{"limit":1,"period":"DAY"},"apiStages":[{"apiId":"$api","stage":"dev"}]}"#;
    world.make("plan", &format!("POST /usageplans {plan}")).await;
    world.make("key", r#"POST /apikeys {"enabled":true,"value":"abcdefghijklmnopqrst"}"#).await;
    world.make("member", r#"POST /usageplans/$plan/keys {"keyId":"$key","keyType":"API_KEY"}"#).await;
    let slow = json!({"patchOperations": [
        {"op": "replace", "path": "/~1slow/POST/throttling/rateLimit", "value": "1"},
        {"op": "replace", "path": "/~1slow/POST/throttling/burstLimit", "value": "1"}]});
    world.make("stage", &format!("PATCH /restapis/$api/stages/dev {slow}")).await;
    let key = ("x-api-key", "abcdefghijklmnopqrst");
    let token = ("authorization", "t");
    let long = "x".repeat(11_000);
    // One request each that uses up the quota and the rate.
    for (path, headers) in [("/key", &[key][..]), ("/slow", &[])] {
        let request = world.request_with(&format!("POST /dev{path}"), headers, "");
        world.gateway.serve(request).await;
    }
    for (target, headers, body, wanted) in [
        ("/nothing", &[][..], "", "MISSING_AUTHENTICATION_TOKEN \"Missing Authentication Token\""),
        ("/deny", &[], "", "UNAUTHORIZED \"Unauthorized\""),
        (
            "/deny",
            &[token],
            "",
            "ACCESS_DENIED \"User is not authorized to access this resource with an explicit deny\"",
        ),
        ("/nonsense", &[token], "", "AUTHORIZER_CONFIGURATION_ERROR null"),
        ("/busy", &[token], "", "AUTHORIZER_FAILURE null"),
        ("/signed", &[("authorization", "AWS4-HMAC-SHA256 x")], "", "INVALID_SIGNATURE \""),
        ("/key", &[], "", "INVALID_API_KEY \"Forbidden\""),
        ("/key", &[key], "", "QUOTA_EXCEEDED \"Limit Exceeded\""),
        ("/slow", &[], "", "THROTTLED \"Too Many Requests\""),
        ("/checked", &[], "", "BAD_REQUEST_PARAMETERS \"Missing required request parameters: [q]\""),
        ("/checked?q=1", &[], "[]", "BAD_REQUEST_BODY \"Invalid request body\""),
        ("/picky", &[("content-type", "a/b")], "", "UNSUPPORTED_MEDIA_TYPE \"Unsupported Media Type\""),
        ("/unconfigured", &[], "", "API_CONFIGURATION_ERROR \"Internal server error\""),
        ("/dead", &[], "", "INTEGRATION_FAILURE \"Network error communicating with endpoint\""),
        ("/no_proxy", &[], "", "DEFAULT_5XX \"Internal server error\""),
        ("/checked", &[("x-long", &long)], "", "DEFAULT_4XX \"Request Header Fields Too Large\""),
        ("/large", &[], "", "REQUEST_TOO_LARGE \"Request Too Long\""),
    ] {
        let request = world.request_with(&format!("POST /dev{target}"), headers, body);
        let answer = show(&world.gateway.serve(request).await);
        let kind = wanted.split(' ').next().unwrap();
        assert!(answer.starts_with(&format!("418 {kind} {wanted}")), "{target}: {answer}");
    }
    let (hanging, _) = tokio::join!(world.gateway.serve(world.request("POST /dev/hang")), async {
        while world.functions.count() == 0 || !world.functions.last_call().function.ends_with("hang") {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(30));
    });
    let wanted = "418 INTEGRATION_TIMEOUT INTEGRATION_TIMEOUT \"Endpoint request timed out\"";
    assert_eq!(show(&hanging), wanted);
}
