//! Tumbling windows: which records are aggregated together, and the state that goes from call to call. Pure.

use base::Timestamp;
use minicbor::{Decode, Encode};

/// AWS's bound on a state, in bytes: a larger one ends its window early.
pub(crate) const STATE_BYTES_MAX: usize = 1 << 20;

/// An open window.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Window {
    #[n(0)]
    pub(crate) start_ms: i64,
    /// JSON, as the function gave it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) state: Vec<u8>,
}

impl Window {
    pub(crate) fn of(created: Timestamp, seconds: u32) -> Self {
        Self { start_ms: start_of(created, seconds), state: b"{}".to_vec() }
    }

    pub(crate) fn end(&self, seconds: u32) -> Timestamp {
        Timestamp(self.start_ms + i64::from(seconds) * 1000)
    }

    /// Records that come late, out of a window before, belong to this one.
    pub(crate) fn takes(&self, created: Timestamp, seconds: u32) -> bool {
        start_of(created, seconds) <= self.start_ms
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.state.len() > STATE_BYTES_MAX
    }
}

fn start_of(created: Timestamp, seconds: u32) -> i64 {
    created.0 - created.0.rem_euclid(i64::from(seconds.max(1)) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let window = Window::of(Timestamp(125_500), 60);
        assert_eq!((window.start_ms, window.end(60)), (120_000, Timestamp(180_000)));
        assert!(window.takes(Timestamp(179_999), 60) && window.takes(Timestamp(119_000), 60));
        assert!(!window.takes(Timestamp(180_000), 60));
    }
}
