//! Bodies that come compressed, and answers that are compressed for who asks for it.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::backends::backend;
use crate::world::{Play, World, function_uri, show};

fn gzip(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap().into()
}

fn deflate(text: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap().into()
}

/// What a client reads of an answer: its coding, and the body without it.
fn read(response: &gateway::StageResponse) -> (String, String) {
    let coding = response.headers.get("content-encoding").map_or("", |name| name.to_str().unwrap());
    let mut text = String::new();
    match coding {
        "gzip" => GzDecoder::new(&*response.body).read_to_string(&mut text).unwrap(),
        "deflate" => ZlibDecoder::new(&*response.body).read_to_string(&mut text).unwrap(),
        _ => (&*response.body).read_to_string(&mut text).unwrap(),
    };
    (coding.to_owned(), text)
}

/// An API that compresses answers from `bytes_min`, with a function behind every path.
async fn world(bytes_min: Option<i32>) -> World {
    let world = World::new();
    let api = json!({ "name": "x", "minimumCompressionSize": bytes_min });
    world.make("api", &format!("POST /restapis {api}")).await;
    world.add_method("ANY", "/{proxy+}", &World::lambda("f")).await;
    world.deploy("dev").await;
    world
}

async fn accepting(world: &World, coding: &str) -> (String, String) {
    let request = world.request_with("GET /dev/a", &[("accept-encoding", coding)], "");
    read(&world.gateway.serve(request).await)
}

#[tokio::test]
async fn answers_are_compressed_for_who_asks() {
    let long = r#"{"statusCode":200,"body":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
    let coded = r#"{"statusCode":200,"headers":{"content-encoding":"br"},"body":"aaaaaaaaaaaaaaaa"}"#;
    let short = r#"{"statusCode":200,"body":"aaa"}"#;
    let empty = r#"{"statusCode":204}"#;
    for (bytes_min, answer, asked, expected) in [
        (Some(10), long, "gzip", "gzip"),
        (Some(10), long, "deflate, gzip", "deflate"),
        (Some(10), long, "br, gzip", ""),
        (Some(10), long, "identity", ""),
        (Some(10), long, "*", ""),
        (Some(49), long, "gzip", "gzip"),
        (Some(50), long, "gzip", ""),
        (Some(0), short, "gzip", "gzip"),
        (Some(0), empty, "gzip", ""),
        (Some(10), coded, "gzip", "br"),
        (None, long, "gzip", ""),
    ] {
        let world = world(bytes_min).await;
        world.functions.set("f", Play::Answer(answer));
        let body: Value = serde_json::from_str(answer).unwrap();
        let body = body["body"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            accepting(&world, asked).await,
            (expected.to_owned(), body),
            "{bytes_min:?} {answer} {asked}"
        );
    }
}

