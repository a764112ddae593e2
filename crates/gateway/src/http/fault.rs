//! The gateway's own answers in HTTP APIs: their statuses and words. Knows no request.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};

use crate::StageResponse;

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
}

impl HttpFault {
    pub(crate) fn answer(&self) -> StageResponse {
        let (status, text) = match self {
            Self::NotFound => (404, "Not Found"),
            Self::Unauthorized(_) => (401, "Unauthorized"),
            Self::Forbidden(_) => (403, "Forbidden"),
            Self::TooLarge => (413, "Request Entity Too Large"),
            Self::Throttled => (429, "Too Many Requests"),
            Self::Internal(_) => (500, "Internal Server Error"),
            Self::Timeout => (503, "Service Unavailable"),
            Self::Unsupported(what) => (500, *what),
        };
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
        StageResponse { status, headers, body: Bytes::from(body) }
    }
}
