//! Invocations whose answer is given as it comes. Knows no request and no encoding: what becomes of the pieces is the
//! caller's.

use std::sync::Arc;

use futures_util::stream;
use ports::{InvokeAnswer, InvokeError, InvokePiece, InvokePieces, InvokeReply, InvokeStream};
use sandbox::StreamPiece;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::runner::{Hearers, Run, Runner};

/// Pieces under way to a reader: enough that both sides seldom wait, and no more memory than one small answer.
const PIECES_MAX: usize = 16;

type Running = JoinHandle<Result<InvokeReply, InvokeError>>;

impl Runner {
    /// Returns when the function has begun to stream, or has answered whole. It runs on when its caller goes away, as
    /// on AWS.
    pub(crate) async fn run_streamed(self: &Arc<Self>, run: Run) -> Result<InvokeAnswer, InvokeError> {
        let (to, mut from) = mpsc::channel(PIECES_MAX);
        let (runner, executed_version) = (Arc::clone(self), run.version.text.clone());
        let running =
            tokio::spawn(
                async move { runner.run_to(run, Hearers { stream: Some(to), answered: None }).await },
            );
        match from.recv().await {
            None => end(running).await.map(InvokeAnswer::Whole),
            Some(StreamPiece::Head { content_type }) => {
                let pieces = pieces(from, running);
                Ok(InvokeAnswer::Streamed(InvokeStream { content_type, executed_version, pieces }))
            }
            Some(StreamPiece::Data(_)) => {
                Err(InvokeError::Internal("a streamed answer began without its head".to_owned()))
            }
        }
    }
}

async fn end(running: Running) -> Result<InvokeReply, InvokeError> {
    running.await.unwrap_or_else(|error| Err(InvokeError::Internal(error.to_string())))
}

fn pieces(from: mpsc::Receiver<StreamPiece>, running: Running) -> InvokePieces {
    Box::pin(stream::unfold((from, Some(running)), |(mut from, mut running)| async move {
        loop {
            match from.recv().await {
                Some(StreamPiece::Data(bytes)) => return Some((InvokePiece::Data(bytes), (from, running))),
                Some(StreamPiece::Head { .. }) => {}
                // An end that is an error of ours is no end: the stream is cut.
                None => {
                    let reply = end(running.take()?).await.ok()?;
                    return Some((InvokePiece::End(reply), (from, None)));
                }
            }
        }
    }))
}
