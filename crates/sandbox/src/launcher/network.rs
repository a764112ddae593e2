//! The network of a function's own: a namespace with nothing but a loopback, and the Runtime API's listener in it. Runs in
//! the process that will be the interpreter, while it still has its capabilities. Knows no policy.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::{RUNTIME_API, route, sys};

/// What others get of the network.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) listener: TcpListener,
    /// A socket by which the server reaches what listens inside.
    pub(super) spare: OwnedFd,
    /// The network itself, for the supervisor.
    pub(super) network: OwnedFd,
}

/// Leaves the host's network.
pub(super) fn enter() -> io::Result<Own> {
    sys::unshare_network()?;
    sys::raise_loopback()?;
    route::take_every_address()?;
    let listener = TcpListener::bind(RUNTIME_API)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let spare = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let network = rustix::fs::open("/proc/thread-self/ns/net", flags, Mode::empty())?;
    Ok(Own { listener, spare, network })
}
