//! The one place where an AWS error of this service is chosen.

use api::logs::errors;
use store::KvError;
use wire::Failure;

pub(crate) fn no_group() -> Failure {
    errors::resource_not_found("The specified log group does not exist.")
}

pub(crate) fn no_stream() -> Failure {
    errors::resource_not_found("The specified log stream does not exist.")
}

pub(crate) fn group_exists() -> Failure {
    errors::resource_already_exists("The specified log group already exists")
}

pub(crate) fn stream_exists() -> Failure {
    errors::resource_already_exists("The specified log stream already exists")
}

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    errors::invalid_parameter(message)
}

pub(crate) fn bad_token() -> Failure {
    errors::invalid_parameter("The specified nextToken is invalid.")
}

/// The cause is for the log, not for the caller.
pub(crate) fn store(error: KvError) -> Failure {
    if let KvError::Unavailable(_) | KvError::Contended = error {
        // The engine says once that the database is lost, and once that it is back.
        tracing::debug!(%error, "the database cannot serve this now");
        return Failure::unavailable();
    }
    tracing::error!(%error, "the log store failed");
    errors::service_unavailable("The service cannot complete the request.")
}

pub(crate) fn stopped() -> Failure {
    errors::service_unavailable("The service is shutting down.")
}
