//! The gateway's own answers on the data plane: what AWS calls gateway responses. The one place where their
//! status, type and words are. Knows no request.

use std::borrow::Cow;

use api::apigateway::GatewayResponseType;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::StageResponse;
use crate::steps::Blame;

/// Why the gateway answers instead of an integration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no such route, or it wants a signature")]
    MissingAuthenticationToken,
    #[error("no such stage or nothing deployed")]
    Forbidden,
    #[error("no API key, or none that is taken")]
    InvalidApiKey,
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
    /// The authorizer cannot say whom to let in, as it is.
    #[error("authorizer: {0}")]
    Authorizer(String),
    /// Nor can it this time.
    #[error("authorizer: {0}")]
    AuthorizerFailure(String),
    /// The body is longer than it may be, unpacked or as a function would get it.
    #[error("the request is too large: {0}")]
    EventTooLarge(String),
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
    /// What is wrong with the body by the method's model, a list of complaints.
    #[error("the body is not what its model describes: {0}")]
    InvalidBody(String),
    /// Names of parameters that the method's validator wants.
    #[error("required parameters are missing: {0}")]
    MissingParameters(String),
    /// A template asked for JSON in a body that has none, or made none for a function; the text says what is wrong.
    #[error("{0}")]
    BadBody(String),
    /// The method's configuration cannot work; AWS says no more to the caller.
    #[error("configuration: {0}")]
    Configuration(String),
    /// The configuration asks for what this version does not do. Said to the caller, so that nobody searches long.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The function failed; what it said.
    #[error("Lambda execution failed with status 200 due to customer function error: {0}")]
    Function(String),
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

impl Blame for Fault {
    fn code(&self) -> &'static str {
        self.kind().as_str()
    }
}

impl Fault {
    fn status(&self) -> u16 {
        match self {
            Self::Unauthorized | Self::TokenExpired => 401,
            Self::MissingAuthenticationToken
            | Self::Forbidden
            | Self::InvalidApiKey
            | Self::AccessDenied(_)
            | Self::Signature { .. } => 403,
            Self::BadBody(_) | Self::InvalidBody(_) | Self::MissingParameters(_) => 400,
            Self::EventTooLarge(_) => 413,
            Self::UnsupportedMediaType => 415,
            Self::Throttled | Self::QuotaExceeded => 429,
            Self::HeadersTooLarge => 431,
            Self::Loop(_) => 508,
            Self::Authorizer(_)
            | Self::AuthorizerFailure(_)
            | Self::Configuration(_)
            | Self::Unsupported(_)
            | Self::Internal(_) => 500,
            Self::BadGateway(_) | Self::Function(_) => 502,
            Self::Timeout | Self::Network(_) => 504,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Forbidden | Self::InvalidApiKey => "ForbiddenException",
            Self::Unauthorized | Self::TokenExpired => "UnauthorizedException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::Signature { code, .. } => code,
            Self::Authorizer(_) => "AuthorizerConfigurationException",
            Self::AuthorizerFailure(_) => "AuthorizerFailureException",
            Self::HeadersTooLarge => "RequestTooLargeException",
            Self::Throttled => "TooManyRequestsException",
            Self::QuotaExceeded => "LimitExceededException",
            Self::UnsupportedMediaType => "UnsupportedMediaTypeException",
            Self::BadBody(_) | Self::InvalidBody(_) | Self::MissingParameters(_) | Self::EventTooLarge(_) => {
                "BadRequestException"
            }
            Self::Timeout | Self::Network(_) | Self::Loop(_) => "InternalServerErrorException",
            Self::Configuration(_)
            | Self::Unsupported(_)
            | Self::BadGateway(_)
            | Self::Function(_)
            | Self::Internal(_) => "InternalServerErrorException",
        }
    }

