//! What an integration may be, by AWS's rules. Pure; knows no store and calls nothing.

use crate::error::{GatewayError, Result};
use crate::rest::mapping;
use crate::rest::records::{ApiRecord, IntegrationRecord, IntegrationResponseRecord, MethodRecord};
use crate::rest::route::Verb;

pub(crate) const TIMEOUT_MS_DEFAULT: i32 = 29_000;
/// Of integrations that stream: a quarter of an hour.
const STREAM_TIMEOUT_MS_MAX: i32 = 900_000;
/// Of APIs that no CDN stands before, when their account's quota is raised as far as AWS raises it; here it is.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
const RAISED_TIMEOUT_MS_MAX: i32 = 300_000;

impl IntegrationRecord {
    /// Checks the whole integration after it was put or edited; `method` is the one it belongs to.
    pub(crate) fn check(&self, method: &MethodRecord) -> Result<()> {
        if self.kind != "MOCK" {
            self.check_method()?;
        }
        match self.kind.as_str() {
            "HTTP" | "HTTP_PROXY" => self.check_endpoint()?,
            "AWS" | "AWS_PROXY" => self.check_arn()?,
            _ => {}
        }
        if self.streams() && !matches!(self.kind.as_str(), "AWS_PROXY" | "HTTP_PROXY") {
            return Err(GatewayError::bad_request(
                "Response transfer mode STREAM is only supported for integrations of type AWS_PROXY and HTTP_PROXY",
            ));
        }
        if !["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"].contains(&self.passthrough_behavior.as_str()) {
            return Err(GatewayError::bad_request(
                "Invalid passthrough behavior specified. Must be one of [WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER]",
            ));
        }
        self.request_parameters
            .iter()
            .try_for_each(|(target, source)| mapping::check_request(method, target, source))
    }

    /// How long an integration of `api` may take.
    pub(crate) fn check_timeout(&self, api: &ApiRecord) -> Result<()> {
        let is_edge = api.endpoint_types.iter().any(|kind| kind == "EDGE");
        let timeout_ms_max = match self.streams() {
            true => STREAM_TIMEOUT_MS_MAX,
            false if is_edge => TIMEOUT_MS_DEFAULT,
            false => RAISED_TIMEOUT_MS_MAX,
        };
        if (50..=timeout_ms_max).contains(&self.timeout_ms) {
            return Ok(());
        }
        Err(GatewayError::bad_request(format!("Timeout should be between 50 ms and {timeout_ms_max} ms")))
    }

    /// Of definitions, where any word may stand for it.
    pub(crate) fn check_kind(&self) -> Result<()> {
        if ["HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY"].contains(&self.kind.as_str()) {
            return Ok(());
        }
        Err(GatewayError::bad_request(
            "Enumeration value for type must be one of [HTTP, MOCK, AWS_PROXY, AWS, HTTP_PROXY]",
        ))
    }

    fn check_method(&self) -> Result<()> {
        match self.http_method.as_deref() {
            None | Some("") => {
                Err(GatewayError::bad_request("Enumeration value for HttpMethod must be non-empty"))
            }
            Some(name) if Verb::from_name(name).is_none() => {
                Err(GatewayError::bad_request(format!("Invalid HttpMethod specified: {name}")))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_endpoint(&self) -> Result<()> {
        let uri = self.uri.as_deref().unwrap_or_default();
        let host = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
        let fits = host.is_some_and(|host| {
            host.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '{' | '['))
                && !host.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        if fits { Ok(()) } else { Err(GatewayError::bad_request("Invalid HTTP endpoint specified for URI")) }
    }

    fn check_arn(&self) -> Result<()> {
        let parts: Vec<&str> = self.uri.as_deref().unwrap_or_default().splitn(6, ':').collect();
        let ["arn", _, "apigateway", _, service, target] = parts[..] else {
            return Err(GatewayError::bad_request("Invalid ARN specified in the request"));
        };
        if !target.starts_with("path/") && !target.starts_with("action/") {
            return Err(GatewayError::bad_request("AWS ARN for integration must contain path or action"));
        }
        if self.kind == "AWS_PROXY" && !matches!(service, "lambda" | "firehose") {
            return Err(GatewayError::bad_request(
                "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream \
                 invocations.",
            ));
        }
        // Lambda's other operations are called like those of any service: by their paths.
        let invokes =
            target.ends_with("/invocations") || target.ends_with(STREAMED) || self.kind == "AWS_PROXY";
        let is_streamed = target.ends_with(STREAMED);
        if service == "lambda" && invokes && (function_of(target).is_none() || is_streamed != self.streams())
        {
            return Err(GatewayError::bad_request("Invalid function ARN or invalid uri"));
        }
        if (service != "lambda" || !invokes) && self.credentials.as_deref().is_none_or(str::is_empty) {
            return Err(GatewayError::bad_request("Role ARN must be specified for AWS integrations"));
        }
        Ok(())
    }

    /// Whether the answer is passed on as it comes.
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html>
    pub(crate) fn streams(&self) -> bool {
        self.response_transfer_mode.as_deref() == Some("STREAM")
    }

    /// The function that a Lambda integration names, stage variables not yet filled in: name, or ARN.
    pub(crate) fn function(&self) -> Option<&str> {
        function_in(self.uri.as_deref()?)
    }
}

/// The function that the URI of a Lambda integration or an authorizer names.
pub(crate) fn function_in(uri: &str) -> Option<&str> {
    let mut parts = uri.splitn(6, ':');
    let service = parts.nth(4)?;
    parts.next().filter(|_| service == "lambda").and_then(function_of)
}

/// How the URI of a function ends whose answer is streamed.
const STREAMED: &str = "/response-streaming-invocations";

/// `path/2015-03-31/functions/FUNCTION/invocations`, or the same for an answer that is streamed; AWS's own examples
/// sometimes have a slash more.
fn function_of(target: &str) -> Option<&str> {
    let path = target.strip_prefix("path/")?.trim_start_matches('/');
    let whole = || path.strip_prefix("2015-03-31/functions/")?.strip_suffix("/invocations");
    let streamed = || path.strip_prefix("2021-11-15/functions/")?.strip_suffix(STREAMED);
    let function = whole().or_else(streamed)?;
    (!function.is_empty()).then_some(function)
}

impl IntegrationResponseRecord {
    pub(crate) fn check(&self, method: &MethodRecord) -> Result<()> {
        self.response_parameters.iter().try_for_each(|(target, source)| {
            mapping::check_response(method, &self.status_code, target, source)
        })
    }
}
