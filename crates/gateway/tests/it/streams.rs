//! Answers that are passed on as they come, of functions and of HTTP backends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use gateway::StageResponse;
use ports::InvokePiece;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use wire::Pieces;

use crate::world::{Play, World, reply, show, show_headers};

fn streamed(name: &str) -> serde_json::Value {
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
    let path = format!("path/2021-11-15/functions/{arn}/response-streaming-invocations");
    json!({
        "type": "AWS_PROXY", "httpMethod": "POST", "uri": format!("arn:aws:apigateway:us-east-1:lambda:{path}"),
        "responseTransferMode": "STREAM",
    })
}

/// A world whose method streams what the test says for the function.
async fn world() -> (World, mpsc::Sender<InvokePiece>) {
    let world = World::new();
    world.deploy_one("ANY", "/", &streamed("f").to_string()).await;
    let (sender, receiver) = mpsc::channel(8);
    let play = Play::Stream(Arc::new(Mutex::new(receiver)));
    world.functions.set("arn:aws:lambda:us-east-1:000000000000:function:f", play);
    (world, sender)
}

fn data(text: &'static str) -> InvokePiece {
    InvokePiece::Data(Bytes::from_static(text.as_bytes()))
}

fn end(error: Option<&'static str>) -> InvokePiece {
    InvokePiece::End(reply(Bytes::from_static(br#"{"errorMessage":"late"}"#), error))
}

fn pieces(response: &StageResponse) -> Pieces {
    response.stream.as_ref().expect("it streams").take().expect("nobody has it yet")
}

/// What comes next, `cut` if it broke off, `end` at the end.
async fn next(pieces: &mut Pieces) -> String {
    match pieces.next().await {
        Some(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Some(Err(_)) => "cut".to_owned(),
        None => "end".to_owned(),
    }
}

#[tokio::test]
async fn a_function_is_heard_while_it_speaks() {
    let (world, function) = world().await;
    function.send(data(r#"{"statusCode":201,"headers":{"x-a":"1"},"multi"#)).await.unwrap();
    function.send(data("ValueHeaders\":{\"set-cookie\":[\"a\",\"b\"]}}\0\0\0\0")).await.unwrap();
    function.send(data("\0\0\0\0one")).await.unwrap();
    let response = world.gateway.serve(world.request("GET /dev")).await;
    assert_eq!(show(&response), "201 ");
    let headers = show_headers(&response);
    assert!(headers.ends_with("set-cookie: a; set-cookie: b; x-a: 1"), "{headers}");
    let mut pieces = pieces(&response);
    assert_eq!(next(&mut pieces).await, "one");
    function.send(data("two")).await.unwrap();
    assert_eq!(next(&mut pieces).await, "two");
    function.send(end(None)).await.unwrap();
    assert_eq!(next(&mut pieces).await, "end");
}

#[tokio::test]
async fn a_body_that_is_not_whole_is_cut_off() {
    for last in [Some(end(Some("Unhandled"))), None] {
        let (world, function) = world().await;
        function.send(data("{}\0\0\0\0\0\0\0\0one")).await.unwrap();
        let response = world.gateway.serve(world.request("GET /dev")).await;
        let mut pieces = pieces(&response);
        assert_eq!(next(&mut pieces).await, "one");
        if let Some(last) = last {
            function.send(last).await.unwrap();
        }
        drop(function);
        world.functions.set("arn:aws:lambda:us-east-1:000000000000:function:f", Play::Hang);
        assert_eq!((next(&mut pieces).await, next(&mut pieces).await), ("cut".to_owned(), "end".to_owned()));
    }
}

#[tokio::test]
async fn answers_without_a_head_are_bad_gateways() {
    const BAD: &str = r#"502 {"message": "Internal server error"}"#;
    let long: &'static str = Box::leak("x".repeat(17 << 10).into_boxed_str());
    for said in [
        vec![data("hello"), end(None)],
        vec![data("no json\0\0\0\0\0\0\0\0x"), end(None)],
        vec![data(r#"{"body":"x","cookies":[]}"#), data("\0\0\0\0\0\0\0\0"), end(None)],
        vec![data(long)],
        vec![data("{"), end(Some("Unhandled"))],
    ] {
        let (world, function) = world().await;
        for piece in said.clone() {
            function.send(piece).await.unwrap();
        }
        assert_eq!(show(&world.gateway.serve(world.request("GET /dev")).await), BAD, "{said:?}");
    }
    let (world, _function) = world().await;
    for play in [Play::Answer(r#""whole""#), Play::Fail(r#"{"errorMessage":"early"}"#)] {
        world.functions.set("arn:aws:lambda:us-east-1:000000000000:function:f", play.clone());
        assert_eq!(show(&world.gateway.serve(world.request("GET /dev")).await), BAD, "{play:?}");
    }
}

#[tokio::test]
async fn a_silent_stream_is_given_up_after_the_timeout() {
    let (world, function) = world().await;
    function.send(data("{}\0\0\0\0\0\0\0\0one")).await.unwrap();
    let response = world.gateway.serve(world.request("GET /dev")).await;
    let mut pieces = pieces(&response);
    assert_eq!(next(&mut pieces).await, "one");
    let waiting = tokio::spawn(async move { next(&mut pieces).await });
    tokio::task::yield_now().await;
    world.clock.advance(Duration::from_secs(29));
    assert_eq!(waiting.await.unwrap(), "cut");
}

#[tokio::test]
async fn a_backend_is_heard_while_it_speaks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let (go, mut going) = mpsc::channel::<()>(1);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut head).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 203 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
        going.recv().await;
        stream.write_all(b"3\r\ntwo\r\n").await.unwrap();
        going.recv().await;
    });
    let world = World::new();
    let integration =
        json!({ "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": uri, "responseTransferMode": "STREAM" });
    world.deploy_one("ANY", "/", &integration.to_string()).await;
    let response = world.gateway.serve(world.request("GET /dev")).await;
    assert_eq!(response.status, 203);
    let mut pieces = pieces(&response);
    assert_eq!(next(&mut pieces).await, "one");
    go.send(()).await.unwrap();
    assert_eq!(next(&mut pieces).await, "two");
    // It ends the connection without the last chunk.
    go.send(()).await.unwrap();
    assert_eq!(next(&mut pieces).await, "cut");
}

#[tokio::test]
async fn integrations_that_cannot_stream_are_refused() {
    let world = World::new();
    world.make("api", r#"POST /restapis {"name":"a"}"#).await;
    let at = "/restapis/$api/resources/$api_root/methods/GET";
    world.control(&format!(r#"PUT {at} {{"authorizationType":"NONE"}}"#)).await;
    let mut long = streamed("f");
    long["timeoutInMillis"] = json!(900_001);
    let mut buffered = streamed("f");
    buffered["responseTransferMode"] = json!("BUFFERED");
    for (integration, message) in [
        (
            json!({ "type": "MOCK", "responseTransferMode": "STREAM" }),
            "Response transfer mode STREAM is only supported for integrations of type AWS_PROXY and HTTP_PROXY",
        ),
        (long, "Timeout should be between 50 ms and 900000 ms"),
        (buffered, "Invalid function ARN or invalid uri"),
    ] {
        let (status, body) = world.control(&format!("PUT {at}/integration {integration}")).await;
        assert_eq!((status, body["message"].as_str()), (400, Some(message)));
    }
    let mut longest = streamed("f");
    longest["timeoutInMillis"] = json!(900_000);
    assert_eq!(world.control(&format!("PUT {at}/integration {longest}")).await.0, 201);
}
