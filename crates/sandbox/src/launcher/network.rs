//! The network of a function's own: a namespace with nothing but a loopback, and the Runtime API's listener in it. Runs in
//! the process that will be the interpreter, while it still has its capabilities. Knows no policy.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::{RUNTIME_API, sys};

/// Leaves the host's network. Gives the listener, and a socket by which the server reaches what listens inside.
pub(super) fn enter() -> io::Result<(TcpListener, OwnedFd)> {
    sys::unshare_network()?;
    sys::raise_loopback()?;
    let listener = TcpListener::bind(RUNTIME_API)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let spare = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    Ok((listener, spare))
}
