//! The network of a function's own: a namespace with nothing but a loopback, and the Runtime API's listener in it. Runs in
//! the process that will be the interpreter, while it still has its capabilities. Knows no policy.

use std::io;
use std::net::TcpListener;

use super::{RUNTIME_API, sys};

/// Leaves the host's network.
pub(super) fn enter() -> io::Result<TcpListener> {
    sys::unshare_network()?;
    sys::raise_loopback()?;
    TcpListener::bind(RUNTIME_API)
}
