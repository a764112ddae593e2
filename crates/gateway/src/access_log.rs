//! Access logs: a line for every request to a stage, of the shape that the stage's owner wrote down with variables of
//! `$context`. REST, HTTP and WebSocket stages write the same way; each knows its own variables. Knows no request.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use base::{Scope, Timestamp};
use bytes::Bytes;
use ports::{LogBatch, LogEvent, LogSink};

/// What a variable that has no value leaves.
const UNSET: &str = "-";
/// AWS's quota of a line.
const LINE_BYTES_MAX: usize = 1 << 20;
const LOG_GROUP: &str = ":log-group:";
const FIREHOSE_STREAM: &str = ":deliverystream/amazon-apigateway-";

/// The access log of a stage, compiled.
#[derive(Debug)]
pub(crate) struct AccessLog {
    group: Arc<str>,
    stream: Arc<str>,
    parts: Vec<Part>,
    escaped: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The name behind `$context.`.
    Variable(String),
}

/// What came of a request's integration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IntegrationFacts {
    pub(crate) status: Option<u16>,
    pub(crate) latency_ms: u64,
    pub(crate) error: Option<String>,
    /// Of a function's invocation.
    pub(crate) request_id: Option<String>,
}

impl IntegrationFacts {
    /// `$context.NAME`
    pub(crate) fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "integrationStatus" | "integration.status" | "integration.integrationStatus" => {
                self.status?.to_string().into()
            }
            "integrationLatency" | "integration.latency" => self.latency_ms.to_string().into(),
            "integrationErrorMessage" | "integration.error" => self.error.as_deref()?.into(),
            "awsEndpointRequestId" | "integration.requestId" => self.request_id.as_deref()?.into(),
            _ => return None,
        })
    }
}

/// What is wrong with the settings of an access log, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessLogError {
    #[error(
        "Invalid ARN specified in the request. ARNs must start with 'arn:' and include at least 6 parts separated by \
         colons (:)."
    )]
    NotAnArn,
    #[error("Access Log destination must only contain characters a-z, A-Z, 0-9, '_', '-', '/', '.': '{0}'")]
    Group(String),
    #[error(
        "Access log destination must be a CloudWatch Logs log group or a Kinesis Data Firehose stream: '{0}'"
    )]
    Service(String),
    #[error(
        "Access log format must be single line, new line character is allowed only at end of the format: '{0}'"
    )]
    SeveralLines(String),
}

/// Checks where an access log shall go.
pub(crate) fn check_destination(arn: &str) -> Result<(), AccessLogError> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") || arn.split(':').count() < 6 {
        return Err(AccessLogError::NotAnArn);
    }
    match group(arn) {
        Some(name) if is_group(name) => Ok(()),
        Some(name) => Err(AccessLogError::Group(name.to_owned())),
        None if parts.nth(1) == Some("firehose") && arn.contains(FIREHOSE_STREAM) => Ok(()),
        None => Err(AccessLogError::Service(arn.to_owned())),
    }
}

fn group(arn: &str) -> Option<&str> {
    let (before, name) = arn.split_once(LOG_GROUP)?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    before.split(':').nth(2).filter(|service| *service == "logs").map(|_| name)
}

fn is_group(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-/.#".contains(&b);
    (1..=512).contains(&name.len()) && name.bytes().all(fits)
}

/// Checks the format of a line.
pub(crate) fn check_format(format: &str) -> Result<(), AccessLogError> {
    if format.trim_end_matches(['\r', '\n']).contains(['\r', '\n']) {
        return Err(AccessLogError::SeveralLines(format.to_owned()));
    }
    Ok(())
}

impl AccessLog {
    /// None unless lines are to be written to a log group. `stream` names the stage.
    pub(crate) fn compile(
        destination_arn: Option<&str>,
        format: Option<&str>,
        (api_id, stage): (&str, &str),
    ) -> Option<Self> {
        let (group, format) = (group(destination_arn?)?, format?.trim_end());
        if format.is_empty() {
            return None;
        }
        Some(Self {
            group: group.into(),
            stream: stream(api_id, stage),
            parts: parse(format),
            escaped: format.starts_with('{'),
        })
    }

    /// Writes the line of a request; `value` says what a variable of `$context` is.
    pub(crate) fn write<'v>(
        &self,
        logs: &dyn LogSink,
        (scope, at): (&Scope, Timestamp),
        value: impl Fn(&str) -> Option<Cow<'v, str>>,
    ) {
        let event = LogEvent { timestamp: at, message: Bytes::from(self.line(value)) };
        logs.write(LogBatch {
            scope: scope.clone(),
            group: Arc::clone(&self.group),
            stream: Arc::clone(&self.stream),
            events: vec![event],
        });
    }

    fn line<'v>(&self, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
        let mut line = String::with_capacity(256);
        for part in &self.parts {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::Variable(name) => match value(name).filter(|value| !value.is_empty()) {
                    // The one variable that brings its own quotes.
                    Some(value) if name.ends_with("messageString") => line.push_str(&value),
                    Some(value) => push(&mut line, &value, self.escaped),
                    None => line.push_str(UNSET),
                },
            }
        }
        if line.len() > LINE_BYTES_MAX {
            line.truncate(line.floor_char_boundary(LINE_BYTES_MAX));
        }
        line
    }
}

