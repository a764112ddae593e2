//! Why an operation of the control plane fails: the one place where an AWS error code is chosen.

use std::fmt::Display;

use api::apigateway::errors;
use store::{KvError, TransactError};
use wire::Failure;

/// A refusal of the control plane, in AWS's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    LimitExceeded(String),
    #[error(transparent)]
    Store(#[from] KvError),
    /// A stored record that cannot be read.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
}

pub(crate) type Result<T> = std::result::Result<T, GatewayError>;

impl GatewayError {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest(message.into())
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(message.into())
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::LimitExceeded(message.into())
    }

    pub(crate) fn no_api(account: impl Display, api_id: &str) -> Self {
        Self::NotFound(format!("Invalid API identifier specified {account}:{api_id}"))
    }

    pub(crate) fn no_resource() -> Self {
        Self::NotFound("Invalid Resource identifier specified".into())
    }

    pub(crate) fn no_method() -> Self {
        Self::NotFound("Invalid Method identifier specified".into())
    }

    pub(crate) fn no_integration() -> Self {
        Self::NotFound("Invalid Integration identifier specified".into())
    }

    /// No method response, or no integration response, of this status code.
    pub(crate) fn no_response() -> Self {
        Self::NotFound("Invalid Response status code specified".into())
    }

    pub(crate) fn no_deployment() -> Self {
        Self::NotFound("Invalid Deployment identifier specified".into())
    }

    pub(crate) fn no_stage() -> Self {
        Self::NotFound("Invalid stage identifier specified".into())
    }

    pub(crate) fn bad_mapping(what: impl Display) -> Self {
        Self::BadRequest(format!(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [{what}]"
        ))
    }
}

impl From<TransactError<GatewayError>> for GatewayError {
    fn from(error: TransactError<GatewayError>) -> Self {
        match error {
            TransactError::Refused(refusal) => refusal,
            TransactError::Store(error) => Self::Store(error),
        }
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::NotFound(message) => errors::not_found(message),
            GatewayError::BadRequest(message) => errors::bad_request(message),
            GatewayError::Conflict(message) => errors::conflict(message),
            GatewayError::LimitExceeded(message) => errors::limit_exceeded(message),
            GatewayError::Store(error @ (KvError::Unavailable(_) | KvError::Contended)) => {
                // The engine says once that the database is lost, and once that it is back.
                tracing::debug!(%error, "the database cannot serve this now");
                Failure::unavailable()
            }
            GatewayError::Store(error) => {
                tracing::error!(%error, "the store refused an operation of API Gateway");
                errors::service_unavailable("The store cannot serve this request; see the server's log")
            }
            error @ GatewayError::Damaged(_) => {
                tracing::error!(%error, "API Gateway");
                Failure::internal("A stored record cannot be read; see the server's log")
            }
        }
    }
}
