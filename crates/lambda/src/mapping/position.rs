//! How far a shard has been read and what is pending there, as it is kept: nothing before a position is undone, and
//! nothing after it is lost. Pure.

use minicbor::{Decode, Encode};

use super::window::Window;

/// How far a shard is done: everything up to `after`, in all lanes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Position {
    #[n(0)]
    pub(crate) after: u64,
    /// The shard is closed and all of it is done.
    #[n(1)]
    pub(crate) ended: bool,
}

/// What a lane of a shard must know after a restart. No row is as the default one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct LaneState {
    /// Into how many lanes the shard was split: of another number the keys are in other lanes.
    #[n(0)]
    pub(crate) lanes: u32,
    /// Records of this lane up to here are done, although those of others may not be.
    #[n(1)]
    pub(crate) after: u64,
    /// Batches that were tried, and pieces of them, in order.
    #[n(2)]
    pub(crate) parts: Vec<Part>,
    #[n(3)]
    pub(crate) window: Option<Window>,
}

/// Records that go to the function together: those up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Part {
    #[n(0)]
    pub(crate) last: u64,
    #[n(1)]
    pub(crate) failures: u32,
    /// How often the function was called with it.
    #[n(2)]
    pub(crate) calls: u32,
}

impl Position {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing to a Vec does not fail")
    }
}

impl LaneState {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing to a Vec does not fail")
    }

    /// The position of the shard says all that matters. A batch that was not tried yet may be cut otherwise.
    pub(crate) fn is_plain(&self) -> bool {
        let untried = self.parts.iter().all(|part| part.failures == 0 && part.calls == 0);
        self.lanes <= 1 && untried && self.window.is_none()
    }
}