/// A caller must neither end a line nor, in a line of JSON, a string.
fn push(line: &mut String, value: &str, escaped: bool) {
    for c in value.chars() {
        match c {
            '"' | '\\' if escaped => line.extend(['\\', c]),
            c if c.is_control() => _ = write!(line, "\\u{:04x}", u32::from(c)),
            c => line.push(c),
        }
    }
}

/// The name of a stage's log stream: 32 hexadecimal digits, as on AWS, and always the same ones.
pub(crate) fn stream(api_id: &str, stage: &str) -> Arc<str> {
    let mut name = String::with_capacity(32);
    let text = format!("{api_id}/{stage}");
    for seed in [0xcbf2_9ce4_8422_2325_u64, 0x9ae1_6a3b_2f90_404f] {
        let hash = text.bytes().fold(seed, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        _ = write!(name, "{hash:016x}");
    }
    name.into()
}

/// `$context.x` and `${context.x}`; whatever else has a dollar stays as it is.
fn parse(format: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match variable(from) {
            Some((name, after)) => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Variable(name.to_owned()));
                rest = after;
            }
            None => {
                text.push('$');
                rest = from.strip_prefix('$').unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

fn variable(from: &str) -> Option<(&str, &str)> {
    let braced = from.strip_prefix("${context.");
    let inner = braced.or_else(|| from.strip_prefix("$context."))?;
    // Claims have names such as `cognito:groups`.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    let end = inner.find(|c| !allowed(c)).unwrap_or(inner.len());
    let name = if braced.is_some() { &inner[..end] } else { inner[..end].trim_end_matches(['.', '-', ':']) };
    let after = &inner[name.len()..];
    let after = if braced.is_some() { after.strip_prefix('}')? } else { after };
    (!name.is_empty()).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:apis";

    fn line(format: &str) -> String {
        let log = AccessLog::compile(Some(ARN), Some(format), ("a", "dev")).unwrap();
        log.line(|name| {
            Some(match name {
                "requestId" => "r-1".into(),
                "identity.sourceIp" => "10.0.0.1".into(),
                "identity.userAgent" => "a \"b\"\n\\".into(),
                "status" => "200".into(),
                "error.messageString" => "\"Forbidden\"".into(),
                "authorizer.claims.cognito:groups" => "admins".into(),
                _ => return None,
            })
        })
    }

    /// The four formats as AWS's guide shows them, and what people make of them.
    #[test]
    fn lines_are_written_by_their_formats() {
        for (format, expected) in [
            (
                "$context.identity.sourceIp $context.identity.caller [$context.requestTime]\"$context.status\"\n",
                "10.0.0.1 - [-]\"200\"",
            ),
            (
                r#"{"id":"$context.requestId","ua":"$context.identity.userAgent","error":$context.error.messageString,"n":$context.integrationLatency}"#,
                r#"{"id":"r-1","ua":"a \"b\"\u000a\\","error":"Forbidden","n":-}"#,
            ),
            (
                r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> </request>"#,
                r#"<request id="r-1"> <ip>10.0.0.1</ip> </request>"#,
            ),
            ("$context.identity.sourceIp,$context.status,${context.requestId}x", "10.0.0.1,200,r-1x"),
            (
                "$context.status. $context.status: $5 ${context.status $context. $stageVariables.a",
                "200. 200: $5 ${context.status $context. $stageVariables.a",
            ),
            (
                "$context.authorizer.claims.cognito:groups|$context.identity.userAgent",
                "admins|a \"b\"\\u000a\\",
            ),
        ] {
            assert_eq!(line(format), expected, "{format}");
        }
    }

    #[test]
    fn settings_are_checked() {
        for (arn, expected) in [
            (ARN, None),
            ("arn:aws:logs:us-east-1:000000000000:log-group:/aws/api-gw/x.y_z-1:*", None),
            ("arn:aws:firehose:us-east-1:000000000000:deliverystream/amazon-apigateway-x", None),
            (
                "arn:aws:firehose:us-east-1:000000000000:deliverystream/x",
                Some("Access log destination must be"),
            ),
            ("arn:aws:sqs:us-east-1:000000000000:x", Some("Access log destination must be")),
            (
                "arn:aws:logs:us-east-1:000000000000:log-group:a b",
                Some("Access Log destination must only contain"),
            ),
            ("apis", Some("Invalid ARN specified in the request.")),
        ] {
            let found = check_destination(arn).err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(found.is_empty(), expected.is_none(), "{arn}: {found}");
            assert!(found.starts_with(expected.unwrap_or_default()), "{arn}: {found}");
        }
        for (format, fits) in
            [("$context.requestId\n", true), ("$context.requestId\n$context.status", false), ("", true)]
        {
            assert_eq!(check_format(format).is_ok(), fits, "{format}");
        }
    }

    #[test]
    fn nothing_is_written_without_a_group_and_a_format() {
        assert!(AccessLog::compile(None, Some("x"), ("a", "b")).is_none());
        assert!(AccessLog::compile(Some(ARN), None, ("a", "b")).is_none());
        let firehose = "arn:aws:firehose:us-east-1:0:deliverystream/amazon-apigateway-x";
        assert!(AccessLog::compile(Some(firehose), Some("x"), ("a", "b")).is_none());
        assert_eq!(stream("a", "dev").len(), 32);
        assert_ne!(stream("a", "dev"), stream("a", "prod"));
    }
}
