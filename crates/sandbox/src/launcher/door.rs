//! The one way out of a network of the function's own. It runs in the supervisor, which has stayed in the host's network:
//! a connection that is allowed is made there, and its socket takes the place of the function's.
//!
//! A function that holds a socket of the host's network could aim it anew, at the host itself. What keeps it from that:
//! - no `connect`, `bind` of an internet address or `listen` is ever left to the kernel: each is judged by a copy of the
//!   address and done here, on the very file that was pinned, so nothing changed meanwhile matters;
//! - such a socket is never a datagram socket (those stay inside and have relays), and a send that opens a connection
//!   is refused by the filter;
//! - once it is connected it stays so, and it neither binds nor listens.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::notification::{self, ADDRESS_BYTES_MAX, Calls, Held};
use super::relay::Relays;
use super::route::{self, Destination};
use super::sys::{self, Alarm};
use crate::config::FunctionNetwork;

const DNS: u16 = 53;
/// Messages of one `sendmmsg` that are looked at.
const MESSAGES_MAX: u64 = 16;
const STATE_CONNECTING: u8 = 2;
const STATE_CLOSED: u8 = 7;

/// How soon a full unix listener is tried again.
const RETRY: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// What the function may reach.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) network: FunctionNetwork,
    pub(super) endpoint: Option<SocketAddr>,
    /// Of the host; one may be on the host's loopback.
    nameservers: Vec<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// In the function's own network.
    Inside,
    Outside,
    Refused(Errno),
}

impl Policy {
    /// With the nameservers of `/etc/resolv.conf`.
    pub(super) fn new(network: FunctionNetwork, endpoint: Option<SocketAddr>) -> Self {
        let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
        let nameservers = servers.filter_map(|rest| rest.trim().parse().ok()).collect();
        Self { network, endpoint, nameservers }
    }

    /// `stream`: whether it is a connection, and no datagram, which the endpoint does not understand.
    fn judge(&self, to: SocketAddr, stream: bool) -> Verdict {
        let ip = to.ip().to_canonical();
        if stream && self.endpoint.is_some_and(|endpoint| (endpoint.ip(), endpoint.port()) == (ip, to.port()))
        {
            return Verdict::Outside;
        }
        let asks = to.port() == DNS && self.nameservers.contains(&ip);
        let isolated = self.network == FunctionNetwork::Isolated;
        if asks && isolated {
            return Verdict::Outside;
        }
        if ip.is_loopback() || ip.is_unspecified() {
            return Verdict::Inside;
        }
        if !isolated || is_of_cloud(ip) {
            return Verdict::Refused(Errno::NETUNREACH);
        }
        match route::look_up(ip) {
            Ok(Destination::Elsewhere) => Verdict::Outside,
            Ok(Destination::Here) => Verdict::Refused(Errno::CONNREFUSED),
            Ok(Destination::Nobody) => Verdict::Refused(Errno::NETUNREACH),
            Err(errno) => Verdict::Refused(errno),
        }
    }
}

/// Where clouds keep the credentials of their machines; on AWS a function does not reach them either.
const OF_CLOUDS: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Those, and most often any link's own addresses.
fn is_of_cloud(ip: IpAddr) -> bool {
    OF_CLOUDS.contains(&ip)
        || match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.segments()[..2] == [0xfd00, 0xec2],
        }
}

/// A blocking call whose end is waited for.
#[derive(Debug)]
enum Pending {
    /// A connection under way. `number`: the descriptor that `socket` takes the place of, if it is ours.
    Connecting { held: Held, socket: OwnedFd, number: Option<i32> },
    /// A unix listener that takes no more for the moment.
    Full { held: Held, socket: OwnedFd, address: Vec<u8> },
}

#[derive(Debug)]
pub(super) struct Door {
    calls: Calls,
    policy: Policy,
    relays: Relays,
    pending: Vec<Pending>,
    /// What the kernel calls the host's network.
    host: [u8; 8],
}

