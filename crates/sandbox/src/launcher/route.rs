//! Asks the kernel for routes and gives it some (rtnetlink(7)). Knows no policy.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// What is at the end of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// This machine.
    Here,
    /// One other.
    Elsewhere,
    /// Many, or none.
    Nobody,
}

/// Numbers of <linux/rtnetlink.h> that libc does not name everywhere.
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RT_TABLE_LOCAL: u8 = 255;
const RT_SCOPE_HOST: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const HEAD: usize = 16;

/// Where packets to `address` go from this process's network.
pub(super) fn look_up(address: IpAddr) -> Result<Destination, Errno> {
    let (family, bits, octets) = match address {
        IpAddr::V4(v4) => (libc::AF_INET, 32, v4.octets().to_vec()),
        IpAddr::V6(v6) => (libc::AF_INET6, 128, v6.octets().to_vec()),
    };
    let mut message = Message::new(libc::RTM_GETROUTE, libc::NLM_F_REQUEST);
    message.route(family, bits, [0; 4]).attribute(RTA_DST, &octets);
    let answer = message.exchange()?;
    // nlmsghdr, then rtmsg, whose last byte but the flags is the type.
    Ok(match answer.get(HEAD + 7) {
        Some(&RTN_LOCAL) => Destination::Here,
        Some(&RTN_UNICAST) => Destination::Elsewhere,
        _ => Destination::Nobody,
    })
}

/// Makes every address one of this process's network, so that a supervisor can stand in for any of them.
pub(super) fn take_every_address() -> io::Result<()> {
    for family in [libc::AF_INET, libc::AF_INET6] {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_CREATE | libc::NLM_F_ACK;
        let mut message = Message::new(libc::RTM_NEWROUTE, flags);
        let kind = [RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL];
        // The loopback is the first interface of every network.
        message.route(family, 0, kind).attribute(RTA_OIF, &1_u32.to_ne_bytes());
        match message.exchange() {
            // A kernel without IPv6 needs none.
            Err(_) if family == libc::AF_INET6 => {}
            other => drop(other?),
        }
    }
    Ok(())
}

struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: libc::c_int) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((flags as u16).to_ne_bytes());
        bytes.extend([0; 8]);
        Self(bytes)
    }

    /// `kind`: table, protocol, scope and type.
    fn route(&mut self, family: libc::c_int, bits: u8, kind: [u8; 4]) -> &mut Self {
        self.0.extend([family as u8, bits, 0, 0]);
        self.0.extend(kind);
        self.0.extend([0; 4]);
        self
    }

    /// All that are used have lengths that need no padding.
    fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.0.extend((4 + value.len() as u16).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self
    }

    fn exchange(&mut self) -> Result<Vec<u8>, Errno> {
        let len = self.0.len() as u32;
        self.0[..4].copy_from_slice(&len.to_ne_bytes());
        let socket: OwnedFd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // NETLINK_ROUTE is 0.
            None,
        )?;
        rustix::net::send(&socket, &self.0, SendFlags::empty())?;
        let mut answer = vec![0; 4096];
        let (n, _) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
        answer.truncate(n);
        let kind = answer.get(4..6).and_then(|kind| kind.try_into().ok()).map(u16::from_ne_bytes);
        if kind == Some(libc::NLMSG_ERROR as u16) {
            let error =
                answer.get(HEAD..HEAD + 4).and_then(|e| e.try_into().ok()).map_or(0, i32::from_ne_bytes);
            if error != 0 {
                return Err(Errno::from_raw_os_error(-error));
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for (address, expected) in [
            ("127.0.0.1", Ok(Destination::Here)),
            ("127.9.9.9", Ok(Destination::Here)),
            ("::1", Ok(Destination::Here)),
            ("255.255.255.255", Ok(Destination::Nobody)),
        ] {
            assert_eq!(look_up(address.parse().unwrap()), expected, "{address}");
        }
    }
}
