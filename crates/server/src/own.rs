//! Rushlight's own answers under `/_rushlight/`, and LocalStack's health form for tools that ask for it.

use base::Cx;
use http::header::{ACCEPT, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use wire::json::Writer;

use crate::answer::{Envelope, Refusal, Reply, ReplyBody};
use crate::chain::Front;
use crate::route::OwnPath;

pub(crate) async fn answer(front: &Front, own: OwnPath, cx: &Cx, request: wire::Request) -> Reply {
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    if !is_read && own != OwnPath::Records {
        let refusal =
            Refusal { status: 405, code: "MethodNotAllowed", message: "Only GET and HEAD are served here." };
        return refusal.reply(Envelope::Rest, cx.request_id);
    }
    match own {
        OwnPath::Health | OwnPath::CompatibleHealth => {
            let well = front.backends.is_well().await;
            let said =
                if own == OwnPath::Health { health(front, well) } else { compatible_health(front, well) };
            Reply::new(if well { 200 } else { 503 }, "application/json", said.into_bytes())
        }
        OwnPath::Metrics => Reply::new(200, "text/plain; version=0.0.4", front.metrics.render()),
        OwnPath::LogsTail => {
            let group =
                request.query.split('&').find_map(|pair| pair.strip_prefix("group=")).unwrap_or_default();
            let group = percent_encoding::percent_decode_str(group).decode_utf8_lossy();
            let mut reply = Reply::new(200, "application/x-ndjson", bytes::Bytes::new());
            reply.body = ReplyBody::Tail(front.backends.tail(cx, &group));
            reply
        }
        OwnPath::TracesTail => match front.backends.trace_tail(cx, &request.query) {
            Some(tail) => {
                let mut reply = Reply::new(200, "application/x-ndjson", bytes::Bytes::new());
                reply.body = ReplyBody::Tail(tail);
                reply
            }
            None => match front.backends.resource(cx, request).await {
                Some(found) => Reply::from_parts(found.status, found.headers, found.body.into()),
                None => missing(cx),
            },
        },
        OwnPath::Console | OwnPath::Records | OwnPath::Other => {
            match front.backends.resource(cx, request).await {
                Some(found) => Reply::from_parts(found.status, found.headers, found.body.into()),
                None => missing(cx),
            }
        }
    }
}

/// Whether somebody opened the server's address in a browser.
pub(crate) fn is_for_console(request: &Parts) -> bool {
    let accepted = request.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    request.method == Method::GET && request.uri.path() == "/" && accepted.contains("text/html")
}

pub(crate) fn to_console() -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, HeaderValue::from_static("/_console/"));
    Reply::from_parts(302, headers, ReplyBody::Full(bytes::Bytes::new()))
}

fn missing(cx: &Cx) -> Reply {
    let message = "No such path. Served here: /_console/, /_rushlight/health, /_rushlight/metrics, \
                   /_rushlight/logs/tail?group=NAME, /_localstack/health.";
    Refusal { status: 404, code: "NotFound", message }.reply(Envelope::Rest, cx.request_id)
}

/// Who balances load over several nodes looks at the status; a person at the rest.
fn health(front: &Front, well: bool) -> Writer {
    let engine = front.backends.engine();
    let mut json = Writer::new();
    json.begin_object();
    json.key("status");
    json.string(if well { "ok" } else { "the store does not answer" });
    json.key("version");
    json.string(front.config.version);
    json.key("engine");
    json.string(engine.store);
    json.key("started");
    json.string(&front.started.iso8601());
    json.key("pid");
    json.integer(i64::from(std::process::id()));
    json.key("services");
    json.begin_array();
    for service in engine.services {
        json.string(service.name());
    }
    json.end_array();
    json.end_object();
    json
}

fn compatible_health(front: &Front, well: bool) -> Writer {
    let mut json = Writer::new();
    json.begin_object();
    json.key("services");
    json.begin_object();
    for service in front.backends.engine().services {
        json.key(service.name());
        json.string(if well { "running" } else { "error" });
    }
    json.end_object();
    json.key("edition");
    json.string("rushlight");
    json.key("version");
    json.string(front.config.version);
    json.end_object();
    json
}
