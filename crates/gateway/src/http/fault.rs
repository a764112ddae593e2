//! The gateway's own answers in HTTP APIs: their statuses and words. Knows no request.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};

use crate::StageResponse;
use crate::steps::Blame;

/// Why the gateway answers instead of an integration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpFault {
    #[error("no such route or stage")]
    NotFound,
    /// With what a caller by a token is told of it.
    #[error("nobody is let in who is not known")]
    Unauthorized(Option<String>),
    #[error("the caller is not let in")]
    Forbidden(Option<String>),
    #[error("the request is too large")]
    TooLarge,
    #[error("the headers are too large")]
    HeadersTooLarge,
    #[error("too many requests")]
    Throttled,
    /// The configuration or the function cannot answer; the caller is told no more.
    #[error("internal: {0}")]
    Internal(String),
    /// The configuration asks for what this version does not do. Said to the caller, so that nobody searches long.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    #[error("the integration took too long")]
    Timeout,
    #[error("the integration cannot be reached: {0}")]
    Unreachable(String),
}

impl Blame for HttpFault {
    fn code(&self) -> &'static str {
        self.kind()
    }
}

impl HttpFault {
    fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Unauthorized(_) => 401,
            Self::Forbidden(_) => 403,
            Self::TooLarge => 413,
            Self::HeadersTooLarge => 431,
            Self::Throttled => 429,
            Self::Internal(_) | Self::Unsupported(_) => 500,
            Self::Timeout | Self::Unreachable(_) => 503,
        }
    }

    pub(crate) fn message(&self) -> &'static str {
        match self {
            Self::NotFound => "Not Found",
            Self::Unauthorized(_) => "Unauthorized",
            Self::Forbidden(_) => "Forbidden",
            Self::TooLarge => "Request Entity Too Large",
            Self::HeadersTooLarge => "Request Header Fields Too Large",
            Self::Throttled => "Too Many Requests",
            Self::Internal(_) => "Internal Server Error",
            Self::Timeout | Self::Unreachable(_) => "Service Unavailable",
            Self::Unsupported(what) => what,
        }
    }

    /// `$context.error.responseType`
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::Unauthorized(_) => "UNAUTHORIZED",
            Self::Forbidden(_) => "ACCESS_DENIED",
            Self::TooLarge | Self::HeadersTooLarge => "REQUEST_TOO_LARGE",
            Self::Throttled => "THROTTLED",
            Self::Internal(_) | Self::Unsupported(_) => "INTERNAL_SERVER_ERROR",
            Self::Timeout => "INTEGRATION_TIMEOUT",
            Self::Unreachable(_) => "INTEGRATION_NETWORK_FAILURE",
        }
    }

    /// What is between the gateway and the integration; none of what is between it and the caller.
    pub(crate) fn of_integration(&self) -> Option<String> {
        match self {
            Self::Internal(_) | Self::Unsupported(_) | Self::Timeout | Self::Unreachable(_) => {
                Some(self.to_string())
            }
            _ => None,
        }
    }

    pub(crate) fn answer(&self) -> StageResponse {
        let (status, text) = (self.status(), self.message());
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::Unauthorized(Some(told)) | Self::Forbidden(Some(told)) = self
            && let Ok(told) = HeaderValue::from_str(told)
        {
            headers.insert(WWW_AUTHENTICATE, told);
        }
        let body = match self {
            Self::Unsupported(_) => {
                format!(
                    r#"{{"message":"Rushlight does not support {text} of HTTP APIs (see docs/differences.md)"}}"#
                )
            }
            _ => format!(r#"{{"message":"{text}"}}"#),
        };
        StageResponse::new(status, headers, Bytes::from(body))
    }
}
