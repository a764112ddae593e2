//! A request in the one form that its signer and its verifier both hash.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::Write;

use http::header::HOST;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(crate) const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A whole request, as it goes over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub method: &'a Method,
    /// Percent-encoded, as in the request line.
    pub path: &'a str,
    /// As in the request line, without the question mark.
    pub query: &'a str,
    /// `Host` or `:authority`.
    pub host: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What a signature is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scoped<'a> {
    /// `YYYYMMDD`.
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// `YYYYMMDDThhmmssZ`.
    pub(crate) time: &'a str,
    /// Lower-case names, sorted, separated by `;`.
    pub(crate) signed_headers: &'a str,
}

/// The signature of a request by a secret: 64 hexadecimal digits.
pub(crate) fn signature(request: &Signed<'_>, scoped: &Scoped<'_>, secret: &str) -> String {
    let Scoped { date, region, service, time, .. } = scoped;
    let hash = hex(digest::digest(&digest::SHA256, form(request, scoped).as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{time}\n{date}/{region}/{service}/aws4_request\n{hash}");
    let first = hmac_of(format!("AWS4{secret}").as_bytes(), date);
    let key = [region, service, "aws4_request"].iter().fold(first, |key, part| hmac_of(key.as_ref(), part));
    hex(hmac_of(key.as_ref(), &text).as_ref())
}

pub(crate) fn hmac_of(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The canonical request. Its body's hash is always of the body that came: services other than S3 take no unsigned ones.
fn form(request: &Signed<'_>, scoped: &Scoped<'_>) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, path(request.path), query(request.query));
    for name in scoped.signed_headers.split(';') {
        let _ = writeln!(text, "{name}:{}", header(request, name));
    }
    let hash = hex(digest::digest(&digest::SHA256, request.body).as_ref());
    let _ = write!(text, "\n{}\n{hash}", scoped.signed_headers);
    text
}

/// Without dot segments and empty ones, each byte that is not plain encoded once more: services other than S3 do so.
fn path(raw: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    let mut text = String::with_capacity(raw.len() + 8);
    for segment in &segments {
        text.push('/');
        text.extend(utf8_percent_encode(segment, ENCODED));
    }
    let is_folder = raw.ends_with('/') || raw.ends_with("/.") || raw.ends_with("/..");
    if segments.is_empty() || is_folder {
        text.push('/');
    }
    text
}

/// Sorted by name and value, all but the signature itself.
fn query(raw: &str) -> String {
    let encoded = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&bytes, ENCODED).to_string()
    };
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<(String, String)> = pairs
        .filter(|(name, _)| *name != SIGNATURE_PARAMETER)
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort_unstable();
    let texts: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join("&")
}

/// All values of one name, in order, runs of spaces as one.
fn header(request: &Signed<'_>, name: &str) -> String {
    if name == HOST.as_str() {
        return request.host.to_owned();
    }
    let values = request.headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (raw, wanted) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a/", "/a/"),
            ("/a//b/./c/../d", "/a/b/d"),
            ("/a/..", "/"),
            ("/../x", "/x"),
            ("/arn%3Aaws/a b:~", "/arn%253Aaws/a%20b%3A~"),
        ] {
            assert_eq!(path(raw), wanted, "{raw}");
        }
    }

    #[test]
    fn queries() {
        for (raw, wanted) in [
            ("", ""),
            ("b=2&a=1&a=0&c", "a=0&a=1&b=2&c="),
            ("a=x%2fy&X-Amz-Signature=ab&k=a+b", "a=x%2Fy&k=a%2Bb"),
            ("a-=1&a=2", "a=2&a-=1"),
        ] {
            assert_eq!(query(raw), wanted, "{raw}");
        }
    }
}
