//! What a transaction decides, as the engines see it: one type for all decisions, so that an engine is compiled once and
//! not for each of them. Knows no engine.

use crate::{Batch, Entry, Seq, TransactError};

/// Looks at the rows that were asked for and makes a batch, or none when it refuses. Its answer it keeps to itself.
pub type Decision<'a> = dyn FnMut(&[Option<Entry>]) -> Option<Batch> + Send + 'a;

/// What was answered beside the batch, the last time that it was decided.
#[derive(Debug)]
pub struct Answer<T, E>(Option<Result<T, E>>);

impl<T, E> Default for Answer<T, E> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T, E> Answer<T, E> {
    /// The half of a decision that is the engine's.
    pub fn keep(&mut self, decided: Result<(Batch, T), E>) -> Option<Batch> {
        let (batch, answer) = match decided {
            Ok((batch, answer)) => (Some(batch), Ok(answer)),
            Err(refusal) => (None, Err(refusal)),
        };
        self.0 = Some(answer);
        batch
    }

    /// The other half, with the number under which the batch was committed; none of a refusal.
    ///
    /// # Panics
    /// When the engine commits what was not decided, or does not commit what was.
    pub fn with(self, committed: Option<Seq>) -> Result<(T, Seq), TransactError<E>> {
        match self.0.expect("an engine asks for a decision before it answers") {
            Ok(answer) => Ok((answer, committed.expect("what is decided is committed or an error"))),
            Err(refusal) => Err(TransactError::Refused(refusal)),
        }
    }
}
