//! The one place where Lambda chooses an AWS error code and its words. Knows no operation's logic.

use api::lambda::errors;
use base::Scope;
use ports::{InvokeError, ObjectError};
use store::KvError;
use wire::Failure;

use crate::name::{FUNCTION_NAME_MAX, FunctionRef, NameError};
use crate::package::PackageError;

/// AWS marks errors that the caller can mend so; SDKs show it.
fn user(failure: Failure) -> Failure {
    failure.with("Type", &b"\"User\""[..])
}

pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    user(errors::invalid_parameter_value(message))
}

/// AWS's model allows the length of an ARN; a name alone may be shorter only.
pub(crate) fn name_too_long(name: &str) -> Failure {
    invalid(format!(
        "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: Member must \
         have length less than or equal to {FUNCTION_NAME_MAX}"
    ))
}

pub(crate) fn not_found(message: impl Into<String>) -> Failure {
    user(errors::resource_not_found(message))
}

/// Where AWS does not say whose fault it is.
pub(crate) fn missing(message: impl Into<String>) -> Failure {
    errors::resource_not_found(message)
}

pub(crate) fn signing_config_not_found(arn: &str) -> Failure {
    user(errors::code_signing_config_not_found(format!(
        "The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}."
    )))
}

pub(crate) fn conflict(message: impl Into<String>) -> Failure {
    user(errors::resource_conflict(message))
}

pub(crate) fn function_not_found(reference: &FunctionRef<'_>) -> Failure {
    not_found(format!("Function not found: {}", reference.qualified_arn()))
}

pub(crate) fn not_provisioned() -> Failure {
    user(errors::provisioned_concurrency_config_not_found(
        "No Provisioned Concurrency Config found for this function",
    ))
}

/// Where AWS says only this: policies and event source mappings.
pub(crate) fn resource_not_found() -> Failure {
    not_found("The resource you requested does not exist.")
}

pub(crate) fn invalid_principal() -> Failure {
    invalid("The provided principal was invalid. Please check the principal and try again.")
}

pub(crate) fn no_policy() -> Failure {
    not_found("No policy is associated with the given resource.")
}

pub(crate) fn stale_revision(operation: &str) -> Failure {
    user(errors::precondition_failed(format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {operation} API to retrieve \
         the latest Revision Id"
    )))
}

pub(crate) fn policy_too_long(bytes: usize, max: usize) -> Failure {
    user(errors::policy_length_exceeded(format!(
        "The final policy size ({bytes}) is bigger than the limit ({max})."
    )))
}

pub(crate) fn request_too_large(max: usize, operation: &str) -> Failure {
    let message = format!("Request must be smaller than {max} bytes for the {operation} operation");
    user(Failure::client("RequestEntityTooLargeException", 413, message))
}

pub(crate) fn zip_too_large(max: usize) -> Failure {
    let message = format!("Zipped size must be smaller than {max} bytes");
    Failure::client("RequestEntityTooLargeException", 413, message)
}

/// An object of a bucket that cannot be had, as AWS tells it.
pub(crate) fn object(error: &ObjectError) -> Failure {
    let code = match error {
        ObjectError::NoSuchBucket => "NoSuchBucket",
        ObjectError::NoSuchKey => "NoSuchKey",
        ObjectError::Refused(_) => "InvalidArgument",
        ObjectError::TooMany(_) | ObjectError::Failed(_) => {
            return internal("read a package's object", error);
        }
    };
    invalid(format!("Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {error}"))
}

/// A folder keeps one version of an object.
pub(crate) fn no_such_object_version() -> Failure {
    invalid(
        "Error occurred while GetObject. S3 Error Code: NoSuchVersion. S3 Error Message: The specified version does \
         not exist.",
    )
}

/// What another account's policy does not allow; `who` is the account that asks.
pub(crate) fn access_denied(who: &Scope, action: &str, resource: &str) -> Failure {
    let (partition, account) = (who.region.partition(), &who.account);
    errors::access_denied(format!(
        "User: arn:{partition}:iam::{account}:root is not authorized to perform: {action} on resource: {resource} \
         because no resource-based policy allows the {action} action"
    ))
}

/// Something AWS does and this server does not (yet): refused by name rather than silently left out.
pub(crate) fn unsupported(what: &str) -> Failure {
    invalid(format!("{what} is not supported by Rushlight yet (see docs/differences.md)"))
}

pub(crate) fn name(error: NameError) -> Failure {
    match error {
        NameError::Malformed(_) | NameError::QualifierConflict => invalid(error.to_string()),
        NameError::OtherRegion { .. } => not_found(error.to_string()),
    }
}

pub(crate) fn package(error: PackageError) -> Failure {
    match error {
        PackageError::Empty => invalid("Uploaded file must be a non-empty zip"),
        PackageError::TooLarge { max } => invalid(format!("Unzipped size must be smaller than {max} bytes")),
        PackageError::Broken(_) | PackageError::Escapes(_) | PackageError::TooManyEntries { .. } => {
            tracing::info!(%error, "package refused");
            invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
        }
        PackageError::Io(error) => internal("unpack a package", &error),
    }
}

pub(crate) fn store(error: &KvError) -> Failure {
    if let KvError::Unavailable(_) | KvError::Contended | KvError::Conflict(_) = error {
        // The engine says once that the database is lost, and once that it is back.
        tracing::debug!(%error, "the database cannot serve this now");
        return Failure::unavailable();
    }
    internal("use the store", error)
}

/// The cause is for the log; the caller cannot mend it.
pub(crate) fn internal(doing: &str, error: &dyn std::fmt::Display) -> Failure {
    tracing::error!(%error, "could not {doing}");
    let message = "An error occurred and the request cannot be processed.";
    errors::service(message).with("Type", &b"\"Service\""[..])
}

/// An invocation that did not run, as the Invoke operation answers it.
pub(crate) fn invoke(error: InvokeError) -> Failure {
    match error {
        InvokeError::NotFound(message) => not_found(message),
        InvokeError::AccessDenied(message) => errors::access_denied(message),
        InvokeError::Throttled(reason) => user(errors::too_many_requests("Rate Exceeded."))
            .with("Reason", format!("\"{reason}\"").into_bytes()),
        InvokeError::TooLarge(message) => {
            user(Failure::client("RequestEntityTooLargeException", 413, message))
        }
        InvokeError::BadPayload(message) => user(errors::invalid_request_content(message)),
        InvokeError::Unavailable(message) => user(errors::invalid_runtime(message)),
        InvokeError::Internal(message) => internal("invoke", &message),
    }
}

/// For a callback whose answer came too late, or twice.
pub(crate) fn callback_over() -> Failure {
    user(errors::callback_timeout("Callback has already timed out or been completed"))
}

pub(crate) fn execution_started(name: &str) -> Failure {
    user(errors::durable_execution_already_started(format!(
        "Durable execution with name {name} already exists with a different payload."
    )))
}

/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>
pub(crate) fn recursive_invocation() -> Failure {
    user(errors::recursive_invocation(
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped \
         your function's invocation.",
    ))
}

pub(crate) fn resource_in_use(message: &str) -> Failure {
    user(errors::resource_in_use(message))
}
