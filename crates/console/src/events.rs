//! Saved test events: kept by the server, so that every browser has them. An event belongs to a function's name, and
//! stays when the function goes: one of the same name is tested with the same events.

use base::{Cx, Scope};
use bytes::Bytes;
use http::Method;
use percent_encoding::percent_decode_str;
use store::{Batch, KvError, Store};
use wire::json::Writer;
use wire::{Request, Response};

/// `GET .../{function}`: all of a function. `PUT` and `DELETE .../{function}/{name}`: one.
pub const TEST_EVENTS_PATH: &str = "/_rushlight/test-events/";

/// The first byte of the console's keys.
const OWNER: u8 = 0x48;
const EVENT: u8 = 1;

const EVENTS_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 256;

#[derive(Debug, thiserror::Error)]
enum EventError {
    #[error("No such path. Served here: {TEST_EVENTS_PATH}FUNCTION and {TEST_EVENTS_PATH}FUNCTION/NAME.")]
    Path,
    #[error("A function's test events are read by GET; one of them is written by PUT and removed by DELETE.")]
    Method,
    #[error("Names of functions and events have 1 to {NAME_BYTES_MAX} bytes.")]
    Name,
    #[error("The event is not text.")]
    Text,
    #[error("A function has at most {EVENTS_MAX} saved events. Delete one that is not needed any more.")]
    Full,
    #[error("The store does not answer; see the server's log.")]
    Store(#[from] KvError),
}

pub(crate) async fn answer(store: &Store, cx: &Cx, request: Request) -> Response {
    match act(store, &cx.scope, &request).await {
        Ok(Some(json)) => said(200, json),
        Ok(None) => Response::new(204, Bytes::new()),
        Err(error) => refused(&error),
    }
}

async fn act(store: &Store, scope: &Scope, request: &Request) -> Result<Option<Writer>, EventError> {
    let path = request.path.strip_prefix(TEST_EVENTS_PATH).ok_or(EventError::Path)?;
    let parts = path.split('/').map(name).collect::<Result<Vec<_>, _>>()?;
    match (&request.method, &parts[..]) {
        (&Method::GET, [function]) => list(store, scope, function).await.map(Some),
        (&Method::PUT, [function, name]) => {
            let text = std::str::from_utf8(&request.body).map_err(|_| EventError::Text)?;
            put(store, scope, (function, name), text).await.map(|()| None)
        }
        (&Method::DELETE, [function, name]) => {
            store.commit(Batch::new().delete(key(scope, function, name))).await?;
            Ok(None)
        }
        (_, [_] | [_, _]) => Err(EventError::Method),
        _ => Err(EventError::Path),
    }
}

async fn list(store: &Store, scope: &Scope, function: &str) -> Result<Writer, EventError> {
    let prefix = key(scope, function, "");
    let mut json = Writer::new();
    json.begin_object();
    json.key("events");
    json.begin_array();
    for (key, event) in store.rows(prefix.clone()).await? {
        json.begin_object();
        json.key("name");
        json.string(&String::from_utf8_lossy(&key[prefix.len()..]));
        json.key("event");
        json.string(&String::from_utf8_lossy(&event));
        json.end_object();
    }
    json.end_array();
    json.end_object();
    Ok(json)
}

/// The bound keeps out what runs wild; two who write at the same moment may pass it by one.
async fn put(
    store: &Store,
    scope: &Scope,
    (function, name): (&str, &str),
    text: &str,
) -> Result<(), EventError> {
    let key = key(scope, function, name);
    let known = store.rows(self::key(scope, function, "")).await?;
    if known.len() >= EVENTS_MAX && !known.iter().any(|(known, _)| *known == key) {
        return Err(EventError::Full);
    }
    store.commit(Batch::new().put(key, Bytes::copy_from_slice(text.as_bytes()))).await?;
    Ok(())
}

fn name(part: &str) -> Result<String, EventError> {
    let name = percent_decode_str(part).decode_utf8().map_err(|_| EventError::Name)?.into_owned();
    let is_one = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains('\0');
    if is_one { Ok(name) } else { Err(EventError::Name) }
}

/// Of all events of the function, if `name` is empty.
fn key(scope: &Scope, function: &str, name: &str) -> Bytes {
    let scope = scope.to_string();
    let mut key = vec![OWNER, EVENT];
    for part in [scope.as_str(), function] {
        key.extend_from_slice(part.as_bytes());
        key.push(0);
    }
    key.extend_from_slice(name.as_bytes());
    key.into()
}

fn said(status: u16, json: Writer) -> Response {
    let mut response = Response::new(status, json.into_bytes());
    response.set("content-type", "application/json");
    response
}

fn refused(error: &EventError) -> Response {
    let (status, code) = match error {
        EventError::Path => (404, "NotFound"),
        EventError::Method => (405, "MethodNotAllowed"),
        EventError::Name | EventError::Text | EventError::Full => (400, "BadRequest"),
        EventError::Store(cause) => {
            tracing::error!(%cause, "test events cannot be read or written");
            (503, "ServiceUnavailable")
        }
    };
    let mut json = Writer::new();
    json.begin_object();
    json.key("__type");
    json.string(code);
    json.key("message");
    json.string(&error.to_string());
    json.end_object();
    said(status, json)
}
