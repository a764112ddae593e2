//! What a function behind a URL answers, as the answer to the request. Pure.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload>

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use wire::Response;
use wire::json::{JsonError, Kind, Reader};

/// The media type of an answer that begins with its head.
pub(super) const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// What ends the head.
const DELIMITER: [u8; 8] = [0; 8];

const DEPTH_MAX: usize = 128;

/// The function's answer cannot be one to a request: AWS says 502 and no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadReply {
    #[error("it is not JSON: {0}")]
    Json(#[from] JsonError),
    #[error("{0:?} is no status code")]
    Status(String),
    #[error("the header {0:?} cannot be sent")]
    Header(String),
    #[error("the body is not base64")]
    Base64,
}

/// The answer for a whole result: with a statusCode the result says what to answer, else it is the body itself.
pub(super) fn whole(payload: &Bytes) -> Result<Response, BadReply> {
    let mut response = if has_status(payload)? { told(payload)? } else { plain(payload)? };
    if !response.headers.contains_key(CONTENT_TYPE) {
        response.set("content-type", "application/json");
    }
    Ok(response)
}

/// Whether the head's end is in `bytes`, of which the first `searched` have been looked at.
pub(super) fn has_delimiter(bytes: &[u8], searched: usize) -> bool {
    let from = searched.saturating_sub(DELIMITER.len() - 1);
    bytes[from..].windows(DELIMITER.len()).any(|window| window == DELIMITER)
}

/// The head of a streamed answer, and what of its body came with it. `None`: more bytes are needed.
pub(super) fn prelude(bytes: &Bytes) -> Result<Option<(Response, Bytes)>, BadReply> {
    let Some(end) = bytes.windows(DELIMITER.len()).position(|window| window == DELIMITER) else {
        return Ok(None);
    };
    let mut response = told(&bytes.slice(..end))?;
    if !response.headers.contains_key(CONTENT_TYPE) {
        response.set("content-type", "application/octet-stream");
    }
    response.body = Bytes::new();
    Ok(Some((response, bytes.slice(end + DELIMITER.len()..))))
}

fn has_status(payload: &[u8]) -> Result<bool, BadReply> {
    let mut reader = Reader::new(payload, DEPTH_MAX)?;
    let mut found = false;
    if reader.peek()? == Kind::Object {
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            found |= key == "statusCode";
            reader.skip()?;
        }
    } else {
        reader.skip()?;
    }
    reader.end()?;
    Ok(found)
}

/// A string is its text; everything else stays JSON.
fn plain(payload: &Bytes) -> Result<Response, BadReply> {
    let mut reader = Reader::new(payload, DEPTH_MAX)?;
    if reader.peek()? == Kind::String {
        return Ok(Response::new(200, reader.string()?.into_owned()));
    }
    Ok(Response::new(200, payload.clone()))
}

fn told(payload: &Bytes) -> Result<Response, BadReply> {
    let mut response = Response::new(200, Bytes::new());
    let mut is_base64 = false;
    let mut reader = Reader::new(payload, DEPTH_MAX)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match key.as_ref() {
            "statusCode" => response.status = status(&mut reader)?,
            "headers" => headers(&mut reader, &mut response)?,
            "cookies" => cookies(&mut reader, &mut response)?,
            "body" => response.body = body(&mut reader, payload)?,
            "isBase64Encoded" => is_base64 = reader.raw()? == "true",
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    if is_base64 {
        response.body = STANDARD.decode(&response.body).map(Bytes::from).map_err(|_| BadReply::Base64)?;
    }
    Ok(response)
}

/// A number, or one as a string.
fn status(reader: &mut Reader<'_>) -> Result<u16, BadReply> {
    let text = scalar(reader)?;
    let whole = text.trim().strip_suffix(".0").unwrap_or(text.trim());
    let status = whole.parse().ok().filter(|status| (200..600).contains(status));
    status.ok_or_else(|| BadReply::Status(text.into_owned()))
}

/// Text, or a number, truth value, null or more as its JSON.
fn scalar<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, BadReply> {
    Ok(if reader.peek()? == Kind::String { reader.string()? } else { reader.raw()?.into() })
}

fn headers(reader: &mut Reader<'_>, response: &mut Response) -> Result<(), BadReply> {
    if reader.null()? {
        return Ok(());
    }
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        let value = match reader.peek()? {
            Kind::Object | Kind::Array => return Err(BadReply::Header(name.into_owned())),
            _ => scalar(reader)?,
        };
        let invalid = || BadReply::Header(name.as_ref().to_owned());
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
        response.headers.append(key, value);
    }
    Ok(())
}

