//! What an error of the driver or the database means for us. The one place where SQLSTATEs are read.

use kv::KvError;
use tokio_postgres::{Error, error::SqlState};

/// Why a statement or a transaction did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A guard failed: a division by zero, or a row that was to be absent. Nothing was written.
    Guard,
    /// An addition met a row that is no counter. Nothing was written.
    NotACounter,
    /// The database chose this transaction to make way for others. Nothing was written; trying again is right.
    Again,
    Store(KvError),
}

impl Failure {
    pub(crate) fn of(error: Error) -> Self {
        let Some(database) = error.as_db_error() else {
            return Self::Store(KvError::Unavailable(text(&error)));
        };
        let code = database.code();
        match code {
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Self::Again,
            &SqlState::DIVISION_BY_ZERO | &SqlState::UNIQUE_VIOLATION => Self::Guard,
            &SqlState::ARRAY_ELEMENT_ERROR => Self::NotACounter,
            // Connection, resources, an operator's or a timeout's hand, the system below, a standby that only reads.
            code if ["08", "53", "57", "58"].contains(&&code.code()[..2])
                || *code == SqlState::READ_ONLY_SQL_TRANSACTION =>
            {
                Self::Store(KvError::Unavailable(text(&error)))
            }
            _ => Self::Store(KvError::Engine(text(&error).into())),
        }
    }
}

/// Where no guard was: only what the caller may be told.
impl From<Failure> for KvError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Guard | Failure::NotACounter | Failure::Again => {
                KvError::Unavailable("the database gave way to other transactions again and again".to_owned())
            }
        }
    }
}

/// The error with its causes; the driver's own text names only the kind.
pub(crate) fn text(error: &Error) -> String {
    let mut text = match error.as_db_error() {
        Some(database) => return format!("{} ({})", database.message(), database.code().code()),
        None => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
