//! restJson1: Lambda and API Gateway.

use api::{apigateway, lambda};
use base::Timestamp;
use expect_test::{Expect, expect};

use crate::service::Recorder;
use crate::{cx, ready, request, shown};

fn on_lambda(recorder: &Recorder, text: &str) -> String {
    shown(&ready(lambda::dispatch(recorder, &cx(), request(text))))
}

fn check_lambda(text: &str, expected: &Expect) {
    let recorder = Recorder::default();
    let answer = on_lambda(&recorder, text);
    expected.assert_eq(&recorder.last().unwrap_or(answer));
}

fn check_gateway(text: &str, expected: &Expect) {
    let recorder = Recorder::default();
    let answer = shown(&ready(apigateway::dispatch(&recorder, &cx(), request(text))));
    expected.assert_eq(&recorder.last().unwrap_or(answer));
}

#[test]
fn labels_query_headers_and_payload() {
    check_lambda(
        "POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations?Qualifier=%24LATEST\nX-Amz-Invocation-Type: Event\n\n{'not':json}",
        &expect![[
            r#"InvokeInput { function_name: "arn:aws:lambda:us-east-1:000000000000:function:f", invocation_type: Some(Event), log_type: None, client_context: None, durable_execution_name: None, payload: Some(b"{'not':json}"), qualifier: Some("$LATEST"), tenant_id: None }"#
        ]],
    );
    check_lambda(
        "GET /2015-03-31/functions/?MaxItems=10&FunctionVersion=ALL",
        &expect![
            "ListFunctionsInput { master_region: None, function_version: Some(All), marker: None, max_items: Some(10) }"
        ],
    );
    check_lambda(
        "DELETE /2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af?tagKeys=a+b&tagKeys=c%2Fd",
        &expect![[
            r#"UntagResourceInput { resource: "arn:aws:lambda:us-east-1:000000000000:function:f", tag_keys: ["a b", "c/d"] }"#
        ]],
    );
    check_gateway(
        "PUT /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fa\n\n{\"tags\":{\"k\":\"v\"}}",
        &expect![[
            r#"TagResourceInput { resource_arn: "arn:aws:apigateway:us-east-1::/restapis/a", tags: {"k": "v"} }"#
        ]],
    );
    check_gateway(
        "PUT /restapis/a/resources/b/methods/ANY/integration\n\n{\"type\":\"AWS_PROXY\",\"httpMethod\":\"POST\",\"uri\":\"u\"}",
        &expect![[
            r#"PutIntegrationInput { rest_api_id: "a", resource_id: "b", http_method: "ANY", type: AwsProxy, integration_http_method: Some("POST"), uri: Some("u"), connection_type: None, connection_id: None, credentials: None, request_parameters: None, request_templates: None, passthrough_behavior: None, cache_namespace: None, cache_key_parameters: None, content_handling: None, timeout_in_millis: None, tls_config: None, response_transfer_mode: None, integration_target: None }"#
        ]],
    );
}

