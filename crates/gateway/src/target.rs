//! Which stage a URL names. Knows the URL forms and nothing of what is deployed.

/// A request on the data plane, found from its host and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    pub api_id: &'a str,
    /// Percent-encoded, as received; empty when the URL names no stage.
    pub stage: &'a str,
    /// What follows the stage, percent-encoded, as received; empty or with its leading slash.
    pub path: &'a str,
    pub style: UrlStyle,
}

/// The form of URL by which a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlStyle {
    /// `{api}.execute-api.<anything>[:port]/{stage}/{path}`: AWS's own form.
    Host,
    /// `/restapis/{api}/{stage}/_user_request_/{path}`
    UserRequest,
    /// `/_aws/execute-api/{api}/{stage}/{path}`
    Path,
}

/// Recognises the URL forms of the data plane. `host` is the Host header, `path` the raw path without its query.
pub(crate) fn parse<'a>(host: &'a str, path: &'a str) -> Option<Target<'a>> {
    if let Some(rest) = path.strip_prefix("/_aws/execute-api/") {
        let (api_id, rest) = first_segment(rest);
        let (stage, path) = first_segment(rest.strip_prefix('/').unwrap_or(rest));
        return named(api_id, stage, path, UrlStyle::Path);
    }
    if let Some(target) = path.strip_prefix("/restapis/").and_then(user_request) {
        return Some(target);
    }
    let (api_id, suffix) = host.split_once('.')?;
    // Names of hosts have no case.
    let (label, rest) = suffix.split_at_checked("execute-api".len())?;
    if !label.eq_ignore_ascii_case("execute-api") || !(rest.is_empty() || rest.starts_with(['.', ':'])) {
        return None;
    }
    let (stage, path) = first_segment(path.strip_prefix('/').unwrap_or(path));
    named(api_id, stage, path, UrlStyle::Host)
}

/// `{api}/{stage}/_user_request_[/{path}]`; anything else below `/restapis/` is the control plane's.
fn user_request(rest: &str) -> Option<Target<'_>> {
    let (api_id, rest) = first_segment(rest);
    let (stage, rest) = first_segment(rest.strip_prefix('/')?);
    let path = rest.strip_prefix("/_user_request_")?;
    if !path.is_empty() && !path.starts_with('/') {
        return None;
    }
    named(api_id, stage, path, UrlStyle::UserRequest)
}

fn named<'a>(api_id: &'a str, stage: &'a str, path: &'a str, style: UrlStyle) -> Option<Target<'a>> {
    (!api_id.is_empty()).then_some(Target { api_id, stage, path, style })
}

/// Up to the next slash, and the rest with it.
fn first_segment(text: &str) -> (&str, &str) {
    text.split_at(text.find('/').unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_url_forms() {
        let table = [
            ("127.0.0.1:4566", "/restapis/abc/dev/_user_request_/a/b", Some("abc|dev|/a/b|UserRequest")),
            ("h", "/restapis/abc/dev/_user_request_", Some("abc|dev||UserRequest")),
            ("h", "/restapis/abc/dev/_user_request_/", Some("abc|dev|/|UserRequest")),
            ("h", "/restapis/abc/dev/_user_request_//x%2Fy/", Some("abc|dev|//x%2Fy/|UserRequest")),
            ("h", "/restapis/abc/resources/xyz", None),
            ("h", "/restapis/abc/stages/_user_request_x", None),
            ("h", "/restapis/abc", None),
            ("h", "/_aws/execute-api/abc/dev/a", Some("abc|dev|/a|Path")),
            ("h", "/_aws/execute-api/abc/dev", Some("abc|dev||Path")),
            ("h", "/_aws/execute-api/abc", Some("abc|||Path")),
            ("h", "/_aws/execute-api/", None),
            ("abc.execute-api.us-east-1.amazonaws.com", "/dev/a", Some("abc|dev|/a|Host")),
            ("abc.execute-api.localhost:4566", "/dev", Some("abc|dev||Host")),
            ("aBc.Execute-API.LocalHost:4566", "/", Some("aBc|||Host")),
            ("abc.execute-apis.localhost", "/", None),
            ("abc.é", "/", None),
            ("abc.execute-api.localhost:4566", "/", Some("abc|||Host")),
            ("abc.execute-api:4566", "/dev/", Some("abc|dev|/|Host")),
            ("abc.execute-apix.localhost", "/dev", None),
            ("abc.lambda-url.localhost", "/dev", None),
            (".execute-api.localhost", "/dev", None),
            ("", "/", None),
        ];
        for (host, path, expected) in table {
            let got = parse(host, path).map(|t| format!("{}|{}|{}|{:?}", t.api_id, t.stage, t.path, t.style));
            assert_eq!(got.as_deref(), expected, "{host} {path}");
        }
    }
}
