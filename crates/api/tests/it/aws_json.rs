//! awsJson1.0 (DynamoDB) and awsJson1.1 (CloudWatch Logs).

use api::dynamodb;
use expect_test::{Expect, expect};
use wire::Failure;

use crate::service::Recorder;
use crate::{cx, ready, request, shown};

fn dynamodb(recorder: &Recorder, operation: &str, body: &str) -> String {
    let text = format!("POST /\nX-Amz-Target: DynamoDB_20120810.{operation}\n\n{body}");
    let response = ready(dynamodb::dispatch(recorder, &cx(), request(&text)));
    let crc = response.headers["x-amz-crc32"].to_str().unwrap().to_owned();
    assert_eq!(crc, crc32fast::hash(&response.body).to_string());
    assert_eq!(response.headers["x-amzn-requestid"].len(), 52);
    assert_eq!(response.headers["content-type"], "application/x-amz-json-1.0");
    format!("{} {}", response.status, String::from_utf8_lossy(&response.body))
}

/// What the service sees of a request, or what is answered if it sees nothing.
fn check(operation: &str, body: &str, expected: &Expect) {
    let recorder = Recorder::default();
    let answer = dynamodb(&recorder, operation, body);
    expected.assert_eq(&recorder.last().unwrap_or(answer));
}

#[test]
fn inputs_become_types() {
    check(
        "GetItem",
        r#"{"TableName":"t", "Key":{"pk":{"S":"a\u00e9\ud83d\ude00"}}, "ConsistentRead":true, "Nonsense":[{"a":[1,{}]}]}"#,
        &expect![[
            r#"GetItemInput { table_name: "t", key: Item { attributes: [("pk", S("aé😀"))] }, attributes_to_get: None, consistent_read: Some(true), return_consumed_capacity: None, projection_expression: None, expression_attribute_names: None }"#
        ]],
    );
    check("ListTables", "", &expect!["ListTablesInput { exclusive_start_table_name: None, limit: None }"]);
    check(
        "ListTables",
        r#"{"Limit":1.9,"Limit":7.5,"ExclusiveStartTableName":null}"#,
        &expect!["ListTablesInput { exclusive_start_table_name: None, limit: Some(7) }"],
    );
}

