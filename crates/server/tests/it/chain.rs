//! What every answer gets, and what the server answers itself.

use std::sync::atomic::Ordering;

use base::Limits;
use expect_test::{Expect, expect};
use server::ServerConfig;
use testkit::{Running, ask};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::echo::{Echo, start};

async fn check(request: &str, expected: Expect) {
    let server = start(Limits::default()).await;
    let answer = ask(server.addr, request).await;
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36), "{}", answer.head);
    let id = answer.header("x-amzn-requestid").expect("just asserted");
    expected.assert_eq(&format!("{} {}", answer.status, answer.body.replace(id, "..")));
}

const SIGNED: &str = "x-amz-date: 1\r\nauthorization: AWS4-HMAC-SHA256 \
    Credential=123456789012/20261122/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=a\r\n";

#[tokio::test]
async fn account_and_region_come_from_the_signature() {
    let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{SIGNED}content-length: 2\r\n\r\n{{}}");
    check(&head, expect!["200 dynamodb 123456789012/eu-west-1 / 2"]).await;
}

#[tokio::test]
async fn an_unsigned_call_is_of_the_default_account() {
    check(
        "GET /2015-03-31/functions/a%2Fb HTTP/1.1\r\nhost: a\r\n\r\n",
        expect!["200 lambda 000000000000/us-east-1 /2015-03-31/functions/a%2Fb 0"],
    )
    .await;
}