    /// Which gateway response speaks for it.
    pub(crate) fn kind(&self) -> GatewayResponseType {
        use GatewayResponseType as Type;
        match self {
            Self::MissingAuthenticationToken => Type::MissingAuthenticationToken,
            Self::InvalidApiKey => Type::InvalidApiKey,
            // `EXPIRED_TOKEN`, a 403, is of the tokens of signatures.
            Self::Unauthorized | Self::TokenExpired => Type::Unauthorized,
            Self::AccessDenied(_) => Type::AccessDenied,
            Self::Signature { .. } => Type::InvalidSignature,
            Self::Authorizer(_) => Type::AuthorizerConfigurationError,
            Self::AuthorizerFailure(_) => Type::AuthorizerFailure,
            Self::EventTooLarge(_) => Type::RequestTooLarge,
            Self::Throttled => Type::Throttled,
            Self::QuotaExceeded => Type::QuotaExceeded,
            Self::UnsupportedMediaType => Type::UnsupportedMediaType,
            Self::BadBody(_) | Self::InvalidBody(_) => Type::BadRequestBody,
            Self::MissingParameters(_) => Type::BadRequestParameters,
            Self::Configuration(_) => Type::ApiConfigurationError,
            Self::Timeout => Type::IntegrationTimeout,
            Self::Network(_) => Type::IntegrationFailure,
            Self::Forbidden | Self::HeadersTooLarge => Type::Default4xx,
            Self::Loop(_)
            | Self::Unsupported(_)
            | Self::BadGateway(_)
            | Self::Function(_)
            | Self::Internal(_) => Type::Default5xx,
        }
    }

    /// What the caller is told.
    pub(crate) fn message(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match self {
            Self::MissingAuthenticationToken => "Missing Authentication Token",
            Self::Forbidden | Self::InvalidApiKey => "Forbidden",
            Self::Unauthorized => "Unauthorized",
            Self::TokenExpired => "The incoming token has expired",
            Self::AccessDenied(text) | Self::BadBody(text) => text,
            Self::Signature { message, .. } => message,
            Self::Authorizer(_) | Self::AuthorizerFailure(_) => return None,
            Self::EventTooLarge(_) => "Request Too Long",
            Self::HeadersTooLarge => "Request Header Fields Too Large",
            Self::Loop(_) => "Loop Detected",
            Self::Throttled => "Too Many Requests",
            Self::QuotaExceeded => "Limit Exceeded",
            Self::UnsupportedMediaType => "Unsupported Media Type",
            Self::Configuration(_) | Self::BadGateway(_) | Self::Function(_) | Self::Internal(_) => {
                "Internal server error"
            }
            Self::InvalidBody(_) => "Invalid request body",
            Self::MissingParameters(names) => {
                return Some(Cow::Owned(format!("Missing required request parameters: [{names}]")));
            }
            Self::Timeout => "Endpoint request timed out",
            Self::Network(_) => "Network error communicating with endpoint",
            Self::Unsupported(what) => {
                let text = format!("Rushlight does not support {what} (see docs/differences.md)");
                return Some(Cow::Owned(text));
            }
        }))
    }

    /// What `$context.error.validationErrorString` is.
    pub(crate) fn validation_error(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::InvalidBody(complaints) => Some(Cow::Borrowed(complaints)),
            Self::MissingParameters(_) => self.message(),
            _ => None,
        }
    }

    /// The body, byte for byte: AWS writes some of them with a space and some without.
    fn body(&self) -> Bytes {
        let Some(text) = self.message() else { return Bytes::from_static(br#"{"message":null}"#) };
        match self {
            Self::AccessDenied(_) => said("Message", &text),
            Self::UnsupportedMediaType
            | Self::Configuration(_)
            | Self::BadGateway(_)
            | Self::Function(_)
            | Self::Internal(_)
            | Self::Timeout
            | Self::Network(_)
            | Self::InvalidBody(_)
            | Self::MissingParameters(_)
            | Self::EventTooLarge(_)
            | Self::BadBody(_) => spaced(&text),
            _ => said("message", &text),
        }
    }

    pub(crate) fn answer(&self) -> StageResponse {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.error_type()));
        StageResponse::new(self.status(), headers, self.body())
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
