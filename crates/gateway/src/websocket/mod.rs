//! WebSocket APIs: their data plane.
//!
//! A handshake goes through `phases` ($connect), becomes a `connection` and is known to `registry`; each of its
//! messages goes through `phases` again, to a route that `selection` finds and the integration behind it (`integrate`).
//! `management` is what backends say to connections: `@connections`.

mod authorize;
mod connection;
mod context;
mod event;
mod execution_log;
pub(crate) mod frame;
mod handshake;
mod integrate;
pub(crate) mod live;
mod management;
mod phases;
mod program;
pub(crate) mod registry;
pub(crate) mod selection;

pub use connection::{ByteStream, Session};
pub use phases::Handshake;
pub(crate) use phases::serve;