#[test]
fn bodies() {
    let recorder = Recorder {
        function: lambda::FunctionConfiguration {
            function_name: Some("f".to_owned()),
            state: Some(lambda::State::Active),
            timeout: Some(3),
            ..Default::default()
        },
        ..Default::default()
    };
    let body = r#"{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Runtime":"nodejs99.x","Handler":"index.handler","Code":{"ZipFile":"UEs="},"Environment":{"Variables":{"AB":"c"}}}"#;
    expect![[r#"
        201
        content-type: application/json

        {"FunctionName":"f","Timeout":3,"State":"Active"}"#]]
    .assert_eq(&on_lambda(&recorder, &format!("POST /2015-03-31/functions\n\n{body}")));
    let seen = recorder.last().unwrap();
    assert!(
        seen.contains(r#"runtime: Some("nodejs99.x")"#) && seen.contains(r#"zip_file: Some(b"PK")"#),
        "{seen}"
    );
    assert!(seen.contains(r#"variables: Some({"AB": "c"})"#), "{seen}");
}

#[test]
fn answers_in_headers_status_and_payload() {
    let invoke = lambda::InvokeOutput {
        status_code: Some(202),
        function_error: Some("Unhandled".to_owned()),
        log_result: Some("bG9n".to_owned()),
        payload: Some("{}".into()),
        executed_version: Some("$LATEST".to_owned()),
        ..Default::default()
    };
    let recorder = Recorder { invoke, ..Default::default() };
    expect![[r#"
        202
        content-type: application/json
        x-amz-executed-version: $LATEST
        x-amz-function-error: Unhandled
        x-amz-log-result: bG9n

        {}"#]]
    .assert_eq(&on_lambda(&recorder, "POST /2015-03-31/functions/f/invocations"));
    expect![[r#"
        204
        content-type: application/json

    "#]]
    .assert_eq(&on_lambda(&recorder, "DELETE /2015-03-31/functions/f"));
    let api = apigateway::RestApi {
        id: Some("abc".to_owned()),
        created_date: Some(Timestamp(1_500_000_000_500)),
        ..Default::default()
    };
    let apis = apigateway::GetRestApisOutput { items: Some(vec![api]), position: None };
    let recorder = Recorder { apis, ..Default::default() };
    expect![[r#"
        200
        content-type: application/json

        {"item":[{"id":"abc","createdDate":1500000000.5}]}"#]]
    .assert_eq(&shown(&ready(apigateway::dispatch(&recorder, &cx(), request("GET /restapis?limit=5")))));
}

#[test]
fn failures() {
    let failure = Some(lambda::errors::resource_not_found("Function not found: f"));
    let recorder = Recorder { failure, ..Default::default() };
    expect![[r#"
        404
        content-type: application/json
        x-amzn-errortype: ResourceNotFoundException

        {"Type":"User","Message":"Function not found: f"}"#]]
    .assert_eq(&on_lambda(&recorder, "GET /2015-03-31/functions/f/configuration"));
    check_lambda(
        "POST /2015-03-31/functions\n\n{",
        &expect![[r#"
            400
            content-type: application/json
            x-amzn-errortype: InvalidRequestContentException

            {"Type":"User","message":"Could not parse request body into json: malformed JSON"}"#]],
    );
    check_lambda(
        "POST /2015-03-31/functions/a%20b/invocations\nX-Amz-Invocation-Type: Now",
        &expect![[r#"
            400
            content-type: application/json
            x-amzn-errortype: ValidationException

            {"message":"2 validation errors detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?; Value 'Now' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"}"#]],
    );
}

#[test]
fn refusals() {
    check_lambda(
        "PUT /2015-03-31/functions/f/configuration\n\n{\"Layers\":[\"x\"],\"Timeout\":0,\"Environment\":{\"Variables\":{\"1\":\"a\"}}}",
        &expect![[r#"
            400
            content-type: application/json
            x-amzn-errortype: ValidationException

            {"message":"3 validation errors detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1; Value '{1=a}' at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]; Value '[x]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ((arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)), Member must not be null]"}"#]],
    );
    check_lambda(
        "GET /2015-03-31/layers/x",
        &expect![[r#"
            403
            content-type: application/json
            x-amzn-errortype: AccessDeniedException

            {"message":"Unable to determine service/operation name to be authorized"}"#]],
    );
    check_lambda(
        "GET /2018-10-31/layers",
        &expect![[r#"
        501
        content-type: application/json
        x-amzn-errortype: NotImplemented

        {"Type":"Service","message":"Rushlight does not implement lambda ListLayers (see docs/coverage.md)"}"#]],
    );
    check_gateway(
        "POST /restapis\n\n{}",
        &expect![[r#"
        400
        content-type: application/json
        x-amzn-errortype: BadRequestException

        {"message":"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"}"#]],
    );
    check_gateway(
        "POST /restapis?mode=import\n\n{}",
        &expect![[r#"
        501
        content-type: application/json
        x-amzn-errortype: NotImplemented

        {"message":"Rushlight does not implement apigateway ImportRestApi (see docs/coverage.md)"}"#]],
    );
    let failure = Some(apigateway::errors::not_found("Invalid API identifier specified 000000000000:a"));
    let recorder = Recorder { failure, ..Default::default() };
    expect![[r#"
        404
        content-type: application/json
        x-amzn-errortype: NotFoundException

        {"message":"Invalid API identifier specified 000000000000:a"}"#]]
    .assert_eq(&shown(&ready(apigateway::dispatch(&recorder, &cx(), request("GET /restapis")))));
}

/// Each operation's own method and URI lead to it.
#[test]
fn every_operation_has_its_route() {
    macro_rules! check {
        ($($service:ident)*) => {$(
            for &op in api::$service::Op::ALL {
                let (method, uri) = op.http();
                let uri = uri.replace('{', "").replace(['}', '+'], "");
                let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
                let found = api::$service::route(&method.parse().unwrap(), path, query);
                assert_eq!(found.map(|(op, _)| op), Some(op), "{method} {uri}");
            }
        )*};
    }
    check!(lambda apigateway apigatewayv2 apigatewaymanagementapi);
}

#[test]
fn hostile_paths_have_no_route_or_one_that_does_no_harm() {
    let get = http::Method::GET;
    assert!(lambda::route(&get, "/", "").is_none());
    assert!(lambda::route(&get, "", "").is_none());
    assert!(lambda::route(&get, &"/a".repeat(10_000), "").is_none());
    assert!(lambda::route(&get, "/2015-03-31/functions/%ff%", "").is_some());
}
