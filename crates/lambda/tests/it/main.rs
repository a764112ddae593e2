//! Lambda over an in-memory store, with fakes for what runs functions, for streams and for logs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod durable;
mod events;
mod fixture;
mod functions;
mod invocations;
mod live;
mod mapping_model;
mod mapping_settings;
mod mappings;
mod permissions;
mod provisioned;
mod queue;
mod restarts;
mod script;
mod streaming;
mod urls;
mod versions;
