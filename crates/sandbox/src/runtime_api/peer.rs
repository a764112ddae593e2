//! Who it is that connects, where the loopback is the host's: another function, or any process of the host, must not
//! speak for the environment. Linux alone can say; elsewhere there is no jail to keep either.

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;

use crate::memory;

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guests {
    /// Everybody who can: the listener is in the environment's own network, or there is no jail.
    All,
    /// Processes below this launcher.
    Below(u32),
}

impl Guests {
    /// Whether the client at `peer`, connected to `local`, is one. Reads /proc: some hundred microseconds.
    pub(super) fn has(self, peer: SocketAddr, local: SocketAddr) -> bool {
        match self {
            Self::All => true,
            Self::Below(launcher) => {
                let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
                    .iter()
                    .filter_map(|table| fs::read_to_string(table).ok())
                    .find_map(|table| inode_of(&table, peer.port(), local.port()));
                inode.is_some_and(|inode| holds(launcher, &inode))
            }
        }
    }
}

/// The socket from `from` to `to`, both on the loopback.
fn inode_of(table: &str, from: u16, to: u16) -> Option<String> {
    let ends = |address: &str, port: u16| {
        // IPv4, or IPv4 in IPv6, as the kernel prints it.
        let (host, shown) = address.split_once(':').unwrap_or_default();
        host.ends_with("0100007F") && u16::from_str_radix(shown, 16) == Ok(port)
    };
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, remote, inode) = (fields.get(1)?, fields.get(2)?, fields.get(9)?);
        (ends(local, from) && ends(remote, to)).then(|| (*inode).to_owned())
    })
}

/// Whether a process below `launcher` has the socket.
fn holds(launcher: u32, inode: &str) -> bool {
    let socket = format!("socket:[{inode}]");
    let mut seen = HashSet::new();
    let mut left = vec![launcher];
    while let Some(pid) = left.pop() {
        if !seen.insert(pid) {
            continue;
        }
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        if fds.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|link| link.as_os_str() == socket.as_str())
        {
            return true;
        }
        left.extend(memory::children(pid));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_socket_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1\n   \
                     1: 0100007F:1F90 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1000        0 22 1\n";
        assert_eq!(inode_of(table, 0x1f90, 0x50).as_deref(), Some("22"));
        assert_eq!(inode_of(table, 0x50, 0x1f90), None);
        let six = "  sl\n 0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:0050 01 0:0 0:0 0 0 0 33 1\n";
        assert_eq!(inode_of(six, 0x1f90, 0x50).as_deref(), Some("33"));
    }

    #[test]
    fn only_those_below_are_guests() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(local).unwrap();
        let peer = client.local_addr().unwrap();
        assert!(Guests::Below(std::process::id()).has(peer, local));
        let mut other = std::process::Command::new("sleep").arg("5").spawn().unwrap();
        assert!(!Guests::Below(other.id()).has(peer, local));
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
