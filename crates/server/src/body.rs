//! Reads a request's body into one buffer: bounded in size, in idle time and in total time, and all bodies together in
//! what they hold. A body that arrives in one piece is not copied.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// Bounds of one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes_max: usize,
    pub(crate) idle: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge {
        bytes_max: usize,
    },
    /// Nothing, or next to nothing, came in time.
    Slow,
    /// Broken framing, or the client went away.
    Broken,
    /// The bodies of other requests hold all that bodies may.
    Crowded,
}

/// So much of a body is free: most requests touch nothing that all share.
const FREE_BYTES: usize = 64 << 10;

/// What all bodies together may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

/// What one body holds of the budget, which gets it back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { left: AtomicUsize::new(bytes_max) }
    }

    pub(crate) fn hold(&self) -> Held<'_> {
        Held { budget: self, bytes: 0 }
    }
}

impl Held<'_> {
    fn grow(&mut self, body_bytes: usize) -> Result<(), BodyError> {
        let more = body_bytes.saturating_sub(FREE_BYTES).saturating_sub(self.bytes);
        if more > 0 {
            let take = |left: usize| left.checked_sub(more);
            self.budget.left.try_update(Relaxed, Relaxed, take).map_err(|_| BodyError::Crowded)?;
            self.bytes += more;
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.left.fetch_add(self.bytes, Relaxed);
        }
    }
}

pub(crate) async fn collect(
    mut body: Incoming,
    bounds: Bounds,
    held: &mut Held<'_>,
) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bounds.bytes_max {
        return Err(too_large(body, bounds, announced).await);
    }
    let mut pace = Pace::new(bounds.idle);
    let Some(first) = next(&mut body, &mut pace).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() && first.len() <= bounds.bytes_max {
        return Ok(first);
    }
    // What is announced is not yet sent: reserve no more than a little of it in advance.
    let mut whole = BytesMut::with_capacity(announced.clamp(first.len(), 1 << 20));
    whole.extend_from_slice(&first);
    while whole.len() <= bounds.bytes_max {
        held.grow(whole.len())?;
        match next(&mut body, &mut pace).await? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => return Ok(whole.freeze()),
        }
    }
    let read = whole.len();
    drop(whole);
    Err(too_large(body, bounds, read).await)
}

/// The next piece of data, or `None` at the end. Trailers are skipped.
async fn next(body: &mut Incoming, pace: &mut Pace) -> Result<Option<Bytes>, BodyError> {
    loop {
        let Ok(frame) = tokio::time::timeout(pace.patience(), body.frame()).await else {
            return Err(BodyError::Slow);
        };
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    pace.received(data.len());
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads on for a while without keeping anything: a client that is still sending would see a reset connection
/// instead of the answer that tells it what is wrong.
async fn too_large(mut body: Incoming, bounds: Bounds, announced: usize) -> BodyError {
    let refused = BodyError::TooLarge { bytes_max: bounds.bytes_max };
    let drained_max = bounds.bytes_max.saturating_mul(2);
    if announced > drained_max {
        return refused;
    }
    let mut pace = Pace::new(bounds.idle);
    let mut drained = 0;
    while drained <= drained_max {
        match next(&mut body, &mut pace).await {
            Ok(Some(chunk)) => drained += chunk.len(),
            Ok(None) | Err(_) => break,
        }
    }
    refused
}

/// How long to wait for the next piece: the idle time, and in total a second for every kilobyte and two idle times
/// on top, so that a byte now and then does not hold a connection for days.
struct Pace {
    started: Instant,
    idle: Duration,
    received_bytes: u64,
}

impl Pace {
    fn new(idle: Duration) -> Self {
        Self { started: Instant::now(), idle, received_bytes: 0 }
    }

    fn received(&mut self, bytes: usize) {
        self.received_bytes += bytes as u64;
    }

    fn patience(&self) -> Duration {
        let allowed = self.idle * 2 + Duration::from_millis(self.received_bytes);
        allowed.saturating_sub(self.started.elapsed()).min(self.idle)
    }
}