impl Door {
    /// `inside`: the function's network.
    pub(super) fn new(calls: OwnedFd, inside: OwnedFd, policy: Policy) -> Result<Self, Errno> {
        sys::heed_alarms().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let host = network_of(rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?)?;
        Ok(Self { calls: Calls::new(calls), policy, relays: Relays::new(inside), pending: Vec::new(), host })
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> Vec<PollFd<'_>> {
        let mut all = vec![PollFd::new(&self.calls, PollFlags::IN)];
        all.extend(self.relays.descriptors().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        all.extend(self.pending.iter().filter_map(|pending| match pending {
            Pending::Connecting { socket, .. } => Some(PollFd::new(socket, PollFlags::OUT)),
            Pending::Full { .. } => None,
        }));
        all
    }

    /// How long to wait at most.
    pub(super) fn patience(&self) -> Option<&'static Timespec> {
        let full = self.pending.iter().any(|pending| matches!(pending, Pending::Full { .. }));
        full.then_some(&RETRY)
    }

    /// Serves what has come. `has_call`: the first of the descriptors is readable.
    pub(super) fn serve(&mut self, has_call: bool) {
        for pending in std::mem::take(&mut self.pending) {
            self.resume(pending);
        }
        self.relays.pass_on();
        if !has_call {
            return;
        }
        let Some(held) = self.calls.next() else { return };
        match self.handle(&held) {
            Ok(Answer::Done) => self.calls.answer(&held, Ok(())),
            Ok(Answer::GoOn) => self.calls.go_on(&held),
            Ok(Answer::Later(pending)) => self.pending.push(pending),
            Err(errno) => self.calls.answer(&held, Err(errno)),
        }
    }

    fn handle(&mut self, held: &Held) -> Result<Answer, Errno> {
        let number = held.arguments[0] as i32;
        match held.number {
            libc::SYS_connect => {
                let address = self.address(held, held.arguments[1], held.arguments[2] as u32)?;
                self.connect(held, number, address)
            }
            libc::SYS_bind => self.bind(held, number),
            libc::SYS_listen => {
                let socket = held.pin(number)?;
                if is_internet(domain(&socket)?) && self.is_of_host(&socket)? {
                    return Err(Errno::INVAL);
                }
                rustix::net::listen(socket, held.arguments[1] as i32).map(|()| Answer::Done)
            }
            libc::SYS_sendto => self.send(held, number, held.arguments[4], held.arguments[5] as u32),
            libc::SYS_sendmsg => self.send_message(held, number, held.arguments[1]),
            libc::SYS_sendmmsg => {
                let count = u64::from(held.arguments[2] as u32).min(MESSAGES_MAX);
                for index in 0..count {
                    self.send_message(held, number, held.arguments[1] + index * 64)?;
                }
                Ok(Answer::GoOn)
            }
            _ => Err(Errno::NOSYS),
        }
    }

    /// The address that the caller names, as it is now.
    fn address(&self, held: &Held, at: u64, len: u32) -> Result<Vec<u8>, Errno> {
        if len as usize > ADDRESS_BYTES_MAX {
            return Err(Errno::INVAL);
        }
        let bytes = held.read(at, len as usize)?;
        // Or it is another thread's by now.
        if self.calls.is_waiting(held) { Ok(bytes) } else { Err(Errno::SRCH) }
    }

    fn connect(&mut self, held: &Held, number: i32, address: Vec<u8>) -> Result<Answer, Errno> {
        let socket = held.pin(number)?;
        let family = domain(&socket)?;
        if family == libc::AF_UNIX {
            return connect_unix(held, socket, address);
        }
        if !is_internet(family) {
            return connect_at_once(&socket, &address).map(|()| Answer::Done);
        }
        let of_host = self.is_of_host(&socket)?;
        if of_host {
            match tcp_state(&socket)? {
                // A failed one is tried anew, with another socket.
                STATE_CLOSED => {}
                STATE_CONNECTING => return Err(Errno::ALREADY),
                _ => return Err(Errno::ISCONN),
            }
        }
        let to = parse_internet(&address).filter(|_| family_of(&address) == Some(family));
        let stream = is_stream(&socket)?;
        let verdict = to.map_or(Verdict::Inside, |to| self.policy.judge(to, stream));
        match (verdict, stream) {
            (Verdict::Refused(errno), _) => Err(errno),
            // It would be connected in the host's network.
            (Verdict::Inside, _) if of_host => Err(Errno::INVAL),
            (Verdict::Outside, true) => self.connect_outside(held, number, &socket, &address),
            (Verdict::Outside, false) => {
                if let Some(to) = to {
                    self.relays.stand_in(to)?;
                }
                notification::connect(socket, &address).map(|()| Answer::Done)
            }
            (Verdict::Inside, _) => connect_inside(held, socket, &address),
        }
    }

