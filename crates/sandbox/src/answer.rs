//! The answer of a function that streams it: each piece is passed on as it comes, or all are collected for a caller
//! who wants the whole. Whatever channel a runtime speaks on uses it. Knows no frames and no HTTP.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::fault;
use crate::outcome::{FunctionFault, StreamPiece};

/// How many bytes an answer may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerLimits {
    pub(crate) whole_bytes_max: usize,
    pub(crate) streamed_bytes_max: usize,
}

/// What became of one answer that comes in pieces; unused when a function gives its answer whole.
#[derive(Debug)]
pub(crate) struct Answer {
    to: Option<Sender<StreamPiece>>,
    collected: BytesMut,
    bytes: usize,
    bytes_max: usize,
    begun: bool,
    too_large: bool,
}

/// The reader has not taken a piece in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late;

impl Answer {
    pub(crate) fn new(to: Option<Sender<StreamPiece>>, limits: AnswerLimits) -> Self {
        let bytes_max = if to.is_some() { limits.streamed_bytes_max } else { limits.whole_bytes_max };
        Self { to, collected: BytesMut::new(), bytes: 0, bytes_max, begun: false, too_large: false }
    }

    /// Passes a piece on, waiting until `deadline` for a reader that is slow. A reader that has gone away does not
    /// stop the function: what it says is dropped, as on AWS.
    pub(crate) async fn push(&mut self, piece: StreamPiece, deadline: Instant) -> Result<(), Late> {
        self.begun = true;
        if let StreamPiece::Data(bytes) = &piece {
            self.bytes = self.bytes.saturating_add(bytes.len());
            self.too_large |= self.bytes > self.bytes_max;
            if self.too_large {
                return Ok(());
            }
            if self.to.is_none() {
                self.collected.extend_from_slice(bytes);
            }
        }
        let Some(to) = &self.to else { return Ok(()) };
        match tokio::time::timeout_at(deadline, to.send(piece)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Late),
        }
    }

    /// What came in pieces.
    pub(crate) fn bytes(&self) -> usize {
        if self.to.is_some() { self.bytes } else { 0 }
    }

    /// Whether pieces have been passed on: then what the invocation ends with comes after the first byte.
    pub(crate) fn is_passed_on(&self) -> bool {
        self.begun && self.to.is_some()
    }

    /// What a handler's success comes to: `whole` unless the answer came in pieces before.
    pub(crate) fn finish(&mut self, whole: Bytes) -> Result<Bytes, FunctionFault> {
        match (self.too_large, self.begun) {
            (true, _) => Err(fault::response_too_large(self.bytes_max)),
            (false, true) => Ok(std::mem::take(&mut self.collected).freeze()),
            (false, false) => Ok(whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    const LIMITS: AnswerLimits = AnswerLimits { whole_bytes_max: 4, streamed_bytes_max: 8 };

    fn data(text: &'static str) -> StreamPiece {
        StreamPiece::Data(Bytes::from_static(text.as_bytes()))
    }

    async fn told(to: Option<Sender<StreamPiece>>, pieces: &[&'static str]) -> Result<Bytes, String> {
        let mut answer = Answer::new(to, LIMITS);
        for piece in pieces {
            answer.push(data(piece), Instant::now()).await.unwrap();
        }
        answer
            .finish(Bytes::from_static(b"whole"))
            .map_err(|fault| String::from_utf8_lossy(&fault.body).into_owned())
    }

    #[tokio::test]
    async fn collects_for_who_wants_the_whole() {
        assert_eq!(told(None, &[]).await, Ok(Bytes::from_static(b"whole")));
        assert_eq!(told(None, &["ab", "cd"]).await, Ok(Bytes::from_static(b"abcd")));
        assert!(told(None, &["ab", "cd", "e"]).await.unwrap_err().contains("(4 bytes)"));
    }

    #[tokio::test]
    async fn passes_on_and_outlives_its_reader() {
        let (to, mut from) = mpsc::channel(8);
        assert!(told(Some(to), &["abcd", "efgh", "i"]).await.unwrap_err().contains("(8 bytes)"));
        assert_eq!((from.recv().await, from.recv().await), (Some(data("abcd")), Some(data("efgh"))));
        assert_eq!(from.recv().await, None);
        let (to, from) = mpsc::channel(1);
        drop(from);
        assert_eq!(told(Some(to), &["a", "b"]).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn waits_no_longer_than_the_deadline() {
        let (to, _from) = mpsc::channel(1);
        let mut answer = Answer::new(Some(to), LIMITS);
        assert_eq!(answer.push(data("a"), Instant::now()).await, Ok(()));
        assert_eq!(answer.push(data("b"), Instant::now()).await, Err(Late));
        assert!(answer.is_passed_on());
    }
}
