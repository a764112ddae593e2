//! What comes piece by piece: bodies and events that are not known whole when the answer begins. Knows no socket.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::Stream;

/// A stream in a box.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// A body in pieces.
pub type Pieces = BoxStream<Result<Bytes, Cut>>;

/// The answer ends here without being whole: the client must not take it for complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was cut off")]
pub struct Cut;

/// A stream as a member of an answer, which is plain data otherwise. Clones are handles to the same stream: who takes
/// it first has it.
pub struct Streamed<T>(Arc<Mutex<Option<BoxStream<T>>>>);

impl<T> Streamed<T> {
    pub fn new(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::pin(stream)))))
    }

    pub fn take(&self) -> Option<BoxStream<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Streamed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streamed")
    }
}

/// Equal is what is the same stream.
impl<T> PartialEq for Streamed<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
