//! Stopping: requests in flight finish, streams end, nothing new is taken.

use std::time::Duration;

use base::Limits;

use testkit::Client;

use crate::echo::start;

const WAIT: &str = "POST / HTTP/1.1\r\nhost: a\r\nx-amz-target: DynamoDB_20120810.Wait\r\n\r\n";

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_signal() {
    let mut server = start(Limits::default()).await;
    let mut client = Client::connect(server.addr).await;
    client.send(WAIT).await;
    server.backends.waiting.notified().await;
    server.stop.cancel();
    // The listener is gone before the request has ended.
    while tokio::net::TcpStream::connect(server.addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.backends.release.notify_one();
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
    client.closed().await;
    (&mut server.ended).await.expect("the server ends");
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped_after_the_grace() {
    let mut server = start(Limits { stop_grace: Duration::from_millis(20), ..Limits::default() }).await;
    let mut client = Client::connect(server.addr).await;
    client.send(WAIT).await;
    server.backends.waiting.notified().await;
    server.stop.cancel();
    (&mut server.ended).await.expect("the server ends");
    assert!(client.answer().await.is_none());
}

#[tokio::test]
async fn a_tail_sends_as_it_comes_and_ends_with_the_server() {
    let mut server = start(Limits::default()).await;
    let mut client = Client::connect(server.addr).await;
    client.send("GET /_rushlight/logs/tail?group=%2Faws%2Flambda%2Ff HTTP/1.1\r\nhost: a\r\n\r\n").await;
    client.expect_text("{\"group\":\"/aws/lambda/f\"}\n").await;
    server.stop.cancel();
    client.closed().await;
    (&mut server.ended).await.expect("the server ends");
}
