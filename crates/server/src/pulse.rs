//! The pulse of one connection: when it last did what, and whether that is too long ago. One timer a connection reads
//! it, so that a request costs no timer.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base::Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire::Spelling;

use crate::line_ends::LineEnds;
use crate::tls::Wire;

/// Of a request's first bytes, so many are kept for the spelling of its header names.
const HEAD_KEPT: usize = 16 << 10;

/// All times are milliseconds since the connection began; 0 means never.
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    /// Requests whose answer has not been handed to the socket.
    busy: AtomicU32,
    /// When the last answer was handed over.
    idle_since: AtomicU64,
    /// The first byte that came after that.
    head_since: AtomicU64,
    /// The socket has taken no byte since.
    stalled_since: AtomicU64,
    /// What came since the last answer, up to the request that it becomes.
    head: Mutex<Head>,
}

/// The beginning of a request as it was sent. Empty of one that was sent before the last was answered.
#[derive(Debug, Default)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    line_ends: LineEnds,
}

impl Head {
    pub(crate) fn has_bare_line_feeds(&self) -> bool {
        self.line_ends.is_bare()
    }

    pub(crate) fn into_spelling(self) -> Spelling {
        Spelling::of_head(self.bytes)
    }
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    Head,
    Idle,
    Write,
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            busy: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(0),
            head: Mutex::default(),
        })
    }

    /// Milliseconds since the connection began, at least 1.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Relaxed);
        Busy(Arc::clone(self))
    }

    /// The head of the request that now begins.
    pub(crate) fn take_head(&self) -> Head {
        std::mem::take(&mut *self.head.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, bytes: &[u8]) {
        if self.busy.load(Relaxed) > 0 {
            return;
        }
        if self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.now(), Relaxed);
        }
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEAD_KEPT.saturating_sub(head.bytes.len());
        head.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        head.line_ends.read(bytes);
    }

    fn wrote(&self, pending: bool) {
        if !pending {
            self.stalled_since.store(0, Relaxed);
        } else if self.stalled_since.load(Relaxed) == 0 {
            self.stalled_since.store(self.now(), Relaxed);
        }
    }

    /// Which bound is exceeded, if one is.
    pub(crate) fn overdue(&self, limits: &Limits) -> Option<Overdue> {
        let now = self.now();
        let exceeds =
            |since: u64, bound: Duration| u128::from(now.saturating_sub(since)) >= bound.as_millis();
        let stalled = self.stalled_since.load(Relaxed);
        if stalled != 0 && exceeds(stalled, limits.body_idle_timeout) {
            return Some(Overdue::Write);
        }
        if self.busy.load(Relaxed) > 0 {
            return None;
        }
        let (head, idle) = (self.head_since.load(Relaxed), self.idle_since.load(Relaxed));
        if head != 0 {
            return exceeds(head, limits.head_timeout).then_some(Overdue::Head);
        }
        // A new connection that says nothing is given the time of a head, not that of a proven client.
        let (bound, why) =
            if idle == 0 { (limits.head_timeout, Overdue::Head) } else { (limits.keep_alive, Overdue::Idle) };
        exceeds(idle, bound).then_some(why)
    }
}

/// A request in progress; the connection is not idle while it lives.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        let pulse = &self.0;
        pulse.idle_since.store(pulse.now(), Relaxed);
        pulse.head_since.store(0, Relaxed);
        pulse.busy.fetch_sub(1, Relaxed);
    }
}

/// A socket that reports to its [`Pulse`].
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) stream: Wire,
    pub(crate) pulse: Arc<Pulse>,
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.read(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pulse.wrote(polled.is_pending());
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.pulse.wrote(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