    /// Connects a socket of the host's network, which takes the place of the function's.
    fn connect_outside(
        &self,
        held: &Held,
        number: i32,
        like: &OwnedFd,
        address: &[u8],
    ) -> Result<Answer, Errno> {
        let family = AddressFamily::from_raw(domain(like)? as u16);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let tcp = Some(rustix::net::ipproto::TCP);
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, tcp)?;
        copy_options(like, &socket);
        let blocks = !rustix::fs::fcntl_getfl(like)?.contains(OFlags::NONBLOCK);
        match notification::connect(&socket, address) {
            Ok(()) => self.hand_over(held, number, &socket, blocks).map(|()| Answer::Done),
            Err(Errno::INPROGRESS) if blocks => {
                Ok(Answer::Later(Pending::Connecting { held: *held, socket, number: Some(number) }))
            }
            Err(Errno::INPROGRESS) => {
                self.hand_over(held, number, &socket, blocks)?;
                Err(Errno::INPROGRESS)
            }
            Err(errno) => Err(errno),
        }
    }

    fn hand_over(&self, held: &Held, number: i32, socket: &OwnedFd, blocks: bool) -> Result<(), Errno> {
        if blocks {
            set_blocking(socket, true)?;
        }
        self.calls.put(held, socket, number, closes_on_exec(held, number))
    }

    /// A connection that was under way, or could not begin.
    fn resume(&mut self, pending: Pending) {
        let (held, result) = match pending {
            Pending::Connecting { held, socket, number } => {
                let mut ready = [PollFd::new(&socket, PollFlags::OUT)];
                if matches!(rustix::event::poll(&mut ready, Some(&Timespec::default())), Ok(0)) {
                    // A caller that was killed waits for nothing.
                    if self.calls.is_waiting(&held) {
                        self.pending.push(Pending::Connecting { held, socket, number });
                    }
                    return;
                }
                let mut result = match notification::option::<4>(&socket, libc::SOL_SOCKET, libc::SO_ERROR) {
                    Ok([0, 0, 0, 0]) => Ok(()),
                    Ok(error) => Err(Errno::from_raw_os_error(i32::from_ne_bytes(error))),
                    Err(errno) => Err(errno),
                };
                if let Some(number) = number {
                    result = result.and_then(|()| self.hand_over(&held, number, &socket, true));
                }
                (held, result)
            }
            Pending::Full { held, socket, address } => match connect_unix(&held, socket, address) {
                Ok(Answer::Later(pending)) if self.calls.is_waiting(&held) => {
                    return self.pending.push(pending);
                }
                other => (held, other.map(|_| ())),
            },
        };
        self.calls.answer(&held, result);
    }

    fn bind(&self, held: &Held, number: i32) -> Result<Answer, Errno> {
        let socket = held.pin(number)?;
        if !is_internet(domain(&socket)?) {
            // Done by the caller, for the name is its own to find. Landlock refuses what it could become meanwhile.
            return Ok(Answer::GoOn);
        }
        if self.is_of_host(&socket)? {
            return Err(Errno::INVAL);
        }
        let address = self.address(held, held.arguments[1], held.arguments[2] as u32)?;
        notification::bind(socket, &address).map(|()| Answer::Done)
    }

    /// Sees to a relay. The send itself is the caller's: its sockets that could go elsewhere are all inside.
    fn send(&mut self, held: &Held, number: i32, at: u64, len: u32) -> Result<Answer, Errno> {
        let Ok(address) = self.address(held, at, len) else { return Ok(Answer::GoOn) };
        let Some(to) = parse_internet(&address) else { return Ok(Answer::GoOn) };
        let socket = held.pin(number)?;
        if !is_internet(domain(&socket)?) || is_stream(&socket)? {
            return Ok(Answer::GoOn);
        }
        match self.policy.judge(to, false) {
            Verdict::Refused(errno) => return Err(errno),
            Verdict::Outside => self.relays.stand_in(to)?,
            Verdict::Inside => {}
        }
        Ok(Answer::GoOn)
    }

    fn send_message(&mut self, held: &Held, number: i32, at: u64) -> Result<Answer, Errno> {
        // msghdr begins with the address and its length.
        let Ok(head) = held.read(at, 12) else { return Ok(Answer::GoOn) };
        let (name, len) = head.split_at(8);
        let name = u64::from_ne_bytes(name.try_into().unwrap_or_default());
        let len = u32::from_ne_bytes(len.try_into().unwrap_or_default());
        if name == 0 || len == 0 { Ok(Answer::GoOn) } else { self.send(held, number, name, len) }
    }

    fn is_of_host(&self, socket: &OwnedFd) -> Result<bool, Errno> {
        Ok(network_of(socket)? == self.host)
    }
}

