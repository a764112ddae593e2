//! The server over real sockets, with clients that behave and clients that do not, and its routing table.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in its scaffolding too")]

mod echo;

mod chain;
mod hostile;
mod routing;
mod sockets;
mod stop;
mod tls;