/// The setting counts from the next deployment on.
#[tokio::test]
async fn compression_is_deployed() {
    let world = world(None).await;
    world.functions.set("f", Play::Answer(r#"{"statusCode":200,"body":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#));
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/minimumCompressionSize","value":"0"}]}"#;
    world.control(&format!("PATCH /restapis/$api {patch}")).await;
    assert_eq!(accepting(&world, "gzip").await.0, "");
    world.deploy("dev").await;
    assert_eq!(accepting(&world, "gzip").await.0, "gzip");
}

/// What the cache keeps is nobody's coding.
#[tokio::test]
async fn kept_answers_are_compressed_for_each_caller() {
    let world = world(Some(0)).await;
    world.functions.set("f", Play::Answer(r#"{"statusCode":200,"body":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#));
    let patch = json!({ "patchOperations": [
        { "op": "replace", "path": "/cacheClusterEnabled", "value": "true" },
        { "op": "replace", "path": "/cacheClusterSize", "value": "0.5" },
        { "op": "replace", "path": "/*/*/caching/enabled", "value": "true" },
    ] });
    let (status, told) = world.control(&format!("PATCH /restapis/$api/stages/dev {patch}")).await;
    assert_eq!(status, 200, "{told}");
    for coding in ["gzip", "", "deflate"] {
        let expected = (coding.to_owned(), "aaaaaaaaaaaaaaaaaaaaaaaa".to_owned());
        assert_eq!(accepting(&world, coding).await, expected);
    }
    assert_eq!(world.functions.count(), 1);
}

#[tokio::test]
async fn compressed_bodies_are_unpacked_before_anything_looks_at_them() {
    let world = world(None).await;
    world.functions.set("f", Play::Echo);
    let unsupported = r#"415 {"message": "Unsupported Media Type"}"#;
    let text = br#"{"text":"hi"}"#;
    let bomb = gzip(&vec![b' '; 11 << 20]);
    assert!(bomb.len() < 20 << 10);
    for (codings, body, expected) in [
        (&["gzip"][..], gzip(text), Ok(text.as_slice())),
        (&["GZIP "], gzip(text), Ok(text)),
        (&["deflate"], deflate(text), Ok(text)),
        (&["identity"], Bytes::from_static(text), Ok(text)),
        (&["gzip"], Bytes::new(), Ok(b"")),
        (&["br"], Bytes::from_static(text), Err(unsupported)),
        (&["gzip, gzip"], gzip(&gzip(text)), Err(unsupported)),
        (&["gzip", "gzip"], gzip(&gzip(text)), Err(unsupported)),
        (&["gzip"], Bytes::from_static(text), Err(unsupported)),
        (&["gzip"], deflate(text), Err(unsupported)),
        (&["deflate"], gzip(text), Err(unsupported)),
        (&["gzip"], gzip(text).slice(..20), Err(unsupported)),
        (&["gzip"], bomb, Err(r#"413 {"message": "Request Too Long"}"#)),
    ] {
        let headers: Vec<(&str, &str)> = codings.iter().map(|coding| ("content-encoding", *coding)).collect();
        let mut request = world.request_with("POST /dev/a", &headers, "");
        request.headers.insert("content-length", body.len().into());
        request.body = body;
        let response = world.gateway.serve(request).await;
        let expected = match expected {
            Ok(text) => text,
            Err(refusal) => {
                assert_eq!(show(&response), refusal, "{codings:?}");
                continue;
            }
        };
        assert_eq!(response.status, 200, "{codings:?}: {}", show(&response));
        let event: Value = serde_json::from_slice(&world.functions.last_call().payload).unwrap();
        assert_eq!(event["body"].as_str().unwrap_or_default().as_bytes(), expected, "{codings:?}");
        let is_named = event["headers"]["Content-Encoding"].is_string();
        assert_eq!(is_named, codings == ["identity"] || expected.is_empty(), "{codings:?}: {event}");
    }
}

/// Templates see what was packed, and a backend gets it with its own length.
#[tokio::test]
async fn mappings_and_backends_get_what_was_packed() {
    let at = backend().await;
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"x"}"#).await;
    let uri = function_uri("f");
    let templates = json!({ "application/json": "{\"said\":$input.json('$.text')}" });
    let plain = json!({ "type": "AWS", "httpMethod": "POST", "uri": uri, "requestTemplates": templates });
    world.add_method("POST", "/plain", &plain.to_string()).await;
    let proxy = json!({ "type": "HTTP_PROXY", "httpMethod": "POST", "uri": format!("http://{at}/") });
    world.add_method("POST", "/proxy", &proxy.to_string()).await;
    world.deploy("dev").await;
    world.functions.set("f", Play::Answer("{}"));
    let send = async |path: &str| {
        let mut request = world.request_with(&format!("POST {path}"), &[("content-encoding", "gzip")], "");
        request.body = gzip(br#"{"text":"hi"}"#);
        request.headers.insert("content-length", request.body.len().into());
        world.gateway.serve(request).await
    };
    send("/dev/plain").await;
    assert_eq!(world.functions.last_call().payload, r#"{"said":"hi"}"#);
    let answer = show(&send("/dev/proxy").await);
    assert!(answer.ends_with(r#"{"text":"hi"}"#) && !answer.contains("content-encoding"), "{answer}");
}
