//! Gateway responses: how they are put, and what they make of the gateway's own answers once they are deployed.

use serde_json::json;

use crate::world::{World, show, show_headers};

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