#[test]
fn wrong_types_are_told_as_aws_tells_them() {
    for (operation, body, text) in [
        ("GetItem", r#"{"TableName":23}"#, "NUMBER_VALUE cannot be converted to String"),
        ("GetItem", r#"{"TableName":true}"#, "TRUE_VALUE cannot be converted to String"),
        ("GetItem", r#"{"TableName":{"a":1}}"#, "Start of structure or map found where not expected"),
        ("GetItem", r#"{"TableName":["a"]}"#, "Start of list found where not expected"),
        ("GetItem", r#"{"ConsistentRead":"x"}"#, "STRING_VALUE cannot be converted to Boolean"),
        ("ListTables", r#"{"Limit":"1"}"#, "STRING_VALUE cannot be converted to Integer"),
        ("CreateTable", r#"{"KeySchema":"HASH"}"#, "Expected list or null"),
        ("CreateTable", r#"{"KeySchema":["HASH"]}"#, "Expected null"),
        ("BatchGetItem", r#"{"RequestItems":"t"}"#, "Expected map or null"),
        (
            "PutItem",
            r#"{"TableName":"t","Item":{"a":{"B":"abc"}}}"#,
            "'abc' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 3",
        ),
        (
            "PutItem",
            r#"{"TableName":"t","Item":{"a":{"S":1}}}"#,
            "NUMBER_VALUE cannot be converted to String",
        ),
    ] {
        let answer = dynamodb(&Recorder::default(), operation, body);
        let expected = format!(
            r#"400 {{"__type":"com.amazon.coral.service#SerializationException","Message":"{text}"}}"#
        );
        assert_eq!(answer, expected, "{body}");
    }
}

#[test]
fn broken_json_is_refused() {
    for body in
        ["{", "[]", "null", "{}{}", "{\"TableName\":\"\u{1}\"}", "{'TableName':'t'}", "{\"a\":01}", "{\"a\"}"]
    {
        let answer = dynamodb(&Recorder::default(), "GetItem", body);
        assert!(
            answer.starts_with(r#"400 {"__type":"com.amazon.coral.service#SerializationException""#),
            "{body}: {answer}"
        );
    }
}

#[test]
fn outputs_become_bytes() {
    let item = dynamodb::GetItemOutput {
        consumed_capacity: Some(dynamodb::ConsumedCapacity {
            table_name: Some("t\"\n".to_owned()),
            capacity_units: Some(0.5),
            ..Default::default()
        }),
        ..Default::default()
    };
    let recorder = Recorder { get_item: item, ..Default::default() };
    expect![[r#"200 {"ConsumedCapacity":{"TableName":"t\"\n","CapacityUnits":0.5}}"#]].assert_eq(&dynamodb(
        &recorder,
        "GetItem",
        r#"{"TableName":"t","Key":{}}"#,
    ));
    let answer =
        dynamodb(&recorder, "TagResource", r#"{"ResourceArn":"arn:aws:a","Tags":[{"Key":"k","Value":""}]}"#);
    assert_eq!(answer, "200 ");
}

#[test]
fn failures_carry_their_package() {
    let body = r#"{"TableName":"t","Key":{}}"#;
    for (failure, expected) in [
        (
            dynamodb::errors::resource_not_found("Requested resource not found"),
            expect![[
                r#"400 {"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}"#
            ]],
        ),
        (
            dynamodb::errors::validation("bad"),
            expect![[r#"400 {"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}"#]],
        ),
        (
            dynamodb::errors::conditional_check_failed("The conditional request failed")
                .with("Item", &br#"{"a":{"S":"b"}}"#[..]),
            expect![[
                r#"400 {"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"a":{"S":"b"}}}"#
            ]],
        ),
        (
            dynamodb::errors::transaction_canceled("cancelled"),
            expect![[
                r#"400 {"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled"}"#
            ]],
        ),
        (
            Failure::internal("oops"),
            expect![[
                r#"500 {"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}"#
            ]],
        ),
    ] {
        let recorder = Recorder { failure: Some(failure), ..Default::default() };
        expected.assert_eq(&dynamodb(&recorder, "GetItem", body));
    }
}

#[test]
fn what_is_not_served_says_so() {
    let request = request("POST /\nX-Amz-Target: Logs_20140328.StartQuery\n\n{}");
    let answer = shown(&ready(api::logs::dispatch(&Recorder::default(), &cx(), request)));
    expect![[r#"
        501
        content-type: application/x-amz-json-1.1

        {"__type":"NotImplemented","message":"Rushlight does not implement logs StartQuery (see docs/coverage.md)"}"#]].assert_eq(&answer);
    expect![[r#"400 {"__type":"com.amazon.coral.service#UnknownOperationException"}"#]].assert_eq(&dynamodb(
        &Recorder::default(),
        "MakeTea",
        "{}",
    ));
    // Served, but this service has the trait's default.
    expect![[r#"501 {"__type":"com.amazon.coral.service#NotImplemented","message":"Rushlight does not implement dynamodb Scan (see docs/coverage.md)"}"#]]
        .assert_eq(&dynamodb(&Recorder::default(), "Scan", r#"{"TableName":"t"}"#));
}

fn logs(body: &str, recorder: &Recorder) -> String {
    let text = format!("POST /\nX-Amz-Target: Logs_20140328.PutLogEvents\n\n{body}");
    shown(&ready(api::logs::dispatch(recorder, &cx(), request(&text))))
}

#[test]
fn version_1_1_has_no_package() {
    let recorder = Recorder::default();
    let body =
        r#"{"logGroupName":"/aws/lambda/f","logStreamName":"s","logEvents":[{"timestamp":1,"message":"m"}]}"#;
    expect![[r#"
        200
        content-type: application/x-amz-json-1.1

        {}"#]]
    .assert_eq(&logs(body, &recorder));
    expect![[r#"PutLogEventsInput { log_group_name: "/aws/lambda/f", log_stream_name: "s", log_events: [InputLogEvent { timestamp: 1, message: "m" }], sequence_token: None, entity: None }"#]]
        .assert_eq(&recorder.last().unwrap());
    let failure = Some(api::logs::errors::resource_not_found("The specified log group does not exist."));
    expect![[r#"
        400
        content-type: application/x-amz-json-1.1

        {"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}"#]]
    .assert_eq(&logs(body, &Recorder { failure, ..Default::default() }));
    expect![[r#"
        400
        content-type: application/x-amz-json-1.1

        {"__type":"InvalidParameterException","message":"3 validation errors detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null; Value 'a:b' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*; Value null at 'logEvents' failed to satisfy constraint: Member must not be null"}"#]]
    .assert_eq(&logs(r#"{"logStreamName":"a:b"}"#, &recorder));
}
