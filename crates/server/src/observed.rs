//! What traces tell of a request as a whole: what was asked, and what was answered. Knows no ring.

use std::fmt::Write as _;

use base::{Cx, Trace};
use http::HeaderMap;
use http::request::Parts;

use crate::Service;
use crate::answer::{Reply, ReplyBody};
use crate::chain::Exchange;
use crate::route::Route;

/// Who only looks does not want to be seen: pages that ask again and again.
const UNTRACED: &str = "x-rushlight-untraced";

/// Whether a request is recorded.
pub(crate) fn is_wanted(route: &Route, headers: &HeaderMap) -> bool {
    let is_served = matches!(route, Route::Service(_) | Route::Form | Route::Stage | Route::FunctionUrl);
    is_served && !headers.contains_key(UNTRACED)
}

/// Who asks, and of stages and functions' URLs what for: services say it in their payloads.
pub(crate) fn began(cx: &Cx, route: &Route, head: &Parts) {
    let trace = &cx.trace;
    if !trace.is_recorded() {
        return;
    }
    if matches!(route, Route::Service(_) | Route::Form) {
        trace.belongs_to(cx.scope.account);
        return;
    }
    trace.set_name(format!("{} {}", head.method, head.uri.path()));
    trace.set("method", head.method.to_string());
    trace.set("path", head.uri.path().to_owned());
    if let Some(query) = head.uri.query() {
        trace.set("query", query.to_owned());
    }
    if let Some(ip) = cx.source_ip {
        trace.set("sourceIp", ip.to_string());
    }
    trace.set("headers", lines(&head.headers));
}

/// `name: value`, each on its own line.
fn lines(headers: &HeaderMap) -> String {
    let mut text = String::with_capacity(256);
    for (name, value) in headers {
        let line_end = if text.is_empty() { "" } else { "\n" };
        _ = write!(text, "{line_end}{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text
}

pub(crate) fn ended(trace: &Trace, exchange: &Exchange, reply: &Reply) {
    if !trace.is_recorded() {
        return;
    }
    if Service::from_name(exchange.service).is_some() {
        trace.set_name(exchange.operation);
        trace.set("service", exchange.service);
    }
    trace.set_status(reply.status.as_u16());
    if let ReplyBody::Full(body) = &reply.body {
        trace.set_response(body);
    }
}