/// What becomes of a call.
#[derive(Debug)]
enum Answer {
    Done,
    GoOn,
    Later(Pending),
}

/// In the function's own network, where a listener may let the caller wait.
fn connect_inside(held: &Held, socket: OwnedFd, address: &[u8]) -> Result<Answer, Errno> {
    let blocks = !rustix::fs::fcntl_getfl(&socket)?.contains(OFlags::NONBLOCK);
    if !blocks {
        return connect_at_once(&socket, address).map(|()| Answer::Done);
    }
    // The flag is the caller's too; it waits in this very call.
    set_blocking(&socket, false)?;
    let connected = connect_at_once(&socket, address);
    set_blocking(&socket, true)?;
    match connected {
        Err(Errno::INPROGRESS) => {
            Ok(Answer::Later(Pending::Connecting { held: *held, socket, number: None }))
        }
        other => other.map(|()| Answer::Done),
    }
}

/// By name in the file system, which is the same to this process as to the caller but for its folder; or by a name of
/// the socket's own network.
fn connect_unix(held: &Held, socket: OwnedFd, address: Vec<u8>) -> Result<Answer, Errno> {
    let blocks = !rustix::fs::fcntl_getfl(&socket)?.contains(OFlags::NONBLOCK);
    let relative = !matches!(address.get(2), None | Some(0 | b'/'));
    if relative {
        let folder = format!("/proc/{}/cwd", held.thread.as_raw_nonzero());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::process::fchdir(rustix::fs::openat(CWD, folder, flags, Mode::empty())?)?;
    }
    if blocks {
        set_blocking(&socket, false)?;
    }
    let connected = connect_at_once(&socket, &address);
    if blocks {
        set_blocking(&socket, true)?;
    }
    if relative {
        rustix::process::chdir("/")?;
    }
    match connected {
        Err(Errno::AGAIN) if blocks => Ok(Answer::Later(Pending::Full { held: *held, socket, address })),
        other => other.map(|()| Answer::Done),
    }
}

/// On a socket that does not block. Another thread of the function may make it block at this very moment, for the flag
/// belongs to the socket: then the call is interrupted, and is taken for one that goes on.
fn connect_at_once(socket: &OwnedFd, address: &[u8]) -> Result<(), Errno> {
    let alarm = Alarm::set();
    let connected = notification::connect(socket, address);
    drop(alarm);
    match connected {
        Err(Errno::INTR) if family_of(address) == Some(libc::AF_UNIX) => Err(Errno::AGAIN),
        Err(Errno::INTR) => Err(Errno::INPROGRESS),
        other => other,
    }
}

fn set_blocking(socket: &OwnedFd, blocks: bool) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(socket)?;
    let flags = if blocks { flags - OFlags::NONBLOCK } else { flags | OFlags::NONBLOCK };
    rustix::fs::fcntl_setfl(socket, flags)
}

/// Whether the caller's descriptor is closed when it becomes another program.
fn closes_on_exec(held: &Held, number: i32) -> bool {
    let thread = held.thread.as_raw_nonzero();
    let text = fs::read_to_string(format!("/proc/{thread}/fdinfo/{number}")).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    flags.is_none_or(|flags| flags & libc::O_CLOEXEC != 0)
}

/// What programs set before they connect.
const COPIED: [(libc::c_int, libc::c_int); 11] = [
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_OOBINLINE),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
];

fn copy_options(from: &OwnedFd, to: &OwnedFd) {
    for (level, name) in COPIED {
        let long = matches!(name, libc::SO_LINGER | libc::SO_RCVTIMEO | libc::SO_SNDTIMEO)
            && level == libc::SOL_SOCKET;
        // What one socket does not know the other does not either.
        let _ = if long && name == libc::SO_LINGER {
            notification::option::<8>(from, level, name)
                .and_then(|value| notification::set_option(to, level, name, &value))
        } else if long {
            notification::option::<16>(from, level, name)
                .and_then(|value| notification::set_option(to, level, name, &value))
        } else {
            notification::option::<4>(from, level, name)
                .and_then(|value| notification::set_option(to, level, name, &value))
        };
    }
}

