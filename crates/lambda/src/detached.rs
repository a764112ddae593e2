//! Work that must not stop half-way because its caller went away. Knows not what the work is.

use std::pin::Pin;
use std::task::{Context, Poll};

use ports::BoxFuture;

/// A future that, once begun, goes on in the background when its owner drops it. Costs no task otherwise.
///
/// The server drops what it does for a client that went away. A commit whose memory was not brought up to date, or
/// a function stopped in the middle, must not come of that.
pub(crate) struct Detached<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    begun: bool,
}

impl<T: Send + 'static> Detached<T> {
    pub(crate) fn new(work: BoxFuture<'static, T>) -> Self {
        Self { work: Some(work), begun: false }
    }
}

impl<T: Send + 'static> Future for Detached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.begun = true;
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        if let (Some(work), true, Ok(runtime)) =
            (self.work.take(), self.begun, tokio::runtime::Handle::try_current())
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_has_begun_ends_without_its_caller() {
        for begun in [true, false] {
            let (go, wait) = oneshot::channel::<()>();
            let (done, mut seen) = oneshot::channel::<()>();
            let mut work = Detached::new(Box::pin(async move {
                let _ = wait.await;
                let _ = done.send(());
            }));
            if begun {
                assert!(futures_util::poll!(&mut work).is_pending());
            }
            drop(work);
            let _ = go.send(());
            tokio::task::yield_now().await;
            assert_eq!(seen.try_recv().is_ok(), begun);
        }
    }
}
