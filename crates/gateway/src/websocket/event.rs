//! The event of a Lambda proxy integration of a WebSocket API, written straight to bytes.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html>

use bytes::Bytes;
use wire::json::Writer;

use crate::rest::event::{Entries, event_entries, query_entries, text, write_maps};
use crate::websocket::context::{Act, Turn};

const HEADERS: [&str; 2] = ["headers", "multiValueHeaders"];
const QUERY: [&str; 2] = ["queryStringParameters", "multiValueQueryStringParameters"];

pub(crate) fn write(turn: &Turn<'_>) -> Bytes {
    let mut w = Writer::with_capacity(1024 + turn.body().len());
    w.begin_object();
    match turn.act {
        Act::Connect(request) => {
            write_maps(&mut w, HEADERS, &event_entries(request, &turn.trace));
            let query = query_entries(&request.query);
            if !query.is_empty() {
                write_maps(&mut w, QUERY, &query);
            }
        }
        Act::Disconnect(_) => write_maps(&mut w, HEADERS, &headers_of_disconnect(turn)),
        Act::Message(_) => {}
    }
    write_context(&mut w, turn);
    if !turn.stage.variables.is_empty() {
        w.key("stageVariables");
        w.begin_object();
        turn.stage.variables.iter().for_each(|(name, value)| text(&mut w, name, value));
        w.end_object();
    }
    if let Act::Message(message) = turn.act {
        text(&mut w, "body", message);
    }
    w.key("isBase64Encoded");
    w.boolean(false);
    w.end_object();
    w.into_bytes()
}

/// AWS calls the route itself, with a request that has next to nothing.
fn headers_of_disconnect<'t>(turn: &'t Turn<'_>) -> Entries<'t> {
    let entry = |name: &'static str, value: &'t str| (name.into(), vec![value.into()]);
    vec![
        entry("Host", &turn.peer.domain),
        entry("x-api-key", ""),
        entry("X-Forwarded-For", ""),
        entry("x-restapi", ""),
    ]
}

pub(crate) fn write_context(w: &mut Writer, turn: &Turn<'_>) {
    let peer = turn.peer;
    w.key("requestContext");
    w.begin_object();
    text(w, "routeKey", &turn.route_key);
    if let Some(granted) = peer.grant.get() {
        granted.write(w);
    }
    match turn.act {
        Act::Message(_) => text(w, "messageId", &turn.message_id),
        Act::Disconnect(close) => {
            w.key("disconnectStatusCode");
            w.integer(i64::from(close.code));
        }
        Act::Connect(_) => {}
    }
    text(w, "eventType", turn.event_type());
    text(w, "extendedRequestId", &turn.request_id);
    text(w, "requestTime", &turn.request_time());
    text(w, "messageDirection", "IN");
    if let Act::Disconnect(close) = turn.act {
        text(w, "disconnectReason", &close.reason);
    }
    text(w, "stage", &peer.stage);
    w.key("connectedAt");
    w.integer(peer.connected.as_millis());
    w.key("requestTimeEpoch");
    w.integer(turn.received.as_millis());
    w.key("identity");
    w.begin_object();
    if let Some(caller) = peer.caller.get() {
        text(w, "apiKey", &caller.key);
        text(w, "apiKeyId", &caller.key_id);
    }
    if let Some(signer) = peer.grant.get().and_then(|granted| granted.grant.signer.as_ref()) {
        for name in ["accountId", "caller", "accessKey", "userArn", "user"] {
            text(w, name, signer.identity(name).unwrap_or_default());
        }
    }
    if let Some(agent) = &peer.user_agent {
        text(w, "userAgent", agent);
    }
    text(w, "sourceIp", &peer.source_ip.to_string());
    w.end_object();
    text(w, "requestId", &turn.request_id);
    text(w, "domainName", &peer.domain);
    text(w, "connectionId", &peer.id);
    text(w, "apiId", &peer.api_id);
    w.end_object();
}
