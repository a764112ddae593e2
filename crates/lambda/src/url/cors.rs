//! Cross-origin rules of a function's URL. Lambda answers preflights itself and sets the headers of every answer; what
//! the function says of them is replaced.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors>

use api::lambda as shapes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use minicbor::{Decode, Encode};

/// What a function may have said of these is Lambda's to say.
const OURS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Cors {
    #[n(0)]
    credentials: Option<bool>,
    #[n(1)]
    headers: Option<Vec<String>>,
    #[n(2)]
    methods: Option<Vec<String>>,
    #[n(3)]
    origins: Option<Vec<String>>,
    #[n(4)]
    exposed: Option<Vec<String>>,
    #[n(5)]
    max_age_s: Option<i32>,
}

impl Cors {
    pub(crate) fn new(given: shapes::Cors) -> Self {
        Self {
            credentials: given.allow_credentials,
            headers: given.allow_headers,
            methods: given.allow_methods,
            origins: given.allow_origins,
            exposed: given.expose_headers,
            max_age_s: given.max_age,
        }
    }

    pub(crate) fn describe(&self) -> shapes::Cors {
        shapes::Cors {
            allow_credentials: self.credentials,
            allow_headers: self.headers.clone(),
            allow_methods: self.methods.clone(),
            allow_origins: self.origins.clone(),
            expose_headers: self.exposed.clone(),
            max_age: self.max_age_s,
        }
    }

    /// An empty configuration takes the rules away: then they are the function's own.
    pub(super) fn is_set(&self) -> bool {
        *self != Self::default()
    }

    pub(super) fn is_preflight(method: &Method, request: &HeaderMap) -> bool {
        *method == Method::OPTIONS
            && request.contains_key(ORIGIN)
            && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers of an answer, to a preflight or not.
    pub(super) fn apply(&self, method: &Method, request: &HeaderMap, answer: &mut HeaderMap) {
        for name in OURS {
            answer.remove(name);
        }
        let Some(origin) = request.get(ORIGIN) else { return };
        answer.append(VARY, HeaderValue::from_static("Origin"));
        let Some(allowed) = self.allowed_origin(origin) else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials == Some(true) {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.as_deref(), None);
        if Self::is_preflight(method, request) {
            let asked = |name: HeaderName| request.get(name).filter(|_| self.credentials == Some(true));
            let (methods, headers) = (self.methods.as_deref(), self.headers.as_deref());
            set(answer, ACCESS_CONTROL_ALLOW_METHODS, methods, asked(ACCESS_CONTROL_REQUEST_METHOD));
            set(answer, ACCESS_CONTROL_ALLOW_HEADERS, headers, asked(ACCESS_CONTROL_REQUEST_HEADERS));
            if let Some(seconds) = self.max_age_s {
                answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
            }
        }
    }

    /// With credentials `*` means nothing to a browser: then the origin is named.
    fn allowed_origin(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        let origins = self.origins.as_deref().unwrap_or_default();
        if origins.iter().any(|allowed| allowed == "*") {
            let any = HeaderValue::from_static("*");
            return Some(if self.credentials == Some(true) { origin.clone() } else { any });
        }
        let named = origins.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
        named.then(|| origin.clone())
    }
}

/// A list as one header; `*` is told as what was asked for, where that is given.
fn set(answer: &mut HeaderMap, name: HeaderName, list: Option<&[String]>, asked: Option<&HeaderValue>) {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return };
    let all = list.iter().any(|one| one == "*");
    let value = match asked {
        Some(asked) if all => Some(asked.clone()),
        _ => HeaderValue::from_str(&list.join(",")).ok(),
    };
    if let Some(value) = value {
        answer.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Option<Vec<String>> {
        Some(items.iter().map(|item| (*item).to_owned()).collect())
    }

    fn show(cors: &Cors, method: &Method, request: &[(HeaderName, &str)]) -> String {
        let request: HeaderMap = request
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let mut answer = HeaderMap::new();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://function.said"));
        cors.apply(method, &request, &mut answer);
        let mut lines: Vec<String> =
            answer.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        lines.sort();
        lines.join(" ").replace("access-control-", "")
    }

    #[test]
    fn rules() {
        let open = Cors {
            origins: list(&["*"]),
            methods: list(&["GET", "PUT"]),
            headers: list(&["*"]),
            max_age_s: Some(60),
            ..Cors::default()
        };
        let named = Cors {
            origins: list(&["https://a.example"]),
            credentials: Some(true),
            methods: list(&["*"]),
            exposed: list(&["x-a", "x-b"]),
            ..Cors::default()
        };
        let page = [(ORIGIN, "https://a.example")];
        let asks = [(ORIGIN, "https://a.example"), (ACCESS_CONTROL_REQUEST_METHOD, "PATCH")];
        for (cors, method, request, expected) in [
            (&open, Method::GET, &[][..], ""),
            (&open, Method::GET, &page, "allow-origin=* vary=Origin"),
            (
                &open,
                Method::OPTIONS,
                &asks,
                "allow-headers=* allow-methods=GET,PUT allow-origin=* max-age=60 vary=Origin",
            ),
            (
                &named,
                Method::GET,
                &page,
                "allow-credentials=true allow-origin=https://a.example expose-headers=x-a,x-b vary=Origin",
            ),
            (
                &named,
                Method::OPTIONS,
                &asks,
                "allow-credentials=true allow-methods=PATCH allow-origin=https://a.example expose-headers=x-a,x-b vary=Origin",
            ),
            (&named, Method::GET, &[(ORIGIN, "https://b.example")], "vary=Origin"),
        ] {
            assert_eq!(show(cors, &method, request), expected);
        }
    }
}
