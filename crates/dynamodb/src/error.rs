//! The one place where an AWS error code is chosen, and the one table of what DynamoDB's errors say.
//! Knows neither tables nor the store's layout.

use std::borrow::Cow;

use bytes::Bytes;
use item::Item;
use store::KvError;
use wire::Failure;
use wire::json::{WriteJson, Writer};

use crate::throttle::Throttled;
use crate::transaction::{self, Reason};

/// Why an operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Validation(Cow<'static, str>),
    /// An empty value for a key. Transactions tell of it before they begin, of other misfits as a reason.
    #[error("{0}")]
    EmptyKey(String),
    #[error("{0}")]
    NotFound(String),
    /// The operations on backups name a missing table in their own way.
    #[error("Table not found: {0}")]
    TableNotFound(String),
    #[error("{0}")]
    PolicyNotFound(String),
    #[error("{0}")]
    GlobalTableNotFound(String),
    #[error("{0}")]
    InUse(String),
    #[error("{0}")]
    Limit(String),
    /// With the item as it stood, if the request asked for it.
    #[error("The conditional request failed")]
    ConditionFailed(Option<Box<Item>>),
    /// The capacity of a table or index is used up.
    #[error("{0}")]
    Throttled(Box<Throttled>),
    /// Of an INSERT.
    #[error("Duplicate primary key exists in table")]
    DuplicateItem,
    /// Others wrote the same item again and again.
    #[error("Transaction is ongoing for the item")]
    Conflict,
    #[error("Collection size exceeded")]
    CollectionSize,
    /// Of each action of a transaction.
    #[error("{}", transaction::summary(.0))]
    Cancelled(Vec<Reason>),
    #[error("The request uses a client request token of a previous request with different parameters")]
    TokenReused,
    #[error("The data you are trying to access has been trimmed")]
    Trimmed,
    #[error("Iterator expired. The iterator was created more than 15 minutes ago")]
    ExpiredIterator,
    /// Another node may have changed the table since this one last looked.
    #[error("the catalogue of this node is out of date")]
    Outdated,
    /// An error of the model that few operations answer.
    #[error("{}", .0.message)]
    Shaped(Box<Failure>),
    #[error(transparent)]
    Store(#[from] KvError),
    /// Stored bytes that do not decode. The text is for the log.
    #[error("{0}")]
    Corrupt(String),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Of what belongs to another account, whether it is there or not.
    pub(crate) fn access_denied() -> Self {
        Self::shaped(wire::Failure::client("AccessDeniedException", 400, "Access is denied"))
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Validation(message.into())
    }

    pub(crate) fn shaped(failure: Failure) -> Self {
        Self::Shaped(Box::new(failure))
    }

    /// `One or more parameter values were invalid: ...`
    pub(crate) fn parameter(message: impl std::fmt::Display) -> Self {
        Self::Validation(format!("One or more parameter values were invalid: {message}").into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Validation(_) | Error::EmptyKey(_) => Self::client("ValidationException", 400, message),
            Error::NotFound(_) => Self::client("ResourceNotFoundException", 400, message),
            Error::TableNotFound(_) => Self::client("TableNotFoundException", 400, message),
            Error::PolicyNotFound(_) => Self::client("PolicyNotFoundException", 400, message),
            Error::GlobalTableNotFound(_) => Self::client("GlobalTableNotFoundException", 400, message),
            Error::InUse(_) => Self::client("ResourceInUseException", 400, message),
            Error::Limit(_) => Self::client("LimitExceededException", 400, message),
            Error::Trimmed => Self::client("TrimmedDataAccessException", 400, message),
            Error::Shaped(failure) => *failure,
            Error::ExpiredIterator => Self::client("ExpiredIteratorException", 400, message),
            Error::ConditionFailed(item) => {
                let failure = Self::client("ConditionalCheckFailedException", 400, message);
                match item {
                    Some(item) => failure.with("Item", item_json(&item)),
                    None => failure,
                }
            }
            Error::Throttled(throttled) => {
                let (code, member) = throttled.exception();
                Self::client(code, 400, message).with(member, throttled.reasons())
            }
            Error::DuplicateItem => Self::client("DuplicateItemException", 400, message),
            Error::Outdated => Self::unavailable(),
            Error::CollectionSize => Self::client("ItemCollectionSizeLimitExceededException", 400, message),
            Error::Cancelled(reasons) => Self::client("TransactionCanceledException", 400, message)
                .with("CancellationReasons", reasons_json(&reasons)),
            Error::TokenReused => Self::client("IdempotentParameterMismatchException", 400, message),
            Error::Conflict => Self::client("TransactionConflictException", 400, message),
            Error::Store(error @ (KvError::Unavailable(_) | KvError::Contended)) => {
                // The engine says once that the database is lost, and once that it is back.
                tracing::debug!(%error, "the database cannot serve this now");
                Self::unavailable()
            }
            Error::Store(cause) => {
                tracing::error!(%cause, "the store failed");
                Self::internal("Internal server error")
            }
            Error::Corrupt(cause) => {
                tracing::error!(%cause, "a stored record does not decode");
                Self::internal("Internal server error")
            }
        }
    }
}

fn reasons_json(reasons: &[Reason]) -> Bytes {
    let mut writer = Writer::new();
    writer.begin_array();
    for reason in reasons {
        writer.begin_object();
        writer.member("Code", reason.code);
        if let Some(message) = &reason.message {
            writer.member("Message", message);
        }
        if let Some(item) = &reason.item {
            writer.key("Item");
            item.write_json(&mut writer);
        }
        writer.end_object();
    }
    writer.end_array();
    writer.into_bytes()
}

fn item_json(item: &Item) -> Bytes {
    let mut writer = Writer::new();
    item.write_json(&mut writer);
    writer.into_bytes()
}

/// The words that more than one operation says.
pub(crate) mod text {
    pub(crate) const NO_RESOURCE: &str = "Requested resource not found";
    pub(crate) const KEY_SCHEMA: &str = "The provided key element does not match the schema";
    pub(crate) const STARTING_KEY: &str = "The provided starting key is invalid";
    pub(crate) const STARTING_KEY_OUTSIDE: &str =
        "The provided starting key is outside query boundaries based on provided conditions";
    pub(crate) const ITEM_SIZE: &str = "Item size has exceeded the maximum allowed size";
    pub(crate) const ITEM_SIZE_UPDATED: &str = "Item size to update has exceeded the maximum allowed size";
    pub(crate) const DUPLICATE_KEYS: &str = "Provided list of item keys contains duplicates";
    pub(crate) const TRANSACTION_SIZE: &str = "Transaction payload size cannot exceed 4194304 bytes";
    pub(crate) const CONSISTENT_INDEX: &str =
        "Consistent reads are not supported on global secondary indexes";

    pub(crate) fn no_table(name: &str) -> String {
        format!("{NO_RESOURCE}: Table: {name} not found")
    }
}

/// What the operations on global tables say. Those of the version of 2017 cannot be made any more, and a table here has
/// no replicas of the later one.
pub(crate) mod global {
    use super::Error;

    pub(crate) fn version_2017() -> Error {
        Error::parameter(
            "DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables \
             version 2019.11.21, instead of version 2017.11.29 (Legacy).",
        )
    }

    pub(crate) fn missing(name: &str) -> String {
        format!("Global table with name: '{name}' does not exist.")
    }

    pub(crate) fn none(name: &str) -> Error {
        Error::GlobalTableNotFound(missing(name))
    }

    pub(crate) fn described_none(name: &str) -> Error {
        Error::GlobalTableNotFound(format!("Global table not found: {}", missing(name)))
    }
}
