//! HTTP APIs: their data plane.

mod access;
mod authorize;
mod backend;
mod call;
mod context;
mod cors;
mod event;
mod fault;
pub(crate) mod live;
pub(crate) mod mapping;
pub(crate) mod phases;
mod program;
