//! The few system calls that no safe wrapper offers. The launcher has one thread, which is what makes them sound.
#![allow(unsafe_code, reason = "fork, signalfd and mount_setattr have no safe wrapper")]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use rustix::process::{Pid, Signal};

/// Both ways out of a fork.
#[derive(Debug)]
pub(super) enum Forked {
    Child,
    Parent(Pid),
}

/// `fork`, with new namespaces when `namespace_flags` (`CLONE_NEW*`) is not 0.
pub(super) fn fork(namespace_flags: libc::c_int) -> io::Result<Forked> {
    let flags = libc::c_long::from(namespace_flags | libc::SIGCHLD);
    // SAFETY: without CLONE_VM this is fork(2): the child goes on with a copy of the memory. No lock can be held by
    // another thread, for the launcher has only this one; no pointer is passed.
    // JUSTIFICATION: creating namespaces and the process in them in one step needs clone(2).
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        0 => Ok(Forked::Child),
        pid if pid > 0 => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            Ok(Forked::Parent(pid.ok_or_else(|| io::Error::other("clone gave no process id"))?))
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Closes what the server was itself given by whoever started it and never meant to hand on; the first three are the
/// launcher's own.
pub(super) fn close_inherited() {
    // SAFETY: called before the launcher has opened anything, so no descriptor that is closed has an owner here.
    // JUSTIFICATION: no safe wrapper of close_range(2), and a descriptor of a host's folder is a way out of any root.
    if unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) } == 0 {
        return;
    }
    // Before Linux 5.9: what there can be, one by one.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    for number in 3..i32::try_from(limit).unwrap_or(1 << 20) {
        // SAFETY: as above.
        // JUSTIFICATION: as above.
        unsafe { libc::close(number) };
    }
}

/// Gives this process a mount namespace of its own.
pub(super) fn unshare_mounts() -> io::Result<()> {
    // SAFETY: only the mount namespace is unshared: no descriptor table that other code relies on is touched, and no
    // other thread exists whose root or working folder could be taken apart from ours.
    // JUSTIFICATION: pid 1 of the jail needs a second mount namespace, after its first.
    Ok(unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }?)
}

/// Gives this process a network namespace of its own.
pub(super) fn unshare_network() -> io::Result<()> {
    // SAFETY: only the network namespace is unshared: no memory, descriptor table or file system view changes.
    // JUSTIFICATION: the interpreter has a network of its own, its supervisor has not.
    Ok(unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?)
}

/// Makes the control groups that this process is in the topmost that it sees.
pub(super) fn unshare_groups() -> io::Result<()> {
    // SAFETY: only the view of control groups is unshared: no memory, descriptor table or file system view changes.
    // JUSTIFICATION: a process enters its groups before it is pid 1 of the jail, or the view would begin above them.
    Ok(unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWCGROUP) }?)
}

/// Switches the loopback interface of this process's network on.
pub(super) fn raise_loopback() -> io::Result<()> {
    let any = std::net::UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an all-zero ifreq is a valid value; the name that is copied into it is shorter than its field and stays
    // terminated; the kernel reads the value, which outlives the call.
    // JUSTIFICATION: no safe wrapper sets the flags of an interface.
    let done = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A descriptor that is readable when a child has ended. Blocks the signal itself (exec by `std` unblocks it).
pub(super) fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set lives on this stack frame and is initialised by sigemptyset before use; signalfd returns a new
    // descriptor that nothing else owns.
    // JUSTIFICATION: pid 1 of the jail must wait for its socket and for any child at a time.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// How soon a call is interrupted that should not have blocked.
const ALARM_MICROSECONDS: libc::suseconds_t = 1_000;

/// From now on an [`Alarm`] interrupts a call instead of ending this process.
pub(super) fn heed_alarms() -> io::Result<()> {
    extern "C" fn heed(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = heed;
    // SAFETY: an all-zero sigaction is a valid value, with an empty mask and without SA_RESTART; the handler does
    // nothing, so it may run at any time.
    // JUSTIFICATION: no safe wrapper; a flag that others may change is not enough to keep a call from blocking.
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// While it lives, calls of this process that block are interrupted, again and again.
#[derive(Debug)]
pub(super) struct Alarm(());

impl Alarm {
    pub(super) fn set() -> Self {
        ring_every(ALARM_MICROSECONDS);
        Self(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        ring_every(0);
    }
}

/// 0: never.
fn ring_every(microseconds: libc::suseconds_t) {
    let time = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: the kernel reads the value, which outlives the call.
    // JUSTIFICATION: no safe wrapper of setitimer(2). With a valid value it cannot fail.
    let _ = unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}

/// The largest size of any process that this one has reaped.
pub(super) fn children_max_rss_kib() -> u32 {
    // SAFETY: an all-zero rusage is a valid value; the call writes nothing but it, and it outlives the call.
    // JUSTIFICATION: no safe wrapper of getrusage(2) or wait4(2) is among the crates used.
    let (done, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage), usage)
    };
    if done == 0 { u32::try_from(usage.ru_maxrss).unwrap_or(u32::MAX) } else { 0 }
}

/// Ends this process by `signal` with its default effect, so that the server sees how the interpreter ended.
pub(super) fn end_by_signal(signal: i32) {
    // SAFETY: plain calls without pointers; the set lives on this stack frame.
    // JUSTIFICATION: an exit status that says "killed by a signal" cannot be made in another way.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        libc::raise(signal);
    }
}

/// Sends a signal to every process of this jail but its pid 1, which this must be.
pub(super) fn signal_all_others(signal: Signal) -> io::Result<()> {
    if std::process::id() != 1 {
        return Err(io::Error::other("only pid 1 of a jail may"));
    }
    // SAFETY: no memory is involved, and pid 1 of a namespace of its own reaches nobody outside it.
    // JUSTIFICATION: rustix has no way to name all processes.
    if unsafe { libc::kill(-1, signal.as_raw()) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `struct mount_attr` of mount_setattr(2).
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;
const MOUNT_ATTR_NODEV: u64 = 4;

/// Which protections a mount gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protect {
    /// Read-only, no set-user-id programs, no devices; submounts too.
    All,
    /// Read-only, this mount alone.
    ReadOnly,
}

/// Restricts the mount that `mount` stands for (a descriptor of its root).
pub(super) fn protect_mount(mount: BorrowedFd<'_>, protect: Protect) -> io::Result<()> {
    let (attr_set, recursive) = match protect {
        Protect::All => (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, libc::AT_RECURSIVE),
        Protect::ReadOnly => (MOUNT_ATTR_RDONLY, 0),
    };
    let attr = MountAttr { attr_set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a terminated empty string, `attr` is a live value of the size that is passed with it.
    // JUSTIFICATION: only mount_setattr(2) adds flags to a mount and all below it without losing locked ones.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
