//! Whether a claim is true: the time, the scope and the signature itself, refused in AWS's words.

use std::borrow::Cow;
use std::time::Duration;

use base::Timestamp;
use http::header::DATE;

use crate::canonical::{Scoped, Signed, signature};
use crate::parse::query_parameter;
use crate::{Credential, SignatureError, Source};

/// How far the signer's clock may be from ours.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// The longest that a presigned URL may be good for.
const EXPIRES_S_MAX: u64 = 7 * 24 * 60 * 60;

/// `Ok` if `secret` made the signature that `credential` is, now.
pub(crate) fn verify(
    request: &Signed<'_>,
    credential: &Credential<'_>,
    secret: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    if !credential.signed_headers.split(';').any(|name| name == "host") {
        return Err(invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let time = time(request, credential)?;
    let signed_at = parse_time(&time).ok_or_else(|| {
        SignatureError::Incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{time}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    })?;
    if time[..8] != *credential.date {
        return Err(invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', \
             from '{time}'.",
            credential.date,
            &time[..8]
        )));
    }
    check_time(request, credential, &time, (signed_at, now))?;
    let scoped = Scoped {
        date: &credential.date,
        region: &credential.region,
        service: &credential.service,
        time: &time,
        signed_headers: &credential.signed_headers,
    };
    let wanted = signature(request, &scoped, secret);
    if is_same(wanted.as_bytes(), credential.signature.as_bytes()) {
        return Ok(());
    }
    Err(invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    ))
}

fn invalid(message: impl Into<String>) -> SignatureError {
    SignatureError::Invalid(message.into())
}

/// When it was signed, as it says.
fn time<'a>(request: &Signed<'a>, credential: &Credential<'_>) -> Result<Cow<'a, str>, SignatureError> {
    if credential.source == Source::Query {
        return Ok(query_parameter(request.query, "X-Amz-Date").unwrap_or_default());
    }
    let header = request.headers.get("x-amz-date").or_else(|| request.headers.get(DATE));
    let text = header.and_then(|value| value.to_str().ok());
    text.map(Cow::Borrowed).ok_or_else(|| {
        SignatureError::Incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into(),
        )
    })
}

/// Reads `20261123T172100Z`.
fn parse_time(text: &str) -> Option<Timestamp> {
    let part = |at: std::ops::Range<usize>| text.get(at);
    if text.len() != 16 || !text.ends_with('Z') || part(8..9)? != "T" {
        return None;
    }
    Timestamp::parse_iso8601(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(9..11)?,
        part(11..13)?,
        part(13..15)?
    ))
}

fn check_time(
    request: &Signed<'_>,
    credential: &Credential<'_>,
    time: &str,
    (signed_at, now): (Timestamp, Timestamp),
) -> Result<(), SignatureError> {
    let now_text = now.iso8601_basic();
    if signed_at > now.plus(SKEW) {
        let limit = now.plus(SKEW).iso8601_basic();
        return Err(invalid(format!(
            "Signature not yet current: {time} is still later than {limit} ({now_text} + 5 min.)"
        )));
    }
    let (span, since) = match credential.source {
        Source::Header => (SKEW, Timestamp(now.0.saturating_sub(5 * 60 * 1000)).iso8601_basic()),
        Source::Query => (lifetime(request)?, now_text.clone()),
    };
    if now.since(signed_at) <= span {
        return Ok(());
    }
    Err(invalid(match credential.source {
        Source::Header => {
            format!("Signature expired: {time} is now earlier than {since} ({now_text} - 5 min.)")
        }
        Source::Query => {
            format!("Signature expired: {} is now earlier than {since}", signed_at.plus(span).iso8601_basic())
        }
    }))
}

/// How long a presigned URL is good for; without `X-Amz-Expires` as long as a header is.
fn lifetime(request: &Signed<'_>) -> Result<Duration, SignatureError> {
    let Some(text) = query_parameter(request.query, "X-Amz-Expires") else { return Ok(SKEW) };
    match text.parse() {
        Ok(seconds) if seconds <= EXPIRES_S_MAX => Ok(Duration::from_secs(seconds)),
        Ok(_) => Err(invalid(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires \
                              must be less than 604800 seconds",
        )),
        Err(_) => Err(invalid("X-Amz-Expires should be a number")),
    }
}

/// In a time that says nothing of where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}
