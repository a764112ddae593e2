//! Cross-origin rules of an HTTP API: the gateway answers preflights itself, and what an integration says of them is
//! left out. Pure.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::v2::records::CorsRecord;

const OURS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

#[derive(Debug)]
pub(crate) struct Cors {
    rules: CorsRecord,
}

impl Cors {
    pub(crate) fn new(rules: CorsRecord) -> Self {
        Self { rules }
    }

    pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        *method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers of an answer, to a preflight or not.
    pub(crate) fn apply(&self, is_preflight: bool, request: &HeaderMap, answer: &mut HeaderMap) {
        for name in OURS {
            answer.remove(name);
        }
        let Some(origin) = request.get(ORIGIN).and_then(|origin| self.allowed(origin)) else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.rules.allow_credentials == Some(true) {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, self.rules.expose_headers.as_deref());
        if is_preflight {
            set(answer, ACCESS_CONTROL_ALLOW_METHODS, self.rules.allow_methods.as_deref());
            set(answer, ACCESS_CONTROL_ALLOW_HEADERS, self.rules.allow_headers.as_deref());
            if let Some(seconds) = self.rules.max_age {
                answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
            }
        }
    }

    /// `*`, or the origin itself if it is named or of a named scheme (`https://*`).
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        let text = origin.to_str().ok()?;
        let mut found = None;
        for rule in self.rules.allow_origins.iter().flatten() {
            if rule == "*" {
                return Some(HeaderValue::from_static("*"));
            }
            let of_scheme = rule.strip_suffix('*').is_some_and(|scheme| text.starts_with(scheme));
            if of_scheme || rule.eq_ignore_ascii_case(text) {
                found = Some(origin.clone());
            }
        }
        found
    }
}

fn set(answer: &mut HeaderMap, name: HeaderName, list: Option<&[String]>) {
    let list = list.filter(|list| !list.is_empty());
    if let Some(value) = list.and_then(|list| HeaderValue::from_str(&list.join(",")).ok()) {
        answer.insert(name, value);
    }
}