fn domain(socket: &OwnedFd) -> Result<libc::c_int, Errno> {
    notification::option::<4>(socket, libc::SOL_SOCKET, libc::SO_DOMAIN).map(i32::from_ne_bytes)
}

fn is_stream(socket: &OwnedFd) -> Result<bool, Errno> {
    let kind = notification::option::<4>(socket, libc::SOL_SOCKET, libc::SO_TYPE).map(i32::from_ne_bytes)?;
    Ok(kind == libc::SOCK_STREAM)
}

fn tcp_state(socket: &OwnedFd) -> Result<u8, Errno> {
    notification::option::<1>(socket, libc::IPPROTO_TCP, libc::TCP_INFO).map(|[state]| state)
}

fn network_of(socket: impl std::os::fd::AsFd) -> Result<[u8; 8], Errno> {
    notification::option::<8>(socket, libc::SOL_SOCKET, libc::SO_NETNS_COOKIE)
}

fn is_internet(family: libc::c_int) -> bool {
    family == libc::AF_INET || family == libc::AF_INET6
}

fn family_of(address: &[u8]) -> Option<libc::c_int> {
    let family = address.first_chunk::<2>()?;
    Some(libc::c_int::from(u16::from_ne_bytes(*family)))
}

/// `sockaddr_in` and `sockaddr_in6`.
fn parse_internet(address: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(*address.get(2..4)?.first_chunk()?);
    match family_of(address)? {
        libc::AF_INET if address.len() >= 16 => {
            let ip = Ipv4Addr::from(*address[4..].first_chunk::<4>()?);
            Some(SocketAddrV4::new(ip, port).into())
        }
        libc::AF_INET6 if address.len() >= 24 => {
            let ip = std::net::Ipv6Addr::from(*address[8..].first_chunk::<16>()?);
            Some(SocketAddrV6::new(ip, port, 0, 0).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_endpoint_of_this_machine_is_reached() {
        let policy = |network| Policy {
            network,
            endpoint: Some(([127, 0, 0, 1], 4566).into()),
            nameservers: vec!["127.0.0.53".parse().unwrap(), "169.254.169.254".parse().unwrap()],
        };
        let refused = Verdict::Refused(Errno::NETUNREACH);
        for (to, isolated, none) in [
            ("127.0.0.1:4566", Verdict::Inside, Verdict::Inside),
            ("127.0.0.53:53", Verdict::Outside, Verdict::Inside),
        ] {
            let to = to.parse().unwrap();
            assert_eq!(policy(FunctionNetwork::Isolated).judge(to, false), isolated, "{to} isolated");
            assert_eq!(policy(FunctionNetwork::None).judge(to, false), none, "{to} none");
        }
        for (to, isolated, none) in [
            ("127.0.0.1:4566", Verdict::Outside, Verdict::Outside),
            ("[::ffff:127.0.0.1]:4566", Verdict::Outside, Verdict::Outside),
            ("127.0.0.1:4567", Verdict::Inside, Verdict::Inside),
            ("127.0.0.2:4566", Verdict::Inside, Verdict::Inside),
            ("0.0.0.0:4566", Verdict::Inside, Verdict::Inside),
            ("[::]:4566", Verdict::Inside, Verdict::Inside),
            ("[::1]:4566", Verdict::Inside, Verdict::Inside),
            ("127.0.0.53:53", Verdict::Outside, Verdict::Inside),
            ("127.0.0.53:54", Verdict::Inside, Verdict::Inside),
            ("169.254.169.254:53", Verdict::Outside, refused),
            ("169.254.169.254:80", refused, refused),
            ("[::ffff:169.254.169.254]:80", refused, refused),
            ("[fd00:ec2::254]:80", refused, refused),
            ("100.100.100.200:80", refused, refused),
            ("168.63.129.16:80", refused, refused),
            ("[fd20:ce::254]:80", refused, refused),
            ("[fe80::1]:80", refused, refused),
            ("255.255.255.255:9", refused, refused),
        ] {
            let to = to.parse().unwrap();
            assert_eq!(policy(FunctionNetwork::Isolated).judge(to, true), isolated, "{to} isolated");
            assert_eq!(policy(FunctionNetwork::None).judge(to, true), none, "{to} none");
        }
    }
}
