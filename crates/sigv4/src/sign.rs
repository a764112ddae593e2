//! Signs a request of our own.

use base::Timestamp;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use crate::canonical::{ALGORITHM, Scoped, Signed, signature};

/// The headers that sign `request`, to be added to it: the time, and the signature over it, the host and the body.
pub fn sign(
    request: &Signed<'_>,
    (access_key, secret): (&str, &str),
    (region, service): (&str, &str),
    now: Timestamp,
) -> [(http::HeaderName, String); 2] {
    let time = now.iso8601_basic();
    let date = &time[..8];
    let mut headers = request.headers.clone();
    // It is made of digits.
    if let Ok(value) = HeaderValue::from_str(&time) {
        headers.insert("x-amz-date", value);
    }
    let signed_headers = "host;x-amz-date";
    let scoped = Scoped { date, region, service, time: &time, signed_headers };
    let signature = signature(&Signed { headers: &headers, ..*request }, &scoped, secret);
    let authorization = format!(
        "{ALGORITHM} Credential={access_key}/{date}/{region}/{service}/aws4_request, SignedHeaders={signed_headers}, \
         Signature={signature}"
    );
    [(http::HeaderName::from_static("x-amz-date"), time), (AUTHORIZATION, authorization)]
}
