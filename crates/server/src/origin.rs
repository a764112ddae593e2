//! Which web pages may ask. A browser runs scripts of pages that nobody here knows, and a request to a loopback address
//! needs no permission of the user: without this gate any page could invoke functions. Stage URLs are not gated: their
//! cross-origin rules belong to the API's author.

use std::net::IpAddr;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

use crate::answer::{Reply, ReplyBody};

/// What an `Origin` header means for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// No web page asks.
    NoPage,
    /// A page of this machine, or this server's own.
    Welcome(HeaderValue),
    Foreign(String),
}

/// `host` is the request's own. On a loopback listener only loopback pages are welcome, whatever name they came by:
/// a foreign name that resolves to 127.0.0.1 would look like the same origin.
pub(crate) fn admit(headers: &HeaderMap, host: &str, loopback_listener: bool) -> Admission {
    let Some(origin) = headers.get(ORIGIN) else { return Admission::NoPage };
    let text = origin.to_str().unwrap_or_default();
    let authority = text.split_once("://").map_or("", |(_, authority)| authority);
    let same = !loopback_listener && !authority.is_empty() && authority.eq_ignore_ascii_case(host);
    if same || is_loopback(authority) {
        Admission::Welcome(origin.clone())
    } else {
        Admission::Foreign(text.to_owned())
    }
}

/// Endings of names that nobody can have resolve to another's machine as he likes: AWS's own, which clients may be led
/// here with, and those that are kept for private networks.
const KNOWN_ENDINGS: [&str; 9] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".on.aws",
    ".internal",
    ".local",
    ".test",
    ".home.arpa",
    ".localhost.localstack.cloud",
];

/// Whether a `Host` is a name that a stranger may have made resolve to this machine, so that his page counts as the same
/// origin as this server (DNS rebinding) and needs no `Origin` to read. `names` are those that the operator gave.
pub(crate) fn may_be_rebound(host: &str, names: &[String]) -> bool {
    let name = host_of(host).trim_end_matches('.').to_ascii_lowercase();
    let is_name = name.contains('.') && name.parse::<IpAddr>().is_err();
    is_name
        && !is_loopback(host)
        && !KNOWN_ENDINGS.iter().any(|ending| name.ends_with(ending) || name == ending[1..])
        && !names.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = host_of(authority);
    let localhost =
        host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    localhost || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A preflight request asks before the real one is sent.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

pub(crate) fn preflight(origin: &HeaderValue, request: &HeaderMap) -> Reply {
    let mut headers = HeaderMap::new();
    allow(&mut headers, origin);
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    );
    if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    Reply::from_parts(204, headers, ReplyBody::Full(bytes::Bytes::new()))
}

/// Lets the page read the answer.
pub(crate) fn allow(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    headers.append(VARY, HeaderValue::from_static("Origin"));
}
