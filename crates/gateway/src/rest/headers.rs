//! Which headers pass the gateway, and under which names. Knows no integration's other business.

use base::Trace;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, EXPECT, HOST, HeaderName, HeaderValue,
    MAX_FORWARDS, PROXY_AUTHENTICATE, SERVER, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, header};

use crate::StageRequest;
use crate::rest::call::Ticket;

/// Through how many gateways a request came. Ours, and told to no function.
const HOPS: HeaderName = HeaderName::from_static("x-rushlight-hops");
/// An API whose backend is itself would else hold a connection and its buffers for every time round.
const HOPS_MAX: u32 = 16;

/// Headers that no integration gets to see, as observed on AWS.
const DROPPED_FROM_REQUEST: [&str; 12] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "www-authenticate",
];

/// Headers of an answer that AWS gives other names, and which. Those of an HTTP proxy's answer are the first four.
static REMAPPED: [(HeaderName, HeaderName); 14] = [
    (CONNECTION, HeaderName::from_static("x-amzn-remapped-connection")),
    (CONTENT_LENGTH, HeaderName::from_static("x-amzn-remapped-content-length")),
    (DATE, HeaderName::from_static("x-amzn-remapped-date")),
    (SERVER, HeaderName::from_static("x-amzn-remapped-server")),
    (AUTHORIZATION, HeaderName::from_static("x-amzn-remapped-authorization")),
    (HeaderName::from_static("content-md5"), HeaderName::from_static("x-amzn-remapped-content-md5")),
    (EXPECT, HeaderName::from_static("x-amzn-remapped-expect")),
    (HOST, HeaderName::from_static("x-amzn-remapped-host")),
    (MAX_FORWARDS, HeaderName::from_static("x-amzn-remapped-max-forwards")),
    (PROXY_AUTHENTICATE, HeaderName::from_static("x-amzn-remapped-proxy-authenticate")),
    (TRAILER, HeaderName::from_static("x-amzn-remapped-trailer")),
    (UPGRADE, HeaderName::from_static("x-amzn-remapped-upgrade")),
    (USER_AGENT, HeaderName::from_static("x-amzn-remapped-user-agent")),
    (WWW_AUTHENTICATE, HeaderName::from_static("x-amzn-remapped-www-authenticate")),
];
const REMAPPED_OF_HTTP_PROXY: usize = 4;

/// The id of a request, as REST APIs tell it beside the one that all of AWS tells.
pub(crate) const APIGW_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
/// The same of HTTP APIs.
pub(crate) const APIGW_REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");
pub(crate) const API_ID: HeaderName = HeaderName::from_static("x-amzn-apigateway-api-id");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
/// Source: <https://www.w3.org/TR/trace-context/#traceparent-header>
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What AWS bounds: the values of all headers together.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
pub(crate) fn value_bytes(headers: &HeaderMap) -> usize {
    headers.values().map(HeaderValue::len).sum()
}

pub(crate) fn is_dropped_from_request(name: &str) -> bool {
    DROPPED_FROM_REQUEST.contains(&name) || HOPS == name
}

/// `x-forwarded-for` as `X-Forwarded-For`: HTTP libraries hand names over in lower case, and handlers expect them
/// the way HTTP/1.1 clients write them.
pub(crate) fn event_name(name: &str) -> String {
    let mut up = true;
    name.chars()
        .map(|c| {
            let shown = if up { c.to_ascii_uppercase() } else { c };
            up = c == '-';
            shown
        })
        .collect()
}

/// Headers that speak for one connection, those that its Connection header names among them.
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>
pub(crate) fn is_hop(name: &HeaderName, headers: &HeaderMap) -> bool {
    let named = || {
        let lists = headers.get_all(CONNECTION).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|named| name.as_str().eq_ignore_ascii_case(named.trim()))
    };
    matches!(name.as_str(), "keep-alive" | "proxy-authorization" | "proxy-connection") || named()
}

/// The request's headers as an HTTP backend sees them behind a proxy: what speaks for the connection left out, who
/// called put in.
pub(crate) fn forwarded(request: &StageRequest) -> HeaderMap {
    let mut sent = HeaderMap::with_capacity(request.headers.len() + 8);
    for (name, value) in &request.headers {
        if !is_dropped_from_request(name.as_str()) && name != HOST && !is_hop(name, &request.headers) {
            sent.append(name, value.clone());
        }
    }
    set(&mut sent, FORWARDED_FOR, &request.forwarded_for());
    set(&mut sent, FORWARDED_PORT, request.port());
    set(&mut sent, FORWARDED_PROTO, request.scheme());
    sent
}

/// The trace, in the form of AWS's, and in the W3C's for a caller who came with that.
pub(crate) fn set_trace(sent: &mut HeaderMap, trace: &Trace, request: &StageRequest) {
    set(sent, TRACE_ID, &trace.passed_on());
    if request.header(TRACE_ID.as_str()).is_none()
        && request.headers.contains_key(TRACEPARENT)
        && let Some(parent) = trace.traceparent()
    {
        set(sent, TRACEPARENT, &parent);
    }
}

/// Says through how many gateways a request to a backend came. An error if they are too many.
pub(crate) fn count_hop(sent: &mut HeaderMap, request: &StageRequest) -> Result<(), u32> {
    let hops = request.header(HOPS.as_str()).and_then(|hops| hops.parse().ok()).unwrap_or(0);
    if hops >= HOPS_MAX {
        return Err(hops);
    }
    set(sent, HOPS, &(hops + 1).to_string());
    Ok(())
}

/// Whose answer a set of headers comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A function, or a mapping of an integration's answer.
    Integration,
    HttpProxy,
}

/// Renames and drops what an integration must not say under its own name.
pub(crate) fn remap(headers: &mut HeaderMap, origin: Origin) {
    headers.remove(TRANSFER_ENCODING);
    let count = if origin == Origin::HttpProxy { REMAPPED_OF_HTTP_PROXY } else { REMAPPED.len() };
    for (name, remapped) in &REMAPPED[..count] {
        let header::Entry::Occupied(found) = headers.entry(name) else { continue };
        let (_, values) = found.remove_entry_mult();
        let values: Vec<HeaderValue> = values.collect();
        for value in values {
            headers.append(remapped.clone(), value);
        }
    }
}

/// What every answer carries.
pub(crate) fn finish(headers: &mut HeaderMap, ticket: &Ticket) {
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    set(headers, REQUEST_ID, &ticket.request_id.to_string());
    set(headers, APIGW_ID, &ticket.extended_id);
}

/// Sets a header, if the value can be one.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_clients_write_them() {
        for (name, expected) in
            [("x-forwarded-for", "X-Forwarded-For"), ("host", "Host"), ("x--a", "X--A"), ("1-2", "1-2")]
        {
            assert_eq!(event_name(name), expected);
        }
    }

    #[test]
    fn answers_cannot_speak_for_the_connection() {
        for (origin, expected) in [
            (
                Origin::Integration,
                "set-cookie set-cookie x-amzn-remapped-date x-amzn-remapped-www-authenticate",
            ),
            (Origin::HttpProxy, "set-cookie set-cookie www-authenticate x-amzn-remapped-date"),
        ] {
            let mut headers = HeaderMap::new();
            for name in ["date", "www-authenticate", "set-cookie", "set-cookie", "transfer-encoding"] {
                headers.append(name, HeaderValue::from_static("v"));
            }
            remap(&mut headers, origin);
            let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names.join(" "), expected);
        }
    }
}
