//! HTTP APIs: their data plane.

mod authorize;
mod context;
mod cors;
mod event;
mod fault;
pub(crate) mod live;
pub(crate) mod phases;
mod program;
