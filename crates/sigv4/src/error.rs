//! Signatures that cannot be read or are not good, in AWS's words. Knows no protocol: the caller chooses the envelope.

use std::fmt;

/// Why a request's signature cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureError {
    /// No signature at all, where one is required.
    Missing,
    /// A signature that lacks a part.
    Incomplete(String),
    /// A signature that contradicts itself, is not of its time, or is not what its secret makes of the request.
    Invalid(String),
    /// An access key that is not known.
    Unrecognized,
}

impl SignatureError {
    /// The error code without the `Exception` that JSON protocols append.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationToken",
            Self::Incomplete(_) => "IncompleteSignature",
            Self::Invalid(_) => "InvalidSignature",
            Self::Unrecognized => "UnrecognizedClient",
        }
    }

    /// The same with it.
    pub fn exception(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Invalid(_) => "InvalidSignatureException",
            Self::Unrecognized => "UnrecognizedClientException",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Request is missing Authentication Token"),
            Self::Unrecognized => f.write_str("The security token included in the request is invalid."),
            Self::Incomplete(message) | Self::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for SignatureError {}
