//! Constraint violations in DynamoDB's words, as recorded from it.

use api::dynamodb;
use expect_test::{Expect, expect};

use crate::service::Recorder;
use crate::{cx, ready, request};

fn check(operation: &str, body: &str, expected: &Expect) {
    let text = format!("POST /\nX-Amz-Target: DynamoDB_20120810.{operation}\n\n{body}");
    let recorder = Recorder::default();
    let response = ready(dynamodb::dispatch(&recorder, &cx(), request(&text)));
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let message =
        body.split_once(r#"ValidationException","message":""#).map(|(_, rest)| rest.trim_end_matches("\"}"));
    expected.assert_eq(message.unwrap_or(&body));
}

#[test]
fn table_names() {
    check(
        "GetItem",
        r#"{"Key":{}}"#,
        &expect![
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"
        ],
    );
    check(
        "PutItem",
        r#"{"TableName":"","ReturnValues":"x"}"#,
        &expect![
            "1 validation error detected: Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1"
        ],
    );
    check(
        "GetItem",
        r#"{"TableName":"bad table!@#","Key":{}}"#,
        &expect![
            "1 validation error detected: Value 'bad table!@#' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        ],
    );
    check(
        "CreateTable",
        r#"{"TableName":"ab","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"AttributeDefinitions":[]}"#,
        &expect![
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"
        ],
    );
    let long = format!(r#"{{"TableName":"{}","Key":{{}}}}"#, "a".repeat(256));
    let text = format!(
        "1 validation error detected: Value '{}' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255",
        "a".repeat(256)
    );
    let recorder = Recorder::default();
    let request = request(&format!("POST /\nX-Amz-Target: DynamoDB_20120810.GetItem\n\n{long}"));
    let response = ready(dynamodb::dispatch(&recorder, &cx(), request));
    assert!(String::from_utf8_lossy(&response.body).contains(&text));
}

#[test]
fn an_arn_is_as_good_as_a_name() {
    let recorder = Recorder::default();
    let arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", "a".repeat(255));
    let request = request(&format!(
        "POST /\nX-Amz-Target: DynamoDB_20120810.GetItem\n\n{{\"TableName\":\"{arn}\",\"Key\":{{}}}}"
    ));
    assert_eq!(ready(dynamodb::dispatch(&recorder, &cx(), request)).status, 200);
}

#[test]
fn enums() {
    check(
        "PutItem",
        r#"{"TableName":"t","Item":{},"ReturnValues":"INVALID","ReturnItemCollectionMetrics":"INVALID","ReturnConsumedCapacity":"INVALID"}"#,
        &expect![
            "3 validation errors detected: Value 'INVALID' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]; Value 'INVALID' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]"
        ],
    );
    check(
        "UpdateItem",
        r#"{"TableName":"t","Key":{},"ReturnValues":"INVALID","ReturnConsumedCapacity":"INVALID"}"#,
        &expect![
            "1 validation error detected: Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
        ],
    );
}

#[test]
fn collections_are_printed_as_java_prints_them() {
    check(
        "CreateTable",
        r#"{"TableName":"abc","AttributeDefinitions":[],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"KeyType":"RANGE","AttributeName":"sk"},{"AttributeName":"x","KeyType":"HASH"}]}"#,
        &expect![
            "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=sk, keyType=RANGE), KeySchemaElement(attributeName=x, keyType=HASH)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2"
        ],
    );
    check(
        "BatchGetItem",
        r#"{"RequestItems":{}}"#,
        &expect![
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal to 1"
        ],
    );
    let writes = vec![r#"{"PutRequest":{"Item":{"pk":{"S":"a"}}}}"#; 26].join(",");
    let text = format!(
        "POST /\nX-Amz-Target: DynamoDB_20120810.BatchWriteItem\n\n{{\"RequestItems\":{{\"TABLE\":[{writes}]}}}}"
    );
    let recorder = Recorder::default();
    let body = ready(dynamodb::dispatch(&recorder, &cx(), request(&text))).body;
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("1 validation error detected: Value '{TABLE=[WriteRequest(putRequest=PutRequest(item={pk=AttributeValue(s=a, n=null, "), "{body}");
    assert!(body.contains("}]' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]") || body.contains(")]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"), "{body}");
}

#[test]
fn paths_lead_through_lists_and_maps() {
    check(
        "CreateTable",
        r#"{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"X"}],"KeySchema":[{"AttributeName":"pk"}]}"#,
        &expect![
            "2 validation errors detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]; Value null at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must not be null"
        ],
    );
    check(
        "BatchGetItem",
        r#"{"RequestItems":{"tab":{}}}"#,
        &expect![
            "1 validation error detected: Value null at 'requestItems.tab.member.keys' failed to satisfy constraint: Member must not be null"
        ],
    );
    check(
        "Query",
        r#"{"TableName":"t","Limit":0}"#,
        &expect![
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        ],
    );
}

#[test]
fn keys_of_maps() {
    check(
        "BatchGetItem",
        r#"{"RequestItems":{"a b":{"Keys":[{"a":{"S":"b"}}]}}}"#,
        &expect![
            "1 validation error detected: Value '{a b=KeysAndAttributes(keys=[{a=AttributeValue(s=b, n=null, b=null, iNT=null, dECIMAL=null, dOUBLE=null, sS=null, nS=null, bS=null, iNTSET=null, dECIMALSET=null, dOUBLESET=null, m=null, l=null, nULL=null, bOOL=null)}], attributesToGet=null, consistentRead=null, projectionExpression=null, expressionAttributeNames=null)}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]"
        ],
    );
}

#[test]
fn constraints_come_before_values() {
    check(
        "PutItem",
        r#"{"Item":{"a":{"S":"x","N":"1"}}}"#,
        &expect![
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"
        ],
    );
    check(
        "PutItem",
        r#"{"TableName":"t","Item":{"a":{}}}"#,
        &expect!["Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"],
    );
}
