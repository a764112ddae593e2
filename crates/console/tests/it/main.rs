//! The console's crate from outside.

use base::Cx;
use bytes::Bytes;
use console::Console;
use http::{HeaderMap, HeaderValue, Method};
use store::Store;
use wire::{Request, Response};

fn request(method: Method, path: &str, body: &str) -> Request {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Request { method, path: path.to_owned(), query: String::new(), headers: HeaderMap::new(), body }
}

fn cx(region: &str) -> Cx {
    let mut cx = Cx::internal(base::Scope::default());
    cx.scope.region = base::Region::new(region);
    cx
}

async fn events(console: &Console, method: Method, path: &str, body: &str) -> (u16, String) {
    let path = format!("/_rushlight/test-events/{path}");
    let response = console.test_events(&cx("us-east-1"), request(method, &path, body)).await;
    (response.status, String::from_utf8_lossy(&response.body).into_owned())
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn events_are_kept_by_function_and_name() {
    let console = Console::new(Store::memory());
    assert_eq!(events(&console, Method::GET, "hello", "").await.1, r#"{"events":[]}"#);
    for (path, event) in
        [("hello/sy", "{1}"), ("hello/a%20%2F%EA%B0%80", "{}"), ("hello2/x", "{}"), ("hello/sy", "{2}")]
    {
        assert_eq!(events(&console, Method::PUT, path, event).await.0, 204, "{path}");
    }
    let all = r#"{"events":[{"name":"a /가","event":"{}"},{"name":"sy","event":"{2}"}]}"#;
    assert_eq!(events(&console, Method::GET, "hello", "").await, (200, all.to_owned()));
    let elsewhere = console
        .test_events(&cx("eu-west-1"), request(Method::GET, "/_rushlight/test-events/hello", ""))
        .await;
    assert_eq!(&elsewhere.body[..], br#"{"events":[]}"#, "another region");
    assert_eq!(events(&console, Method::DELETE, "hello/sy", "").await.0, 204);
    assert_eq!(events(&console, Method::DELETE, "hello/sy", "").await.0, 204, "again");
    assert_eq!(
        events(&console, Method::GET, "hello", "").await.1,
        r#"{"events":[{"name":"a /가","event":"{}"}]}"#
    );
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let console = Console::new(Store::memory());
    let long = format!("f/{}", "n".repeat(257));
    for (method, path, status) in [
        (Method::PUT, "f", 405),
        (Method::POST, "f/n", 405),
        (Method::PUT, "f/", 400),
        (Method::PUT, "/n", 400),
        (Method::PUT, "f/%00", 400),
        (Method::PUT, "f/%FF", 400),
        (Method::PUT, &long, 400),
        (Method::GET, "f/n/m", 404),
    ] {
        assert_eq!(events(&console, method.clone(), path, "{}").await.0, status, "{method} {path}");
    }
    for i in 0..100 {
        assert_eq!(events(&console, Method::PUT, &format!("f/{i}"), "{}").await.0, 204);
    }
    let (status, said) = events(&console, Method::PUT, "f/one-more", "{}").await;
    assert_eq!((status, said.contains("at most 100")), (400, true), "{said}");
    assert_eq!(events(&console, Method::PUT, "f/7", "{7}").await.0, 204, "one that is there");
}

#[test]
fn pages_come_with_their_policy() {
    let console = Console::new(Store::memory());
    let get = |path: &str| console.page(&request(Method::GET, path, ""));
    let index = get("/_console/");
    let text = String::from_utf8(index.body.to_vec()).unwrap();
    assert_eq!((index.status, header(&index, "content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(header(&index, "cache-control"), "no-cache");
    let policy = header(&index, "content-security-policy");
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(!text.contains("<script>") && !text.contains(" onload="), "a script stands in the page: {text}");

    let script = text.split('"').find(|word| word.ends_with(".js")).unwrap().trim_start_matches("./");
    let script = format!("/_console/{script}");
    let whole = get(&script);
    assert_eq!(header(&whole, "content-type"), "text/javascript; charset=utf-8");
    assert!(header(&whole, "cache-control").contains("immutable"));
    let mut asked = request(Method::GET, &script, "");
    asked.headers.insert("accept-encoding", HeaderValue::from_static("br, gzip"));
    let packed = console.page(&asked);
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut text).unwrap();
    assert_eq!(text, whole.body);
    asked.headers.insert("if-none-match", HeaderValue::from_str(header(&whole, "etag")).unwrap());
    let known = console.page(&asked);
    assert_eq!((known.status, known.body.len()), (304, 0));

    assert_eq!(header(&get("/_console"), "location"), "/_console/");
    for path in
        ["/_console/none", "/_console/../Cargo.toml", "/_console/%2e%2e/Cargo.toml", "/_console//index.html"]
    {
        assert_eq!(get(path).status, 404, "{path}");
    }
    assert_eq!(console.page(&request(Method::POST, "/_console/", "")).status, 405);
}
