//! The protocols awsJson1.0 and awsJson1.1: the operation in `X-Amz-Target`, input and output as JSON bodies,
//! errors by `__type`. Knows no operation.

use base::{Cx, Limits, Wording};
use bytes::Bytes;

use crate::json::{self, ReadJson, WriteJson, Writer};
use crate::{Failure, Refusal, Request, Response, compression, wording};

/// What a service of these protocols differs in from the next.
#[derive(Debug)]
pub struct AwsJson {
    /// What stands before the dot in `X-Amz-Target`.
    pub target: &'static str,
    /// `1.0` or `1.1`.
    pub version: &'static str,
    /// What stands before the `#` in the `__type` of the model's errors; empty for services without.
    pub namespace: &'static str,
    /// The code for violated constraints.
    pub validation: &'static str,
    /// DynamoDB's ways: its form of request ids, a checksum, and the package of `__type`.
    pub dynamodb: bool,
    /// `message` or `Message`, by code.
    pub message_key: fn(&str) -> &'static str,
}

impl AwsJson {
    /// The operation's name, from `X-Amz-Target`.
    pub fn operation<'a>(&self, request: &'a Request) -> Result<&'a str, Failure> {
        let target = request.header("x-amz-target").unwrap_or_default();
        match target.split_once('.') {
            Some((prefix, operation)) if prefix == self.target => Ok(operation),
            _ => Err(unknown_operation()),
        }
    }

    /// The body, unpacked.
    pub fn body(&self, request: &Request) -> Result<Bytes, Failure> {
        compression::plain_body(request)
    }

    /// Reads the operation's input.
    pub fn input<T: ReadJson>(&self, cx: &Cx, body: &[u8]) -> Result<T, Failure> {
        json::document(body, Limits::default().json_depth_max, cx.wording).map_err(|refusal| match refusal {
            Refusal::Json(error) => Failure::client("SerializationException", 400, wording::json(&error)),
            Refusal::Invalid(message) => Failure::client(self.validation, 400, message),
        })
    }

    /// Writes the operation's output.
    pub fn output<T: WriteJson>(&self, output: &T) -> Result<Bytes, Failure> {
        let mut writer = Writer::new();
        output.write_json(&mut writer);
        Ok(writer.into_bytes())
    }

    /// The whole answer.
    pub fn respond(&self, cx: &Cx, request: &Request, result: Result<Bytes, Failure>) -> Response {
        let mut response = match result {
            Ok(body) => Response::new(200, body),
            Err(mut failure) => {
                if self.dynamodb && cx.wording == Wording::Older && failure.code == self.validation {
                    let operation = self.operation(request).unwrap_or_default();
                    failure.message = wording::older(&failure.message, operation);
                }
                Response::new(failure.status, self.error_body(&failure))
            }
        };
        response.set("content-type", if self.version == "1.0" { JSON_1_0 } else { JSON_1_1 });
        match self.dynamodb {
            true => response.set("x-amzn-requestid", &cx.request_id.as_dynamodb()),
            false => response.set("x-amzn-requestid", &cx.request_id.to_string()),
        }
        compression::zip_answer(request, &mut response);
        if self.dynamodb {
            compression::sign(&mut response);
        }
        response
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        let mut writer = Writer::new();
        writer.begin_object();
        writer.member("__type", &self.error_type(&failure.code));
        if !failure.message.is_empty() {
            let key = if failure.code == "SerializationException" {
                "Message"
            } else {
                (self.message_key)(&failure.code)
            };
            writer.member(key, &failure.message);
        }
        for (name, value) in &failure.members {
            writer.key(name);
            writer.raw(value);
        }
        writer.end_object();
        writer.into_bytes()
    }

    /// The code with the package AWS puts before it: the framework's own errors are of the framework.
    fn error_type(&self, code: &str) -> String {
        match code {
            _ if !self.dynamodb => code.to_owned(),
            "ValidationException" => format!("com.amazon.coral.validate#{code}"),
            "SerializationException"
            | "UnknownOperationException"
            | "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException"
            | "UnsupportedMediaTypeException"
            | "NotImplemented" => format!("com.amazon.coral.service#{code}"),
            _ => format!("{}#{code}", self.namespace),
        }
    }
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

/// No such operation: AWS says the code and nothing more.
pub fn unknown_operation() -> Failure {
    Failure::client("UnknownOperationException", 400, "")
}
