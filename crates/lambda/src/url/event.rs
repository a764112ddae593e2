//! A request to a function's URL as the event that the function gets: payload format 2.0. Pure.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads>

use base::{AccountId, Timestamp, Trace};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_TYPE, COOKIE, HOST, HeaderName, USER_AGENT};
use wire::json::Writer;

use super::serve::UrlCall;

/// Of one hop, or told elsewhere.
const LEFT_OUT: [HeaderName; 2] = [CONNECTION, COOKIE];

/// What the event tells beside the request itself.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) url_id: &'a str,
    /// What follows the id in the path; as received.
    pub(super) path: &'a str,
    pub(super) caller: Option<&'a Caller>,
    pub(super) request_id: String,
    pub(super) trace: &'a Trace,
    pub(super) now: Timestamp,
}

/// Who signed the request.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) access_key: String,
    pub(super) account: AccountId,
    pub(super) partition: &'static str,
}

pub(super) fn write(call: &UrlCall, told: &Told<'_>) -> Bytes {
    let request = &call.request;
    let mut w = Writer::with_capacity(1024 + request.body.len() * 4 / 3);
    w.begin_object();
    text(&mut w, "version", "2.0");
    text(&mut w, "routeKey", "$default");
    text(&mut w, "rawPath", told.path);
    text(&mut w, "rawQueryString", &request.query);
    cookies(&mut w, &request.headers);
    headers(&mut w, call, told);
    query(&mut w, &request.query);
    context(&mut w, call, told);
    let as_text = body_text(&request.headers, &request.body);
    match as_text {
        _ if request.body.is_empty() => {}
        Some(body) => text(&mut w, "body", body),
        None => {
            w.key("body");
            w.blob(&request.body);
        }
    }
    w.key("isBase64Encoded");
    w.boolean(!request.body.is_empty() && as_text.is_none());
    w.end_object();
    w.into_bytes()
}

fn text(w: &mut Writer, key: &str, value: &str) {
    w.key(key);
    w.string(value);
}

fn cookies(w: &mut Writer, headers: &HeaderMap) {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = values
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .collect();
    if cookies.is_empty() {
        return;
    }
    w.key("cookies");
    w.begin_array();
    cookies.iter().for_each(|cookie| w.string(cookie));
    w.end_array();
}

/// In lower case; the values of a repeated name are joined.
fn headers(w: &mut Writer, call: &UrlCall, told: &Told<'_>) {
    let given = &call.request.headers;
    let joined = |name: &HeaderName| {
        let values: Vec<_> =
            given.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
        values.join(",")
    };
    w.key("headers");
    w.begin_object();
    let before = given.keys().find(|name| *name == "x-forwarded-for").map(joined);
    for name in given.keys() {
        let set = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id", "host"];
        if !LEFT_OUT.contains(name) && !set.contains(&name.as_str()) {
            text(w, name.as_str(), &joined(name));
        }
    }
    let ip = call.source_ip.to_string();
    text(w, HOST.as_str(), &call.host);
    text(w, "x-forwarded-for", &before.map_or_else(|| ip.clone(), |before| format!("{before},{ip}")));
    let (scheme, port) = if call.secure { ("https", "443") } else { ("http", "80") };
    text(w, "x-forwarded-proto", scheme);
    text(w, "x-forwarded-port", port_of(&call.host).unwrap_or(port));
    text(w, "x-amzn-trace-id", told.trace.header());
    w.end_object();
}

fn port_of(host: &str) -> Option<&str> {
    host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok())
}

/// Decoded; the values of a repeated name are joined.
fn query(w: &mut Writer, query: &str) {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match parameters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(&value);
            }
            None => parameters.push((name.into_owned(), value.into_owned())),
        }
    }
    if parameters.is_empty() {
        return;
    }
    w.key("queryStringParameters");
    w.begin_object();
    parameters.iter().for_each(|(name, value)| text(w, name, value));
    w.end_object();
}

fn context(w: &mut Writer, call: &UrlCall, told: &Told<'_>) {
    let agent = call.request.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let account = told.caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.account.to_string());
    w.key("requestContext");
    w.begin_object();
    text(w, "accountId", &account);
    text(w, "apiId", told.url_id);
    if let Some(caller) = told.caller {
        authorizer(w, caller);
    }
    text(w, "domainName", &call.host);
    text(w, "domainPrefix", told.url_id);
    w.key("http");
    w.begin_object();
    text(w, "method", call.request.method.as_str());
    text(w, "path", told.path);
    text(w, "protocol", call.protocol);
    text(w, "sourceIp", &call.source_ip.to_string());
    text(w, "userAgent", agent.as_deref().unwrap_or_default());
    w.end_object();
    text(w, "requestId", &told.request_id);
    text(w, "routeKey", "$default");
    text(w, "stage", "$default");
    text(w, "time", &readable(told.now));
    w.key("timeEpoch");
    w.integer(told.now.as_millis());
    w.end_object();
}

/// Until users exist, an access key is the root of its account.
fn authorizer(w: &mut Writer, caller: &Caller) {
    let account = caller.account.to_string();
    w.key("authorizer");
    w.begin_object();
    w.key("iam");
    w.begin_object();
    text(w, "accessKey", &caller.access_key);
    text(w, "accountId", &account);
    text(w, "callerId", &account);
    w.key("cognitoIdentity");
    w.null();
    w.key("principalOrgId");
    w.null();
    text(w, "userArn", &format!("arn:{}:iam::{account}:root", caller.partition));
    text(w, "userId", &account);
    w.end_object();
    w.end_object();
}

/// The body as text, where its type says that it is and it is. A form is none, as on AWS.
fn body_text<'a>(headers: &HeaderMap, body: &'a Bytes) -> Option<&'a str> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let is_text = ["text/", "json", "xml", "javascript"].iter().any(|mark| kind.contains(mark));
    is_text.then(|| std::str::from_utf8(body).ok()).flatten()
}

/// `22/Nov/2026:17:21:00 +0000`
fn readable(now: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, hour, minute, second, _) = now.civil();
    let month = MONTHS.get((month as usize).saturating_sub(1)).unwrap_or(&"Jan");
    format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}
