//! Makes the jail's namespaces: a child that is pid 1 in them, and the users it has there. Runs on the host's side.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};

use rustix::process::{Pid, Signal, WaitOptions};

use super::sys::{self, Forked};

/// Which side of the fork this is.
#[derive(Debug)]
pub(super) enum Side {
    /// pid 1 of the jail, with every capability there. `id`: the user that the function must change to.
    Inside {
        link: File,
        id: Option<u32>,
    },
    Outside {
        init: Pid,
        link: File,
    },
}

const ALL: libc::c_int =
    libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// Forks into new namespaces. `link` carries a byte to the inside when its users are there, and its words back.
pub(super) fn enter(host_uid: u32) -> io::Result<Side> {
    let root = rustix::process::geteuid().is_root();
    match fork_with(ALL, host_uid, root) {
        // A host that allows no user namespaces may still allow root the others.
        Err(_) if root => fork_with(ALL & !libc::CLONE_NEWUSER, host_uid, root),
        other => other,
    }
}

fn fork_with(flags: libc::c_int, host_uid: u32, root: bool) -> io::Result<Side> {
    let (near, far) = std::os::unix::net::UnixStream::pair()?;
    let (mut near, mut far) =
        (File::from(std::os::fd::OwnedFd::from(near)), File::from(std::os::fd::OwnedFd::from(far)));
    match sys::fork(flags)? {
        Forked::Child => {
            drop(near);
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            let mut go = [0];
            far.read_exact(&mut go)?;
            // The names of the host's groups are nobody's business inside; where they cannot be hidden they are seen.
            let _ = sys::unshare_groups();
            // Without a user namespace the function's user is the host's.
            let id = if flags & libc::CLONE_NEWUSER == 0 { host_uid } else { super::INNER_ID };
            Ok(Side::Inside { link: far, id: root.then_some(id) })
        }
        Forked::Parent(init) => {
            drop(far);
            let own_users = flags & libc::CLONE_NEWUSER != 0;
            let mapped = if own_users { map_users(init, host_uid, root) } else { Ok(()) };
            if let Err(error) = mapped.and_then(|()| near.write_all(&[1])) {
                let _ = rustix::process::kill_process(init, Signal::KILL);
                let _ = rustix::process::waitpid(Some(init), WaitOptions::empty());
                return Err(error);
            }
            Ok(Side::Outside { init, link: near })
        }
    }
}

/// Inside, the function is always the same user; outside it is one that nobody else has (root's server), or the
/// server's own (an ordinary user may map only itself).
fn map_users(init: Pid, host_uid: u32, root: bool) -> io::Result<()> {
    let folder = format!("/proc/{}", init.as_raw_nonzero());
    let inner = super::INNER_ID;
    let write = |name: &str, text: String| {
        fs::write(format!("{folder}/{name}"), text)
            .map_err(|e| io::Error::new(e.kind(), format!("{name}: {e}")))
    };
    if root {
        write("uid_map", format!("0 0 1\n{inner} {host_uid} 1\n"))?;
        return write("gid_map", format!("0 0 1\n{inner} {host_uid} 1\n"));
    }
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{inner} {} 1\n", rustix::process::geteuid().as_raw()))?;
    write("gid_map", format!("{inner} {} 1\n", rustix::process::getegid().as_raw()))
}
