//! HTTP backends that mean harm or break: the caller gets one of AWS's answers, and the next request is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::World;

/// What a backend does with a connection after the head of a request was read.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// Says nothing and keeps the connection.
    Stall,
    /// Says that, and ends the connection.
    Say(&'static str),
    /// Says a head, and then no end of headers.
    EndlessHeaders,
    /// A whole answer with a body of so many bytes.
    Body(usize),
    /// Answers each connection's first request, and ends it when there is a second one.
    OneAnswer,
}

/// The address of a backend, and how many requests it got.
async fn backend(harm: Harm) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, harm, counted.clone()));
        }
    });
    (address, count)
}

async fn serve(mut stream: TcpStream, harm: Harm, count: Arc<AtomicUsize>) {
    if !read_head(&mut stream).await {
        return;
    }
    count.fetch_add(1, Ordering::Relaxed);
    match harm {
        Harm::Stall => {
            // Until the gateway gives up and ends the connection.
            read_head(&mut stream).await;
        }
        Harm::Say(text) => drop(stream.write_all(text.as_bytes()).await),
        Harm::EndlessHeaders => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(b"x-more: 0123456789012345678901234567890123456789\r\n").await.is_ok() {}
        }
        Harm::Body(bytes) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; bytes]).await;
        }
        Harm::OneAnswer => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            if read_head(&mut stream).await {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Whether a request came.
async fn read_head(stream: &mut TcpStream) -> bool {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    true
}

/// `ANY /` of an API over the backend, that is waited for 300 ms.
async fn world(address: SocketAddr) -> World {
    let world = World::new();
    let integration = json!({
        "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": format!("http://{address}/"), "timeoutInMillis": 300,
    });
    world.deploy_one("ANY", "/", &integration.to_string()).await;
    world
}

#[tokio::test]
async fn each_harm_has_its_answer() {
    let network = r#"504 {"message": "Network error communicating with endpoint"}"#;
    let broken = r#"502 {"message": "Internal server error"}"#;
    for (harm, expected) in [
        (Harm::Say(""), network),
        (Harm::Say("hello, this is no HTTP\r\n\r\n"), network),
        (Harm::Say("HTTP/1.1 2x0 OK\r\n\r\n"), network),
        (Harm::Say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"), network),
        (Harm::Say("HTTP/1.1 200 OK\r\nbro ken: 1\r\n\r\n"), network),
        (Harm::EndlessHeaders, network),
        (Harm::Say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"), broken),
        (Harm::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), broken),
        (Harm::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel"), broken),
        (Harm::Body(10 * 1024 * 1024 + 1), broken),
        (Harm::Say("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\nthere"), "302 there"),
    ] {
        let (address, _) = backend(harm).await;
        let world = world(address).await;
        assert_eq!(world.get("POST /dev").await, expected, "{harm:?}");
    }
}

#[tokio::test]
async fn the_largest_body_passes() {
    let (address, _) = backend(Harm::Body(10 * 1024 * 1024)).await;
    let world = world(address).await;
    assert_eq!(world.get("GET /dev").await.len(), "200 ".len() + 10 * 1024 * 1024);
}

#[tokio::test]
async fn a_backend_that_says_nothing_is_given_up() {
    let (address, count) = backend(Harm::Stall).await;
    let world = world(address).await;
    let request = world.request("GET /dev");
    let answer = tokio::spawn({
        let gateway = world.gateway.clone();
        async move { gateway.serve(request).await }
    });
    while count.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(std::time::Duration::from_millis(301));
    assert_eq!(
        crate::world::show(&answer.await.unwrap()),
        r#"504 {"message": "Endpoint request timed out"}"#
    );
}

/// What may be sent twice is; what may not is answered as AWS answers a broken connection.
#[tokio::test]
async fn a_kept_connection_that_ends_in_use() {
    let (address, count) = backend(Harm::OneAnswer).await;
    let world = world(address).await;
    let network = r#"504 {"message": "Network error communicating with endpoint"}"#;
    for (method, requests, expected) in
        [("GET", 1, "200 ok"), ("GET", 3, "200 ok"), ("POST", 4, network), ("DELETE", 5, "200 ok")]
    {
        assert_eq!(world.get(&format!("{method} /dev")).await, expected, "{method}");
        assert_eq!(count.load(Ordering::Relaxed), requests, "{method}");
    }
}
