//! Requests as bytes against the types they become, and outputs against the bytes they become.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod aws_json;
mod compression;
mod hostile;
mod query;
mod rest_json;
mod service;
mod violations;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wire::{Request, Response};

/// Runs a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the test's service never waits"),
    }
}

/// `METHOD /path?query`, then headers, an empty line, and the body.
fn request(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = http::HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    Request {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.to_owned().into(),
    }
}

/// Status, headers and body, as a golden shows them; the request's id is left out.
fn shown(response: &Response) -> String {
    let mut out = format!("{}\n", response.status);
    let mut headers: Vec<String> = Vec::new();
    for (name, value) in &response.headers {
        if name != "x-amzn-requestid" {
            headers.push(format!("{name}: {}\n", value.to_str().unwrap()));
        }
    }
    headers.sort();
    out.extend(headers);
    out.push('\n');
    out.push_str(&String::from_utf8_lossy(&response.body));
    out
}

fn cx() -> base::Cx {
    base::Cx::internal(base::Scope::default())
}
