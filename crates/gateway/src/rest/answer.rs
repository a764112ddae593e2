//! The answer of a function behind a proxy integration, read as strictly as AWS reads it: an object with nothing in
//! it but `statusCode`, `headers`, `multiValueHeaders`, `body` and `isBase64Encoded`, all of them optional.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use wire::json::{JsonError, Kind, Reader};

/// JSON of an answer nests no deeper than this.
const DEPTH_MAX: usize = 32;
/// Of format 2.0 the whole result may be the body.
const DEPTH_MAX_V2: usize = 128;

/// Why an answer is not one. Said in the log; the caller only hears of a bad gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("Malformed Lambda proxy response: {0}")]
    Json(#[from] JsonError),
    #[error("Malformed Lambda proxy response: it is not an object")]
    NotAnObject,
    #[error("Malformed Lambda proxy response: it has a member {0}")]
    Unknown(String),
    #[error("Malformed Lambda proxy response: {0} is not a status code")]
    Status(String),
    #[error("Malformed Lambda proxy response: the header {0} cannot be sent")]
    Header(String),
    #[error("Malformed Lambda proxy response: the body is not base64")]
    Base64,
}

/// A function's answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Bytes,
    base64: bool,
}

impl Answer {
    pub(crate) fn parse(payload: &Bytes) -> Result<Self, AnswerError> {
        let mut reader = Reader::new(payload, DEPTH_MAX)?;
        if reader.peek()? != Kind::Object {
            return Err(AnswerError::NotAnObject);
        }
        let mut answer = Self { status: 200, headers: HeaderMap::new(), body: Bytes::new(), base64: false };
        let mut multi = HeaderMap::new();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match key.as_ref() {
                "statusCode" => answer.status = status(&mut reader)?,
                "headers" => headers(&mut reader, &mut answer.headers)?,
                "multiValueHeaders" => multi_headers(&mut reader, &mut multi)?,
                "body" => answer.body = body(&mut reader, payload)?,
                "isBase64Encoded" => answer.base64 = flag(&mut reader)?,
                _ => return Err(AnswerError::Unknown(key.into_owned())),
            }
        }
        reader.end()?;
        merge(&mut answer.headers, multi);
        Ok(answer)
    }

    /// The same of payload format 2.0: with a status code the result says what to answer, else it is the body itself.
    pub(crate) fn parse_v2(payload: &Bytes) -> Result<Self, AnswerError> {
        let mut answer = Self { status: 200, headers: HeaderMap::new(), body: Bytes::new(), base64: false };
        let mut reader = Reader::new(payload, DEPTH_MAX_V2)?;
        match reader.peek()? {
            Kind::Object if has_status(payload)? => answer.read_v2(&mut reader, payload)?,
            Kind::String => answer.body = body(&mut reader, payload)?,
            _ => {
                reader.skip()?;
                answer.body = payload.clone();
            }
        }
        reader.end()?;
        answer.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        Ok(answer)
    }

    fn read_v2(&mut self, reader: &mut Reader<'_>, payload: &Bytes) -> Result<(), AnswerError> {
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match key.as_ref() {
                "statusCode" => self.status = status(reader)?,
                "headers" => headers(reader, &mut self.headers)?,
                "cookies" => cookies(reader, &mut self.headers)?,
                "body" => self.body = body_of_any(reader, payload)?,
                "isBase64Encoded" => self.base64 = flag(reader)?,
                _ => reader.skip()?,
            }
        }
        Ok(())
    }

    /// The body to send: decoded if the function said it is base64 and the caller takes it as binary.
    pub(crate) fn body(&self, as_binary: bool) -> Result<Bytes, AnswerError> {
        if self.base64 && as_binary {
            return STANDARD.decode(&self.body).map(Bytes::from).map_err(|_| AnswerError::Base64);
        }
        Ok(self.body.clone())
    }
}

fn has_status(payload: &Bytes) -> Result<bool, AnswerError> {
    let mut reader = Reader::new(payload, DEPTH_MAX_V2)?;
    let mut found = false;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        found |= key == "statusCode";
        reader.skip()?;
    }
    Ok(found)
}

