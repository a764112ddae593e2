//! The gateway's own answers on the data plane: what AWS calls gateway responses. The one place where their
//! status, type and words are. Knows no request.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::StageResponse;

/// Why the gateway answers instead of an integration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no such route, or it wants a signature")]
    MissingAuthenticationToken,
    #[error("no such stage or nothing deployed, or no API key")]
    Forbidden,
    /// No token, or one that says nobody.
    #[error("no identity, or none that is taken")]
    Unauthorized,
    #[error("the token has expired")]
    TokenExpired,
    /// A policy does not let the caller in; the text is AWS's.
    #[error("{0}")]
    AccessDenied(String),
    /// A signature that cannot be one.
    #[error("{message}")]
    Signature { code: &'static str, message: String },
    /// The authorizer cannot say whom to let in.
    #[error("authorizer: {0}")]
    Authorizer(String),
    #[error("the request is too large")]
    TooLarge,
    #[error("the headers are too large")]
    HeadersTooLarge,
    /// The request came round to this server again and again.
    #[error("a loop: the request went through {0} gateways")]
    Loop(u32),
    #[error("more requests than the plan or the stage lets through")]
    Throttled,
    #[error("the quota of the usage plan is used up")]
    QuotaExceeded,
    #[error("no template for the request's media type")]
    UnsupportedMediaType,
    /// A template asked for JSON in a body that has none, or made none for a function; the text says what is wrong.
    #[error("{0}")]
    BadBody(String),
    /// The method's configuration cannot work; AWS says no more to the caller.
    #[error("configuration: {0}")]
    Configuration(String),
    /// The configuration asks for what this version does not do. Said to the caller, so that nobody searches long.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The integration answered what the gateway cannot pass on.
    #[error("bad answer of the integration: {0}")]
    BadGateway(String),
    #[error("the integration took too long")]
    Timeout,
    #[error("the integration cannot be reached: {0}")]
    Network(String),
    #[error("internal: {0}")]
    Internal(String),
}

impl Fault {
    fn status(&self) -> u16 {
        match self {
            Self::Unauthorized | Self::TokenExpired => 401,
            Self::MissingAuthenticationToken
            | Self::Forbidden
            | Self::AccessDenied(_)
            | Self::Signature { .. } => 403,
            Self::BadBody(_) => 400,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Throttled | Self::QuotaExceeded => 429,
            Self::HeadersTooLarge => 431,
            Self::Loop(_) => 508,
            Self::Authorizer(_) | Self::Configuration(_) | Self::Unsupported(_) | Self::Internal(_) => 500,
            Self::BadGateway(_) => 502,
            Self::Timeout | Self::Network(_) => 504,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Forbidden => "ForbiddenException",
            Self::Unauthorized | Self::TokenExpired => "UnauthorizedException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::Signature { code, .. } => code,
            Self::Authorizer(_) => "AuthorizerConfigurationException",
            Self::TooLarge | Self::HeadersTooLarge => "RequestTooLargeException",
            Self::Throttled => "TooManyRequestsException",
            Self::QuotaExceeded => "LimitExceededException",
            Self::UnsupportedMediaType => "UnsupportedMediaTypeException",
            Self::BadBody(_) => "BadRequestException",
            Self::Timeout | Self::Network(_) | Self::Loop(_) => "InternalServerErrorException",
            Self::Configuration(_) | Self::Unsupported(_) | Self::BadGateway(_) | Self::Internal(_) => {
                "InternalServerErrorException"
            }
        }
    }

    /// The body, byte for byte: AWS writes some of them with a space and some without.
    fn body(&self) -> Bytes {
        Bytes::from_static(match self {
            Self::MissingAuthenticationToken => br#"{"message":"Missing Authentication Token"}"#,
            Self::Forbidden => br#"{"message":"Forbidden"}"#,
            Self::Unauthorized => br#"{"message":"Unauthorized"}"#,
            Self::TokenExpired => br#"{"message":"The incoming token has expired"}"#,
            Self::AccessDenied(text) => return said("Message", text),
            Self::Signature { message, .. } => return said("message", message),
            Self::Authorizer(_) => br#"{"message":null}"#,
            Self::TooLarge => br#"{"message":"Request Too Long"}"#,
            Self::HeadersTooLarge => br#"{"message":"Request Header Fields Too Large"}"#,
            Self::Loop(_) => br#"{"message":"Loop Detected"}"#,
            Self::Throttled => br#"{"message":"Too Many Requests"}"#,
            Self::QuotaExceeded => br#"{"message":"Limit Exceeded"}"#,
            Self::UnsupportedMediaType => br#"{"message": "Unsupported Media Type"}"#,
            Self::Configuration(_) | Self::BadGateway(_) | Self::Internal(_) => {
                br#"{"message": "Internal server error"}"#
            }
            Self::Timeout => br#"{"message": "Endpoint request timed out"}"#,
            Self::Network(_) => br#"{"message": "Network error communicating with endpoint"}"#,
            Self::BadBody(what) => return spaced(what),
            Self::Unsupported(what) => {
                return said(
                    "message",
                    &format!("Rushlight does not support {what} (see docs/differences.md)"),
                );
            }
        })
    }

    pub(crate) fn answer(&self) -> StageResponse {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.error_type()));
        StageResponse { status: self.status(), headers, body: self.body() }
    }
}

/// A message as AWS writes those of bodies: behind a space.
fn spaced(text: &str) -> Bytes {
    let mut writer = wire::json::Writer::new();
    writer.string(text);
    [b"{\"message\": ", &*writer.into_bytes(), b"}"].concat().into()
}

/// A body made for the occasion.
fn said(key: &str, text: &str) -> Bytes {
    let mut writer = wire::json::Writer::new();
    writer.begin_object();
    writer.key(key);
    writer.string(text);
    writer.end_object();
    writer.into_bytes()
}
