//! gzip of requests and answers.

use std::io::{Read, Write};

use api::dynamodb;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use wire::{Request, Response};

use crate::service::Recorder;
use crate::{cx, ready, request};

fn zipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn get_item(body: Vec<u8>, encoding: &'static str) -> Request {
    let mut request =
        request("POST /\nX-Amz-Target: DynamoDB_20120810.GetItem\nAccept-Encoding: deflate, gzip;q=0.5");
    request.body = body.into();
    request.headers.insert("content-encoding", http::HeaderValue::from_static(encoding));
    request
}

fn send(request: Request) -> Response {
    let capacity = dynamodb::ConsumedCapacity { table_name: Some("t".repeat(5000)), ..Default::default() };
    let get_item = dynamodb::GetItemOutput { consumed_capacity: Some(capacity), ..Default::default() };
    let recorder = Recorder { get_item, ..Default::default() };
    ready(dynamodb::dispatch(&recorder, &cx(), request))
}

#[test]
fn bodies_are_packed_both_ways() {
    let response = send(get_item(zipped(br#"{"TableName":"t","Key":{}}"#), "gzip"));
    assert_eq!((response.status, &response.headers["content-encoding"]), (200, &"gzip".parse().unwrap()));
    assert_eq!(response.headers["x-amz-crc32"], crc32fast::hash(&response.body).to_string());
    let mut plain = String::new();
    GzDecoder::new(&response.body[..]).read_to_string(&mut plain).unwrap();
    assert!(plain.starts_with(r#"{"ConsumedCapacity":{"TableName":"ttt"#), "{plain}");
}

#[test]
fn bombs_and_rubbish_are_refused() {
    let bomb = zipped(&vec![b' '; (70 << 20) + 1]);
    assert_eq!(send(get_item(bomb, "gzip")).status, 413);
    assert_eq!(send(get_item(b"rubbish".to_vec(), "gzip")).status, 400);
    assert_eq!(send(get_item(b"{}".to_vec(), "br")).status, 415);
}
