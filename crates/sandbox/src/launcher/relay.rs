//! Datagrams of the function: its sockets stay in its own network, where a relay has the address of the other side and
//! passes them on from the host's. Knows no policy: who asks for a relay has judged.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::thread::LinkNameSpaceType;

use super::notification;

/// Relays, and flows through one, at a time; the oldest goes first.
const RELAYS_MAX: usize = 32;
const FLOWS_MAX: usize = 32;

/// Datagrams passed on in one turn of one socket, so that a flood leaves time for all.
const TURN_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Relays {
    /// The function's network.
    inside: OwnedFd,
    relays: Vec<Relay>,
}

/// Stands in for one address.
#[derive(Debug)]
struct Relay {
    to: SocketAddr,
    inner: UdpSocket,
    flows: Vec<Flow>,
}

/// One socket of the function, by its address, and the host's socket for it.
#[derive(Debug)]
struct Flow {
    of: SocketAddr,
    outer: UdpSocket,
}

impl Relays {
    pub(super) fn new(inside: OwnedFd) -> Self {
        Self { inside, relays: Vec::new() }
    }

    /// Sees to it that there is a relay for `to`.
    pub(super) fn stand_in(&mut self, to: SocketAddr) -> Result<(), Errno> {
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        if to.port() == 0 || self.relays.iter().any(|relay| relay.to == to) {
            return Ok(());
        }
        let inner =
            self.bind_inside(to).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        if self.relays.len() == RELAYS_MAX {
            self.relays.remove(0);
        }
        self.relays.push(Relay { to, inner, flows: Vec::new() });
        Ok(())
    }

    /// A thread has its own idea of which network it is in.
    fn bind_inside(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        std::thread::scope(|scope| {
            let bound = std::thread::Builder::new().spawn_scoped(scope, || {
                let network = Some(LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(self.inside.as_fd(), network)?;
                let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
                if to.is_ipv6() {
                    // A route makes an address this network's, but does not make it one to bind to, unlike with IPv4.
                    let on = 1_i32.to_ne_bytes();
                    notification::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, &on)?;
                }
                rustix::net::bind(&socket, &to)?;
                Ok(UdpSocket::from(socket))
            })?;
            bound.join().unwrap_or_else(|_| Err(io::Error::other("a relay failed")))
        })
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.relays.iter().flat_map(|relay| {
            std::iter::once(relay.inner.as_fd()).chain(relay.flows.iter().map(|flow| flow.outer.as_fd()))
        })
    }

    /// Passes on what has come, both ways.
    pub(super) fn pass_on(&mut self) {
        let mut datagram = vec![0; if self.relays.is_empty() { 0 } else { 1 << 16 }];
        for relay in &mut self.relays {
            relay.pass_on(&mut datagram);
        }
    }
}

impl Relay {
    fn pass_on(&mut self, datagram: &mut [u8]) {
        for _ in 0..TURN_MAX {
            let Ok((n, of)) = self.inner.recv_from(datagram) else { break };
            if let Ok(flow) = self.flow(of) {
                // A datagram that cannot be sent is lost, as datagrams are.
                let _ = flow.outer.send(&datagram[..n]);
            }
        }
        for flow in &self.flows {
            for _ in 0..TURN_MAX {
                let Ok(n) = flow.outer.recv(datagram) else { break };
                let _ = self.inner.send_to(&datagram[..n], flow.of);
            }
        }
    }

    fn flow(&mut self, of: SocketAddr) -> io::Result<&Flow> {
        if let Some(at) = self.flows.iter().position(|flow| flow.of == of) {
            return Ok(&self.flows[at]);
        }
        let any: SocketAddr = if self.to.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let outer = UdpSocket::bind(any)?;
        outer.connect(self.to)?;
        outer.set_nonblocking(true)?;
        if self.flows.len() == FLOWS_MAX {
            self.flows.remove(0);
        }
        self.flows.push(Flow { of, outer });
        self.flows.last().ok_or_else(|| io::Error::other("just pushed"))
    }
}