/// A number or a numeric string.
fn status(reader: &mut Reader<'_>) -> Result<u16, AnswerError> {
    let text = match reader.peek()? {
        Kind::Null => {
            reader.null()?;
            return Ok(200);
        }
        Kind::String => reader.string()?,
        _ => Cow::Borrowed(reader.number()?),
    };
    let whole = text.trim().strip_suffix(".0").unwrap_or(text.trim());
    match whole.parse() {
        // 1xx is no final answer, and what has not three digits is no status.
        Ok(status) if (200..600).contains(&status) => Ok(status),
        _ => Err(AnswerError::Status(text.into_owned())),
    }
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, AnswerError> {
    match reader.peek()? {
        Kind::Null => Ok(!reader.null()?),
        Kind::String => Ok(reader.string()?.eq_ignore_ascii_case("true")),
        _ => Ok(reader.boolean()?),
    }
}

/// A string; borrowed from the payload when it has no escapes, so that large bodies are not copied.
fn body(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Bytes, AnswerError> {
    if reader.null()? {
        return Ok(Bytes::new());
    }
    Ok(match reader.string()? {
        Cow::Borrowed(text) => payload.slice_ref(text.as_bytes()),
        Cow::Owned(text) => text.into(),
    })
}

/// Text, or a number or truth value as text.
fn header_text<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, AnswerError> {
    Ok(match reader.peek()? {
        Kind::String => reader.string()?,
        Kind::Number => reader.number()?.into(),
        _ => if reader.boolean()? { "true" } else { "false" }.into(),
    })
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), AnswerError> {
    let invalid = || AnswerError::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
    headers.append(key, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?);
    Ok(())
}

fn headers(reader: &mut Reader<'_>, headers: &mut HeaderMap) -> Result<(), AnswerError> {
    if reader.null()? {
        return Ok(());
    }
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        append(headers, &name, &header_text(reader)?)?;
    }
    Ok(())
}

fn cookies(reader: &mut Reader<'_>, headers: &mut HeaderMap) -> Result<(), AnswerError> {
    if reader.null()? {
        return Ok(());
    }
    reader.begin_array()?;
    while reader.next_element()? {
        append(headers, "set-cookie", &reader.string()?)?;
    }
    Ok(())
}

/// Text, or anything else as its JSON.
fn body_of_any(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Bytes, AnswerError> {
    match reader.peek()? {
        Kind::String | Kind::Null => body(reader, payload),
        _ => Ok(Bytes::copy_from_slice(reader.raw()?.as_bytes())),
    }
}

fn multi_headers(reader: &mut Reader<'_>, headers: &mut HeaderMap) -> Result<(), AnswerError> {
    if reader.null()? {
        return Ok(());
    }
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        reader.begin_array()?;
        while reader.next_element()? {
            append(headers, &name, &header_text(reader)?)?;
        }
    }
    Ok(())
}

/// Both maps become one list; what stands in both is said once.
fn merge(headers: &mut HeaderMap, multi: HeaderMap) {
    let mut name = None;
    for (next, value) in multi {
        name = next.or(name);
        let Some(name) = &name else { continue };
        if !headers.get_all(name).iter().any(|known| known == value) {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(payload: &str) -> String {
        match Answer::parse(&Bytes::copy_from_slice(payload.as_bytes())) {
            Err(error) => format!("! {error}"),
            Ok(answer) => {
                let mut text = answer.status.to_string();
                for (name, value) in &answer.headers {
                    text.push_str(&format!(" {name}={}", value.to_str().unwrap()));
                }
                match answer.body(true) {
                    Ok(body) => text.push_str(&format!(" [{}]", String::from_utf8_lossy(&body))),
                    Err(error) => text.push_str(&format!(" ! {error}")),
                }
                text
            }
        }
    }

    #[test]
    fn answers_are_read_as_strictly_as_aws_reads_them() {
        let table = [
            (r#"{"statusCode":200,"body":"hi"}"#, "200 [hi]"),
            (r#"{"statusCode":"201","body":"\"q\" \u00fc\n"}"#, "201 [\"q\" ü\n]"),
            (r#"{"statusCode":204}"#, "204 []"),
            (r#"{"body":"x"}"#, "200 [x]"),
            ("{}", "200 []"),
            (r#"{"statusCode":null,"body":null,"headers":null,"multiValueHeaders":null}"#, "200 []"),
            (r#"{"statusCode":200.0}"#, "200 []"),
            (
                r#"{"headers":{"X-A":"1","b":true,"c":5},"multiValueHeaders":{"x-a":["1","2"],"Set-Cookie":["a","b"]}}"#,
                "200 x-a=1 x-a=2 b=true c=5 set-cookie=a set-cookie=b []",
            ),
            (r#"{"body":"aGk=","isBase64Encoded":true}"#, "200 [hi]"),
            (
                r#"{"body":"not base64!","isBase64Encoded":true}"#,
                "200 ! Malformed Lambda proxy response: the body is not base64",
            ),
            ("null", "! Malformed Lambda proxy response: it is not an object"),
            ("\"text\"", "! Malformed Lambda proxy response: it is not an object"),
            ("[]", "! Malformed Lambda proxy response: it is not an object"),
            ("", "! Malformed Lambda proxy response: malformed JSON at byte 0"),
            ("{", "! Malformed Lambda proxy response: malformed JSON at byte 1"),
            ("{} x", "! Malformed Lambda proxy response: malformed JSON at byte 3"),
            (
                r#"{"statusCode":200,"body":{"a":1}}"#,
                "! Malformed Lambda proxy response: Object where String is expected",
            ),
            (r#"{"message":"x"}"#, "! Malformed Lambda proxy response: it has a member message"),
            (r#"{"statusCode":"abc"}"#, "! Malformed Lambda proxy response: abc is not a status code"),
            (r#"{"statusCode":99}"#, "! Malformed Lambda proxy response: 99 is not a status code"),
            (r#"{"statusCode":101}"#, "! Malformed Lambda proxy response: 101 is not a status code"),
            (r#"{"statusCode":600}"#, "! Malformed Lambda proxy response: 600 is not a status code"),
            (r#"{"statusCode":-200}"#, "! Malformed Lambda proxy response: -200 is not a status code"),
            (r#"{"statusCode":true}"#, "! Malformed Lambda proxy response: True where Number is expected"),
            (
                r#"{"headers":{"a":null}}"#,
                "! Malformed Lambda proxy response: Null where Boolean is expected",
            ),
            (r#"{"headers":{"a":"x\ny"}}"#, "! Malformed Lambda proxy response: the header a cannot be sent"),
            (
                r#"{"headers":{"a b":"x"}}"#,
                "! Malformed Lambda proxy response: the header a b cannot be sent",
            ),
            (
                r#"{"multiValueHeaders":{"a":"x"}}"#,
                "! Malformed Lambda proxy response: String where Array is expected",
            ),
        ];
        for (payload, expected) in table {
            assert_eq!(show(payload), expected, "{payload}");
        }
    }
}
