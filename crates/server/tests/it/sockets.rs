//! From a request to a WebSocket: what is upgraded, what is not, and whose slot it takes.

use std::time::Duration;

use base::Limits;
use testkit::Client;

use crate::echo::start;

fn handshake(path: &str) -> String {
    format!(
        "GET /_aws/execute-api/a{path} HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\r\n"
    )
}

#[tokio::test]
async fn a_socket_carries_bytes_both_ways_those_behind_the_handshake_too() {
    let server = start(Limits::default()).await;
    let mut client = Client::connect(server.addr).await;
    client.send(handshake("/dev") + "early").await;
    let answer = client.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.header("x-session")), (101, Some("yes")));
    assert_eq!((answer.header("connection"), answer.header("upgrade")), (Some("upgrade"), Some("websocket")));
    client.expect_text("early").await;
    client.send("later").await;
    client.expect_text("later").await;
}

#[tokio::test]
async fn what_is_refused_or_asks_for_no_socket_stays_http() {
    let server = start(Limits::default()).await;
    let mut client = Client::connect(server.addr).await;
    for (request, status) in [
        (handshake("/no"), 201),
        (handshake("/dev").replace("upgrade: websocket", "upgrade: h2c"), 201),
        (handshake("/dev").replace("connection: keep-alive, Upgrade\r\n", ""), 201),
        (handshake("/dev").replace("GET", "POST"), 201),
    ] {
        client.send(&request).await;
        assert_eq!(client.answer().await.map(|answer| answer.status), Some(status), "{request}");
    }
}

#[tokio::test]
async fn sockets_have_a_bound_of_their_own() {
    let limits = Limits { connections_max: 1, websockets_max: 1, ..Limits::default() };
    let server = start(limits).await;
    let mut first = Client::connect(server.addr).await;
    first.send(handshake("/dev")).await;
    assert_eq!(first.answer().await.map(|answer| answer.status), Some(101));
    let mut second = Client::connect(server.addr).await;
    second.send(handshake("/dev")).await;
    assert_eq!(second.answer().await.map(|answer| answer.status), Some(503));
    drop(first);
    loop {
        second.send(handshake("/dev")).await;
        match second.answer().await.map(|answer| answer.status) {
            Some(101) => break,
            status => assert_eq!(status, Some(503)),
        }
    }
}

#[tokio::test]
async fn sockets_that_stay_are_dropped_after_the_grace() {
    let mut server = start(Limits { stop_grace: Duration::from_millis(20), ..Limits::default() }).await;
    let mut client = Client::connect(server.addr).await;
    client.send(handshake("/dev")).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(101));
    server.stop.cancel();
    client.closed().await;
    (&mut server.ended).await.expect("the server ends");
}
