//! Clients that send too much, too little, too slowly or nonsense: each gets an answer or a closed connection, soon,
//! and the server goes on.

use std::time::Duration;

use base::Limits;

use server::{Server, ServerConfig};
use testkit::{Client, Running, ask};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::echo::{Echo, start};

/// Bounds so short that a test does not wait.
fn short() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(60),
        body_idle_timeout: Duration::from_millis(60),
        keep_alive: Duration::from_millis(60),
        body_bytes_max: 64 << 10,
        ..Limits::default()
    }
}

async fn check_lives(server: &Running<Echo>) {
    assert_eq!(ask(server.addr, "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn silent_and_half_sent_heads_are_closed() {
    let server = start(short()).await;
    for bytes in ["", "GET", "GET / HTTP/1.1\r\nhost: a\r\nx-long: ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = Client::connect(server.addr).await;
        client.send(bytes).await;
        client.closed().await;
    }
    check_lives(&server).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_keep_alive_time() {
    let server = start(short()).await;
    let mut client = Client::connect(server.addr).await;
    client.send("GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
    client.closed().await;
}

#[tokio::test]
async fn a_body_that_stops_is_a_408() {
    let server = start(short()).await;
    let mut client = Client::connect(server.addr).await;
    client.send("POST /2015-03-31/functions HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").await;
    let answer = client.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    client.closed().await;
    check_lives(&server).await;
}

/// A byte is never as late as a body may be; all of them together are.
#[tokio::test]
async fn a_body_that_trickles_is_a_408() {
    let server = start(short()).await;
    let (mut read, mut write) = TcpStream::connect(server.addr).await.unwrap().into_split();
    write
        .write_all(b"POST /2015-03-31/functions HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n")
        .await
        .unwrap();
    let trickle = async {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending().await
    };
    let mut answer = [0; 12];
    // All of the body would take 20 s.
    let answered = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::select! {
            read = read.read_exact(&mut answer) => read.map(drop),
            () = trickle => unreachable!("it has no end"),
        }
    });
    answered.await.expect("soon").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
    check_lives(&server).await;
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let server = start(Limits::default()).await;
    let many: String = (0..1000).map(|i| format!("x-{i}: y\r\n")).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(200 << 10));
    for headers in [many, long] {
        let mut client = Client::connect(server.addr).await;
        client.send(format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n")).await;
        let answer = client.answer().await;
        assert!(answer.is_none_or(|answer| answer.status == 431));
    }
    check_lives(&server).await;
}

#[tokio::test]
async fn nonsense_is_a_400_or_a_closed_connection() {
    let server = start(Limits::default()).await;
    let cases: [&[u8]; 8] = [
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nabc",
    ];
    for case in cases {
        let mut client = Client::connect(server.addr).await;
        client.send(case).await;
        let answer = client.answer().await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{case:?}: {answer:?}");
        client.closed().await;
    }
    check_lives(&server).await;
}

/// Forms in which a request hides from, or in, another one: each is refused, and nothing behind it is read.
#[tokio::test]
async fn smuggled_requests_are_refused() {
    let server = start(Limits::default()).await;
    let hidden = "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n";
    for head in [
        // A header that goes on in the next line.
        "POST / HTTP/1.1\r\nhost: a\r\nx: 1\r\n transfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3, 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: a\r\nx\0y: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n",
        // Lines that end in a line feed alone: of heads, of chunks.
        "GET / HTTP/1.1\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\nx: b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n\n",
        "POST / HTTP/1.1\nhost: a\ncontent-length: 3\n\nabc",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
    ] {
        let mut client = Client::connect(server.addr).await;
        client.send(format!("{head}{hidden}")).await;
        let answer = client.answer().await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{head:?}: {answer:?}");
        assert!(client.answer().await.is_none(), "{head:?}: what is hidden was answered");
    }
    check_lives(&server).await;
}

/// Chunked framing wins over a length beside it, as RFC 9112 has it, and nothing after it is read as a request:
/// a proxy in front might have counted otherwise.
#[tokio::test]
async fn a_body_with_both_lengths_ends_the_connection() {
    let server = start(Limits::default()).await;
    let both = "POST /2015-03-31/functions HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\
        transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let mut client = Client::connect(server.addr).await;
    client.send(both).await;
    let answer = client.answer().await.expect("an answer");
    assert!(answer.body.ends_with(" 5"), "{}", answer.body);
    client.closed().await;

    let mut client = Client::connect(server.addr).await;
    client.send(format!("{both}GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n")).await;
    let answer = client.answer().await.expect("the answer to the first");
    assert!(answer.body.ends_with(" 5"), "{}", answer.body);
    assert!(client.answer().await.is_none());
}

#[tokio::test]
async fn two_lengths_are_refused_in_words() {
    let server = start(Limits::default()).await;
    let request = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde";
    assert_eq!(ask(server.addr, request).await.status, 400);
}

#[tokio::test]
async fn bodies_over_the_bound_are_a_413() {
    let server = start(Limits::default()).await;
    let bytes = vec![b'x'; (10 << 20) + 1];
    let head = "POST /restapis/a/dev/_user_request_/p HTTP/1.1\r\nhost: a\r\n";
    let mut announced = format!("{head}content-length: {}\r\n\r\n", bytes.len()).into_bytes();
    announced.extend_from_slice(&bytes);
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n", bytes.len()).into_bytes();
    chunked.extend_from_slice(&bytes);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    for request in [announced, chunked] {
        let answer = ask(server.addr, request).await;
        assert_eq!((answer.status, answer.body.as_str()), (413, r#"{"message":"Request Too Long"}"#));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    // One byte less passes.
    let mut fits = format!("{head}content-length: {}\r\n\r\n", bytes.len() - 1).into_bytes();
    fits.extend_from_slice(&bytes[1..]);
    assert_eq!(ask(server.addr, fits).await.status, 201);
    // What is announced far beyond the bound is refused before it is sent.
    let huge = format!("{head}content-length: 99999999999\r\n\r\n");
    assert_eq!(ask(server.addr, huge).await.status, 413);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(Limits::default()).await;
    let mut client = Client::connect(server.addr).await;
    let requests: String =
        (0..50).map(|i| format!("GET /2015-03-31/functions/{i} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    client.send(requests).await;
    for i in 0..50 {
        let answer = client.answer().await.expect("an answer");
        assert_eq!(answer.body, format!("lambda 000000000000/us-east-1 /2015-03-31/functions/{i} 0"));
    }
}

#[tokio::test]
async fn a_connection_over_the_bound_waits_for_room() {
    let server = start(Limits { connections_max: 1, ..Limits::default() }).await;
    let request = "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = Client::connect(server.addr).await;
    first.send(request).await;
    assert!(first.answer().await.is_some());
    let mut second = Client::connect(server.addr).await;
    second.send(request).await;
    drop(first);
    assert_eq!(second.answer().await.map(|answer| answer.status), Some(200));
}

/// Who says nothing makes room for who waits; who is being answered stays.
#[tokio::test]
async fn a_crowded_server_closes_who_idles_and_dawdles() {
    let crowded_timeout = Duration::from_millis(20);
    let server = start(Limits { connections_max: 4, crowded_timeout, ..Limits::default() }).await;
    let request = "GET /_rushlight/health HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut idle = Client::connect(server.addr).await;
    idle.send(request).await;
    assert!(idle.answer().await.is_some());
    let mut busy = Client::connect(server.addr).await;
    busy.send("POST /2015-03-31/functions HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na").await;
    let mut silent = Client::connect(server.addr).await;
    let mut slow = Client::connect(server.addr).await;
    slow.send("GET / HTTP/1.1\r\nhost: a\r\nx-long: ").await;
    let mut late = Client::connect(server.addr).await;
    late.send(request).await;
    assert_eq!(late.answer().await.map(|answer| answer.status), Some(200));
    for closed in [&mut idle, &mut silent, &mut slow] {
        closed.closed().await;
    }
    busy.send("bc").await;
    assert_eq!(busy.answer().await.map(|answer| answer.status), Some(200));
}

/// Bodies hold no more together than they may; small ones are never in the way.
#[tokio::test]
async fn bodies_hold_no_more_together_than_they_may() {
    let server = start(Limits { bodies_bytes_max: 512 << 10, ..Limits::default() }).await;
    let head = |bytes: usize| {
        format!("POST /2015-03-31/functions HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n")
    };
    let mut first = Client::connect(server.addr).await;
    first.send(head(400 << 10)).await;
    first.send("x".repeat((400 << 10) - 1)).await;
    loop {
        let mut second = Client::connect(server.addr).await;
        second.send(head(400 << 10)).await;
        second.send("x".repeat(400 << 10)).await;
        // The first one's may still be on their way.
        match second.answer().await.expect("an answer").status {
            200 => {}
            status => break assert_eq!(status, 503),
        }
    }
    let mut small = Client::connect(server.addr).await;
    small.send(head(60 << 10)).await;
    small.send("x".repeat(60 << 10)).await;
    assert_eq!(small.answer().await.map(|answer| answer.status), Some(200));
    first.send("x").await;
    assert_eq!(first.answer().await.map(|answer| answer.status), Some(200));
    let mut third = Client::connect(server.addr).await;
    third.send(head(400 << 10)).await;
    third.send("x".repeat(400 << 10)).await;
    assert_eq!(third.answer().await.map(|answer| answer.status), Some(200));
}

/// A burst waits in the kernel for a server that is busy: nobody in it has to try again.
#[tokio::test]
async fn a_burst_waits_to_be_accepted() {
    let bound = Server::bind(ServerConfig::default()).await.unwrap();
    let mut burst = Vec::new();
    for number in 0..500 {
        let connecting = tokio::net::TcpStream::connect(bound.addr());
        let connected = tokio::time::timeout(Duration::from_millis(900), connecting).await;
        burst.push(connected.unwrap_or_else(|_| panic!("the {number}th connection was dropped")).unwrap());
    }
}
