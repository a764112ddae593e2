//! Reads the claim out of a request's headers and query. No allocation for a header signature.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE};
use percent_encoding::percent_decode_str;

use crate::canonical::ALGORITHM;
use crate::{Credential, SignatureError, Source};

/// The claim of a request with these headers and this raw query; `None` when it is not signed in AWS's way
/// (no signature, or another scheme such as `Bearer`).
pub fn parse<'a>(headers: &'a HeaderMap, query: &'a str) -> Result<Option<Credential<'a>>, SignatureError> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.filter(|text| text.trim_start().starts_with("AWS4-"));
    let in_query = query_parameter(query, "X-Amz-Algorithm").is_some();
    match (header, in_query) {
        (Some(_), true) => Err(SignatureError::Invalid(
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.".into(),
        )),
        (Some(text), false) => parse_header(text, headers).map(Some),
        (None, true) => parse_query(query).map(Some),
        (None, false) => Ok(None),
    }
}

fn parse_header<'a>(text: &'a str, headers: &HeaderMap) -> Result<Credential<'a>, SignatureError> {
    let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        match part.trim().split_once('=') {
            Some(("Credential", value)) => credential = Some(value),
            Some(("SignedHeaders", value)) => signed_headers = Some(value),
            Some(("Signature", value)) => signature = Some(value),
            _ => {}
        }
    }
    // A date is needed to verify, not to say who claims to call: its lack alone is the verification's to refuse.
    let (Some(credential), Some(signed_headers), Some(signature), ALGORITHM) =
        (credential, signed_headers, signature, algorithm)
    else {
        let missing = [
            ("Credential", credential.is_none()),
            ("Signature", signature.is_none()),
            ("SignedHeaders", signed_headers.is_none()),
        ];
        let dated = headers.contains_key("x-amz-date") || headers.contains_key(DATE);
        return Err(incomplete_header(text, &missing, dated, algorithm));
    };
    let credential = Cow::Borrowed(credential);
    let [access_key, date, region, service] = split_scope(&credential)?;
    Ok(Credential {
        source: Source::Header,
        access_key,
        date,
        region,
        service,
        signed_headers: Cow::Borrowed(signed_headers),
        signature: Cow::Borrowed(signature),
    })
}

fn incomplete_header(text: &str, missing: &[(&str, bool)], dated: bool, algorithm: &str) -> SignatureError {
    if algorithm != ALGORITHM {
        return SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'."));
    }
    let mut message = String::new();
    for (name, _) in missing.iter().filter(|(_, missing)| *missing) {
        message += &format!("Authorization header requires '{name}' parameter. ");
    }
    if !dated {
        message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    }
    SignatureError::Incomplete(message + "Authorization=" + text)
}

fn parse_query(query: &str) -> Result<Credential<'_>, SignatureError> {
    const NAMES: [&str; 5] =
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
    let found = NAMES.map(|name| query_parameter(query, name));
    let [Some(algorithm), Some(credential), Some(signature), Some(signed_headers), Some(_)] = found else {
        let missing = NAMES.iter().zip(&found).filter(|(_, value)| value.is_none());
        let sentences =
            missing.map(|(name, _)| format!("AWS query-string parameters must include '{name}'. "));
        let message: String = sentences.collect();
        return Err(SignatureError::Incomplete(message + "Re-examine the query-string parameters."));
    };
    if algorithm != ALGORITHM {
        return Err(SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let [access_key, date, region, service] =
        split_scope(&credential)?.map(|part| Cow::Owned(part.into_owned()));
    Ok(Credential { source: Source::Query, access_key, date, region, service, signed_headers, signature })
}

/// `AKID/20261122/us-east-1/dynamodb/aws4_request`. An access key never contains a slash.
fn split_scope<'a>(credential: &Cow<'a, str>) -> Result<[Cow<'a, str>; 4], SignatureError> {
    let parts: Option<[Cow<'a, str>; 4]> = match credential {
        Cow::Borrowed(text) => five_parts(text).map(|parts| parts.map(Cow::Borrowed)),
        Cow::Owned(text) => five_parts(text).map(|parts| parts.map(|part| Cow::Owned(part.to_owned()))),
    };
    parts.ok_or_else(|| {
        SignatureError::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{credential}'"
        ))
    })
}

fn five_parts(text: &str) -> Option<[&str; 4]> {
    let mut parts = text.split('/');
    let four = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let complete = parts.next() == Some("aws4_request") && parts.next().is_none();
    (complete && four.iter().all(|part| !part.is_empty())).then_some(four)
}

/// The decoded value of the first parameter called `name` in a raw query.
pub(crate) fn query_parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    if query.is_empty() {
        return None;
    }
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| percent_decode_str(value).decode_utf8_lossy())
    })
}
