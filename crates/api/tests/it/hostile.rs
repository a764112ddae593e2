//! Requests made to hurt, through every served operation: each is answered, none with a panic.

use api::{apigateway, dynamodb, dynamodbstreams, lambda, logs, sts};
use bytes::Bytes;
use wire::Response;

use crate::service::Recorder;
use crate::{cx, ready, request};

fn send_json(target: &str, operation: &str, body: impl Into<Bytes>) -> Response {
    let mut request = request(&format!("POST /\nX-Amz-Target: {target}.{operation}"));
    request.body = body.into();
    let recorder = Recorder::default();
    match target {
        "DynamoDB_20120810" => ready(dynamodb::dispatch(&recorder, &cx(), request)),
        "DynamoDBStreams_20120810" => ready(dynamodbstreams::dispatch(&recorder, &cx(), request)),
        _ => ready(logs::dispatch(&recorder, &cx(), request)),
    }
}

fn nasty() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> =
        ["", "null", "[]", "\"\"", "0", "{}", "{\"a\":", "{\"TableName\":{}}", "\u{feff}{}"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec();
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"M\":{\"a\":", "}}"), ("{\"L\":[", "]}")] {
        let deep = format!("{}{{}}{}", open.repeat(4096), close.repeat(4096));
        for member in ["Item", "Key", "Unknown", "tags", "patchOperations", "Expected"] {
            bodies.push(format!("{{\"TableName\":\"t\",\"{member}\":{deep}}}").into_bytes());
            bodies.push(format!("{{\"TableName\":\"t\",\"{member}\":{{\"a\":{deep}}}}}").into_bytes());
        }
    }
    bodies.push(b"{\"TableName\":\"\xff\"}".to_vec());
    bodies
}

#[test]
fn every_json_operation_survives() {
    for body in nasty() {
        for &op in dynamodb::Op::SERVED {
            assert!(send_json("DynamoDB_20120810", op.name(), body.clone()).status >= 200);
        }
        for &op in dynamodbstreams::Op::SERVED {
            assert!(send_json("DynamoDBStreams_20120810", op.name(), body.clone()).status >= 200);
        }
        for &op in logs::Op::SERVED {
            assert!(send_json("Logs_20140328", op.name(), body.clone()).status >= 200);
        }
    }
}

#[test]
fn every_rest_operation_survives() {
    let recorder = Recorder::default();
    for body in nasty() {
        for &op in lambda::Op::SERVED {
            let (method, uri) = op.http();
            let mut request =
                request(&format!("{method} {}?MaxItems=x&tagKeys=%ff", uri.replace(['{', '}'], "%")));
            request.body = body.clone().into();
            assert!(ready(lambda::dispatch(&recorder, &cx(), request)).status >= 200);
        }
        for &op in apigateway::Op::SERVED {
            let (method, uri) = op.http();
            let mut request = request(&format!("{method} {}", uri.replace(['{', '}'], "")));
            request.body = body.clone().into();
            assert!(ready(apigateway::dispatch(&recorder, &cx(), request)).status >= 200);
        }
        let mut request = request("POST /?Action=GetCallerIdentity");
        request.body = body.into();
        assert!(ready(sts::dispatch(&recorder, &cx(), request)).status >= 200);
    }
}

const CREATE_TABLE: &str = r#"{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"}],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"GlobalSecondaryIndexes":[{"IndexName":"gsi","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["x"]},"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}],"BillingMode":"PAY_PER_REQUEST","Tags":[{"Key":"k","Value":"v"}],"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}"#;

#[test]
fn every_cut_is_refused() {
    assert_eq!(send_json("DynamoDB_20120810", "CreateTable", CREATE_TABLE).status, 200);
    for cut in 1..CREATE_TABLE.len() {
        assert_eq!(
            send_json("DynamoDB_20120810", "CreateTable", &CREATE_TABLE[..cut]).status,
            400,
            "cut at {cut}"
        );
    }
}

/// Every value of a good request, one at a time, in the form of every other type.
#[test]
fn every_wrong_type_is_refused_or_read_over() {
    let bytes = CREATE_TABLE.as_bytes();
    for start in 0..bytes.len() {
        if !matches!(bytes[start], b':' | b'[' | b',') {
            continue;
        }
        for value in ["1", "true", "null", "\"x\"", "{}", "[]", "[[]]", "-1e999", "{\"a\":{\"b\":[]}}"] {
            let rest = &CREATE_TABLE[start + 1..];
            let end = rest.find([',', '}', ']']).unwrap_or(rest.len());
            let text = format!("{}{value}{}", &CREATE_TABLE[..=start], &rest[end..]);
            assert!(
                [200, 400].contains(&send_json("DynamoDB_20120810", "CreateTable", text.clone()).status),
                "{text}"
            );
        }
    }
}

#[test]
fn large_bodies_are_read() {
    let body = format!(r#"{{"TableName":"t","Key":{{"a":{{"S":"{}"}}}}}}"#, "x".repeat(10 << 20));
    assert_eq!(send_json("DynamoDB_20120810", "GetItem", body).status, 200);
    let body = format!(r#"{{"TableName":"t","Key":{{}},"X":[{}0]}}"#, "0,".repeat(5 << 20));
    assert_eq!(send_json("DynamoDB_20120810", "GetItem", body).status, 200);
}
