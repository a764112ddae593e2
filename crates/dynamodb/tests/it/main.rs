//! The service as its callers see it: JSON requests in, JSON answers out, in process and without HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod concurrent;
mod engine;
mod expiry;
mod feed;
mod hostile;
mod linearizable;
mod model;
mod nodes;
mod restart;
mod scopes;
mod script;
mod statements;
mod transactions;
mod world;