#[tokio::test]
async fn a_broken_signature_is_refused_in_the_clients_envelope() {
    check(
        "POST / HTTP/1.1\r\nhost: a\r\nx-amz-target: DynamoDB_20120810.GetItem\r\nauthorization: AWS4-HMAC-SHA256 x\r\n\r\n",
        expect![[
            r#"400 {"__type":"com.amazon.coral.service#IncompleteSignatureException","message":"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 x"}"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn stage_calls_keep_their_parts() {
    check(
        "PUT /restapis/a1/dev/_user_request_/p%20q/r?x=1&x=2 HTTP/1.1\r\nhost: a\r\nx-twice: one\r\nx-twice: two\r\n\
         content-length: 3\r\n\r\nabc",
        expect![[
            r#"201 a PUT /restapis/a1/dev/_user_request_/p%20q/r ?x=1&x=2 ["one", "two"] 3"#
        ]],
    )
    .await;
}

/// A chunk for each piece; what is cut off has no last chunk, so that no client takes it for whole.
#[tokio::test]
async fn streams_are_sent_in_chunks_and_end_or_break() {
    for (path, ends) in [("/whole", true), ("/cut", false)] {
        let server = start(Limits::default()).await;
        let mut stream = tokio::net::TcpStream::connect(server.addr).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x.lambda-url.h\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("an end of the connection");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("transfer-encoding: chunked"), "{text}");
        assert!(text.contains(&format!("{:x}\r\n{path}\r\n", path.len())), "{text}");
        assert_eq!(text.ends_with("\r\n0\r\n\r\n"), ends, "{text}");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_lives() {
    let server = start(Limits::default()).await;
    for _ in 0..3 {
        let request = "POST / HTTP/1.1\r\nhost: a\r\nx-amz-target: DynamoDB_20120810.Panic\r\n\r\n";
        let answer = ask(server.addr, request).await;
        assert_eq!(answer.status, 500);
        assert!(answer.body.contains("InternalFailure"), "{}", answer.body);
    }
    assert_eq!(ask(server.addr, "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn what_is_not_here_is_named() {
    check(
        "GET /nothing HTTP/1.1\r\nhost: h:1\r\n\r\n",
        expect![[r#"404 {"__type":"com.amazon.coral.service#UnknownOperationException","message":"No service found for GET /nothing: looked at host \"h:1\", path, X-Amz-Target (none), the service in the signature's scope (not signed) and Action in query and form (none). Stage URLs are /restapis/API/STAGE/_user_request_/PATH, /_aws/execute-api/API/STAGE/PATH and API.execute-api.ANYTHING/STAGE/PATH; function URLs are /_aws/lambda-url/ID/PATH and ID.lambda-url.ANYTHING/PATH."}"#]],
    )
    .await;
    check(
        "POST / HTTP/1.1\r\nhost: a\r\nx-amz-target: AmazonSQS.SendMessage\r\n\r\n",
        expect![[r#"501 {"__type":"com.amazon.coral.service#NotImplementedException","message":"Rushlight does not serve \"AmazonSQS\". It serves dynamodb, dynamodbstreams, lambda, apigateway, apigatewayv2, logs, sts."}"#]],
    )
    .await;
    check(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 37\r\n\r\n\
         Action=CreateStack&Version=2010-05-15",
        expect!["400 <ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation CreateStack for version 2010-05-15 (host \"a\"). Served in the query protocol: sts, version 2011-06-15.</Message></Error><RequestId>..</RequestId></ErrorResponse>"],
    )
    .await;
}

#[tokio::test]
async fn health_and_metrics() {
    let server = start(Limits::default()).await;
    let health = ask(server.addr, "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n").await.body;
    assert!(health.starts_with(r#"{"status":"ok","version":""#), "{health}");
    assert!(health.ends_with(r#""services":["dynamodb","sts"]}"#), "{health}");
    let local = ask(server.addr, "GET /_localstack/health HTTP/1.1\r\nhost: a\r\n\r\n").await.body;
    assert!(local.starts_with(r#"{"services":{"dynamodb":"running","sts":"running"},"#), "{local}");

    server.backends.ill.store(true, Ordering::Relaxed);
    let ill = ask(server.addr, "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(ill.status, 503);
    assert!(ill.body.starts_with(r#"{"status":"the store does not answer","version":""#), "{}", ill.body);
    let local = ask(server.addr, "GET /_localstack/health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(local.status, 503);
    assert!(local.body.starts_with(r#"{"services":{"dynamodb":"error","sts":"error"},"#), "{}", local.body);

    let metrics = ask(server.addr, "GET /_rushlight/metrics HTTP/1.1\r\nhost: a\r\n\r\n").await.body;
    for line in [
        "rushlight_requests_total{service=\"rushlight\",operation=\"health\",status=\"200\"} 1",
        "rushlight_requests_total{service=\"rushlight\",operation=\"health\",status=\"503\"} 1",
        "rushlight_request_duration_seconds_count{service=\"rushlight\",operation=\"health\"} 2",
        "rushlight_requests_in_flight 1",
        "rushlight_connections_total 5",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }
    let more = ask(server.addr, "GET /_rushlight/echo/x HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!((more.status, more.body.as_str()), (200, "x"));
    assert_eq!(ask(server.addr, "GET /_rushlight/none HTTP/1.1\r\nhost: a\r\n\r\n").await.status, 404);
    let other = ask(server.addr, "POST /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(other.status, 405);
}

#[tokio::test]
async fn web_pages_of_this_machine_may_ask_and_others_may_not() {
    let names = vec!["mine.example".to_owned()];
    let config = ServerConfig { names, ..ServerConfig::default() };
    let server = Running::start_with(Echo::default(), config).await;
    let call = |origin: &str| {
        format!("POST /2015-03-31/functions HTTP/1.1\r\nhost: 127.0.0.1:4566\r\norigin: {origin}\r\n\r\n")
    };
    for origin in
        ["http://localhost:3000", "http://127.0.0.1:4566", "http://[::1]:80", "http://app.localhost"]
    {
        let answer = ask(server.addr, call(origin)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
    }
    for origin in
        ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://localhost.evil.example"]
    {
        assert_eq!(ask(server.addr, call(origin)).await.status, 403, "{origin}");
    }
    // A foreign name that resolves to this machine is no loopback page.
    let rebound = "POST / HTTP/1.1\r\nhost: evil.example:1\r\norigin: http://evil.example:1\r\n\r\n";
    assert_eq!(ask(server.addr, rebound).await.status, 403);

    // A browser tells no origin with what it reads from the page's own.
    for (host, status) in [
        ("evil.example:1", 403),
        ("evil.example.", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("amazonaws.com.evil.example", 403),
        ("evilamazonaws.com", 403),
        ("mine.example:4566", 200),
        ("MINE.example", 200),
        ("localhost:1", 200),
        ("a.localhost", 200),
        ("127.0.0.1:1", 200),
        ("192.168.0.7", 200),
        ("[::1]:1", 200),
        ("rushlight:4566", 200),
        ("dynamodb.us-east-1.amazonaws.com", 200),
        ("host.docker.internal:1", 200),
    ] {
        let read = format!("GET /_rushlight/health HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(ask(server.addr, &read).await.status, status, "{host}");
    }

    let preflight = "OPTIONS / HTTP/1.1\r\nhost: a\r\norigin: http://localhost:3000\r\n\
        access-control-request-method: POST\r\naccess-control-request-headers: x-amz-target\r\n\r\n";
    let answer = ask(server.addr, preflight).await;
    assert_eq!((answer.status, answer.header("access-control-allow-headers")), (204, Some("x-amz-target")));
}

#[tokio::test]
async fn who_opens_the_address_in_a_browser_is_shown_the_console() {
    let server = start(Limits::default()).await;
    let browser = "GET / HTTP/1.1\r\nhost: a\r\naccept: text/html,application/xhtml+xml\r\n\r\n";
    let answer = ask(server.addr, browser).await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("/_console/")));
    let client = "GET / HTTP/1.1\r\nhost: a\r\naccept: */*\r\n\r\n";
    assert_eq!(ask(server.addr, client).await.status, 404);
}

#[tokio::test]
async fn http2_with_prior_knowledge() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let server = start(Limits::default()).await;
    let stream = tokio::net::TcpStream::connect(server.addr).await.expect("the server listens");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("h2c");
    tokio::spawn(connection);
    let request = http::Request::post(format!("http://{}/", server.addr))
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .body(Full::new(bytes::Bytes::from_static(b"{}")))
        .expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(&body[..], b"dynamodb 000000000000/us-east-1 / 2");
}