fn cookies(reader: &mut Reader<'_>, response: &mut Response) -> Result<(), BadReply> {
    if reader.null()? {
        return Ok(());
    }
    reader.begin_array()?;
    while reader.next_element()? {
        let cookie = reader.string()?;
        let value = HeaderValue::from_bytes(cookie.as_bytes());
        response.headers.append(SET_COOKIE, value.map_err(|_| BadReply::Header("set-cookie".to_owned()))?);
    }
    Ok(())
}

/// Borrowed from the payload where it has no escapes, so that large bodies are not copied.
fn body(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Bytes, BadReply> {
    if reader.null()? {
        return Ok(Bytes::new());
    }
    Ok(match scalar(reader)? {
        Cow::Borrowed(text) => payload.slice_ref(text.as_bytes()),
        Cow::Owned(text) => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(result: Result<Response, BadReply>) -> String {
        match result {
            Err(_) => "502".to_owned(),
            Ok(response) => {
                let headers: Vec<String> =
                    response.headers.iter().map(|(n, v)| format!("{n}={}", v.to_str().unwrap())).collect();
                format!(
                    "{} {} {}",
                    response.status,
                    headers.join(" "),
                    String::from_utf8_lossy(&response.body)
                )
            }
        }
    }

    /// The first eight as recorded from AWS.
    #[test]
    fn whole_results() {
        let json = "content-type=application/json";
        for (payload, expected) in [
            (r#"{"hello":"world"}"#, format!(r#"200 {json} {{"hello":"world"}}"#)),
            (r#"{"statusCode":200,"body":"body123"}"#, format!("200 {json} body123")),
            (
                r#"{"statusCode":200,"body":"{\"hello\": \"world\"}"}"#,
                format!(r#"200 {json} {{"hello": "world"}}"#),
            ),
            (r#"["hello",3,true]"#, format!(r#"200 {json} ["hello",3,true]"#)),
            (r#""hello""#, format!("200 {json} hello")),
            ("3", format!("200 {json} 3")),
            ("3.1", format!("200 {json} 3.1")),
            ("true", format!("200 {json} true")),
            ("null", format!("200 {json} null")),
            (r#"{"statusCode":"418","body":"i'm a teapot"}"#, format!("418 {json} i'm a teapot")),
            (
                r#"{"statusCode":201,"headers":{"Content-Type":"text/x","A":1,"b":true},"cookies":["c=1","d=2"],"body":"aGk=","isBase64Encoded":true}"#,
                "201 content-type=text/x a=1 b=true set-cookie=c=1 set-cookie=d=2 hi".to_owned(),
            ),
            (r#"{"statusCode":204,"body":null,"headers":null}"#, format!("204 {json} ")),
            (r#"{"headers":5,"body":7}"#, format!(r#"200 {json} {{"headers":5,"body":7}}"#)),
            (r#"{"statusCode":"many"}"#, "502".to_owned()),
            (r#"{"statusCode":99}"#, "502".to_owned()),
            (r#"{"statusCode":200,"headers":{"a":{}}}"#, "502".to_owned()),
            (r#"{"statusCode":200,"body":"!","isBase64Encoded":true}"#, "502".to_owned()),
            ("<p>", "502".to_owned()),
            ("", "502".to_owned()),
        ] {
            assert_eq!(show(whole(&Bytes::from(payload))), expected, "{payload}");
        }
    }

    #[test]
    fn preludes() {
        let read = |bytes: &'static [u8]| prelude(&Bytes::from_static(bytes));
        assert!(read(b"{\"statusCode\":201}\0\0\0\0\0\0\0").unwrap().is_none());
        let (head, rest) =
            read(b"{\"statusCode\":201,\"headers\":{\"a\":\"b\"},\"cookies\":[\"c\"]}\0\0\0\0\0\0\0\0hi")
                .unwrap()
                .unwrap();
        assert_eq!(show(Ok(head)), "201 a=b set-cookie=c content-type=application/octet-stream ");
        assert_eq!(rest, "hi");
        assert!(read(b"no\0\0\0\0\0\0\0\0hi").is_err());
    }
}
