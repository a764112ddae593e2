//! The event of a Lambda integration of an HTTP API, payload formats 2.0 and 1.0, written straight to bytes.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::borrow::Cow;

use bytes::Bytes;
use http::header::COOKIE;
use wire::json::Writer;

use crate::http::phases::HttpCall;
use crate::http::program::Payload;
use crate::rest::event::{Entries, event_entries, null, query_entries, text, write_maps};

pub(crate) fn write(call: &HttpCall<'_>, payload: Payload) -> Bytes {
    let mut w = Writer::with_capacity(2048 + call.request.body.len() * 4 / 3);
    w.begin_object();
    match payload {
        Payload::V1 => write_v1(&mut w, call),
        Payload::V2 => write_v2(&mut w, call),
    }
    w.end_object();
    w.into_bytes()
}

/// The request's headers as integrations see them.
fn headers<'c>(call: &'c HttpCall<'_>) -> Entries<'c> {
    event_entries(call.request, &call.ticket.trace)
}

fn write_v2(w: &mut Writer, call: &HttpCall<'_>) {
    text(w, "version", "2.0");
    text(w, "routeKey", &call.route.key);
    text(w, "rawPath", &call.raw_path());
    text(w, "rawQueryString", &call.request.query);
    let cookies = call.request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = cookies
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .collect();
    if !cookies.is_empty() {
        w.key("cookies");
        w.begin_array();
        cookies.iter().for_each(|cookie| w.string(cookie));
        w.end_array();
    }
    let headers = headers(call).into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
    let headers: Entries<'_> =
        headers.map(|(name, values)| (name.to_ascii_lowercase().into(), values)).collect();
    joined(w, "headers", &headers);
    let query = query_entries(&call.request.query);
    if !query.is_empty() {
        joined(w, "queryStringParameters", &query);
    }
    context_v2(w, call);
    let parameters = call.parameters();
    if !parameters.is_empty() {
        object(w, "pathParameters", parameters.iter().map(|(name, value)| (*name, value.as_str())));
    }
    if !call.stage.variables.is_empty() {
        object(w, "stageVariables", call.stage.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    }
    if !call.request.body.is_empty() {
        body(w, call);
    }
    encoded(w, call);
}

fn context_v2(w: &mut Writer, call: &HttpCall<'_>) {
    w.key("requestContext");
    w.begin_object();
    text(w, "accountId", &call.stage.scope.account.to_string());
    text(w, "apiId", &call.stage.api_id);
    text(w, "domainName", call.request.host_name());
    text(w, "domainPrefix", call.domain_prefix());
    w.key("http");
    w.begin_object();
    text(w, "method", call.request.method.as_str());
    text(w, "path", &call.raw_path());
    text(w, "protocol", call.request.protocol);
    text(w, "sourceIp", &call.request.source_ip.to_string());
    text(w, "userAgent", call.request.header("user-agent").unwrap_or_default());
    w.end_object();
    text(w, "requestId", &call.ticket.extended_id);
    text(w, "routeKey", &call.route.key);
    text(w, "stage", &call.stage.name);
    text(w, "time", &call.ticket.request_time());
    w.key("timeEpoch");
    w.integer(call.ticket.received.as_millis());
    w.end_object();
}

fn write_v1(w: &mut Writer, call: &HttpCall<'_>) {
    text(w, "version", "1.0");
    text(w, "resource", call.route.path());
    text(w, "path", &call.raw_path());
    text(w, "httpMethod", call.request.method.as_str());
    write_maps(w, ["headers", "multiValueHeaders"], &headers(call));
    let query = query_entries(&call.request.query);
    write_maps(w, ["queryStringParameters", "multiValueQueryStringParameters"], &query);
    context_v1(w, call);
    let parameters = call.parameters();
    match parameters.is_empty() {
        true => null(w, "pathParameters"),
        false => object(w, "pathParameters", parameters.iter().map(|(name, value)| (*name, value.as_str()))),
    }
    match call.stage.variables.is_empty() {
        true => null(w, "stageVariables"),
        false => {
            object(w, "stageVariables", call.stage.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())))
        }
    }
    match call.request.body.is_empty() {
        true => null(w, "body"),
        false => body(w, call),
    }
    encoded(w, call);
}

fn context_v1(w: &mut Writer, call: &HttpCall<'_>) {
    w.key("requestContext");
    w.begin_object();
    text(w, "accountId", &call.stage.scope.account.to_string());
    text(w, "apiId", &call.stage.api_id);
    text(w, "domainName", call.request.host_name());
    text(w, "domainPrefix", call.domain_prefix());
    text(w, "extendedRequestId", &call.ticket.extended_id);
    text(w, "httpMethod", call.request.method.as_str());
    w.key("identity");
    w.begin_object();
    for key in [
        "accessKey",
        "accountId",
        "caller",
        "cognitoAmr",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
    ] {
        null(w, key);
    }
    text(w, "sourceIp", &call.request.source_ip.to_string());
    null(w, "user");
    text(w, "userAgent", call.request.header("user-agent").unwrap_or_default());
    null(w, "userArn");
    w.end_object();
    text(w, "path", &call.raw_path());
    text(w, "protocol", call.request.protocol);
    text(w, "requestId", &call.ticket.extended_id);
    text(w, "requestTime", &call.ticket.request_time());
    w.key("requestTimeEpoch");
    w.integer(call.ticket.received.as_millis());
    null(w, "resourceId");
    text(w, "resourcePath", call.route.path());
    text(w, "stage", &call.stage.name);
    w.end_object();
}

/// The values of a repeated name are joined.
fn joined(w: &mut Writer, key: &str, entries: &Entries<'_>) {
    let joined = |values: &[Cow<'_, str>]| values.join(",");
    w.key(key);
    w.begin_object();
    entries.iter().for_each(|(name, values)| text(w, name, &joined(values)));
    w.end_object();
}

fn object<'e>(w: &mut Writer, key: &str, entries: impl Iterator<Item = (&'e str, &'e str)>) {
    w.key(key);
    w.begin_object();
    entries.for_each(|(name, value)| text(w, name, value));
    w.end_object();
}

/// The body as text, where its type says that it is and it is. A form is none, as on AWS.
fn body_text<'c>(call: &'c HttpCall<'_>) -> Option<&'c str> {
    let kind = call.request.header("content-type")?.to_ascii_lowercase();
    let is_text = ["text/", "json", "xml", "javascript"].iter().any(|mark| kind.contains(mark));
    is_text.then(|| std::str::from_utf8(&call.request.body).ok()).flatten()
}

fn body(w: &mut Writer, call: &HttpCall<'_>) {
    match body_text(call) {
        Some(body) => text(w, "body", body),
        None => {
            w.key("body");
            w.blob(&call.request.body);
        }
    }
}

fn encoded(w: &mut Writer, call: &HttpCall<'_>) {
    w.key("isBase64Encoded");
    w.boolean(!call.request.body.is_empty() && body_text(call).is_none());
}
