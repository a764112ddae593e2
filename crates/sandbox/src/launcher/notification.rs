//! Calls of the function that the kernel holds until its supervisor has answered (seccomp user notification): the filter
//! that asks, and what can be answered. Knows what a call is, and not what it should be answered.
//!
//! Held are `connect`, `bind` and `listen` always, and sends that name an address. A send that opens a connection
//! (`MSG_FASTOPEN`) is refused by the filter itself: its flags are in a register, which nobody can change meanwhile.
#![allow(unsafe_code, reason = "seccomp notifications and raw socket addresses have no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, WaitOptions};

use super::sys::{self, Forked};

/// Longest socket address.
pub(super) const ADDRESS_BYTES_MAX: usize = 128;

/// `MSG_PROXY`, a flag of `sendmsg` that means nothing to Linux: such a send is never held, so that the process that has taken the
/// filter on can hand out the filter's descriptor. What is not held only goes without a relay.
pub(super) const NOT_HELD: u32 = 0x10;

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;

const NR: u32 = 0;
const ARCH_AT: u32 = 4;
/// Bit of the x32 numbering, whose calls have numbers of their own: none of them is needed.
const X32: u32 = 0x4000_0000;

/// The low half of an argument.
const fn low(argument: u32) -> u32 {
    16 + 8 * argument
}

const fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_JMP | code | libc::BPF_K) as u16, jt, jf, k }
}

const fn load(at: u32) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: at }
}

const fn give(k: u32) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k }
}

const fn is_call(call: libc::c_long, jt: u8) -> libc::sock_filter {
    jump(libc::BPF_JEQ, call as u32, jt, 0)
}

const FASTOPEN: u32 = libc::MSG_FASTOPEN.cast_unsigned();

/// Jumps are counted from the next instruction; the ends are the last four.
const FILTER: [libc::sock_filter; 26] = [
    load(ARCH_AT),
    // Other architectures are the business of the filters before.
    jump(libc::BPF_JEQ, ARCH, 0, 20),
    load(NR),
    jump(libc::BPF_JSET, X32, 21, 0),
    is_call(libc::SYS_connect, 18),
    is_call(libc::SYS_bind, 17),
    is_call(libc::SYS_listen, 16),
    is_call(libc::SYS_sendto, 3),
    is_call(libc::SYS_sendmsg, 8),
    is_call(libc::SYS_sendmmsg, 9),
    give(libc::SECCOMP_RET_ALLOW),
    // sendto: flags, then whether there is an address.
    load(low(3)),
    jump(libc::BPF_JSET, FASTOPEN, 11, 0),
    load(low(4)),
    jump(libc::BPF_JEQ, 0, 0, 8),
    load(low(4) + 4),
    jump(libc::BPF_JEQ, 0, 5, 6),
    // sendmsg
    load(low(2)),
    jump(libc::BPF_JA, 1, 0, 0),
    // sendmmsg
    load(low(3)),
    jump(libc::BPF_JSET, FASTOPEN, 3, 0),
    jump(libc::BPF_JSET, NOT_HELD, 0, 1),
    give(libc::SECCOMP_RET_ALLOW),
    give(libc::SECCOMP_RET_USER_NOTIF),
    give(libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP.cast_unsigned()),
    give(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
];

/// Takes the filter on, for ever; gives the supervisor's end. The process must have no way to new privileges.
pub(super) fn take_on() -> io::Result<OwnedFd> {
    let killable = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | killable) {
        // Before Linux 5.19 a signal makes the call begin anew.
        Err(Errno::INVAL) => Ok(install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?),
        other => Ok(other?),
    }
}

/// Whether the filter can be taken on, as far as that can be known before.
pub(super) fn check() -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let filters = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    if filters.is_none_or(|count| count.trim() == "0") {
        let mut sizes = [0_u16; 3];
        // SAFETY: the kernel writes three numbers of two bytes, which outlive the call.
        // JUSTIFICATION: no safe wrapper of seccomp(2).
        let done = unsafe {
            let operation = libc::c_ulong::from(libc::SECCOMP_GET_NOTIF_SIZES);
            libc::syscall(libc::SYS_seccomp, operation, 0_u64, sizes.as_mut_ptr())
        };
        return if done == 0 { Ok(()) } else { Err(io::Error::other("no seccomp user notification")) };
    }
    // Whoever runs this program may hold its calls already, and only one can.
    match sys::fork(0)? {
        Forked::Child => std::process::exit(i32::from(take_on().is_err())),
        Forked::Parent(pid) => match rustix::process::waitpid(Some(pid), WaitOptions::empty())? {
            Some((_, status)) if status.exit_status() == Some(0) => Ok(()),
            _ => Err(io::Error::other("seccomp user notification is in use by what runs this program")),
        },
    }
}

fn install(flags: libc::c_ulong) -> Result<OwnedFd, Errno> {
    let mut filter = FILTER;
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program points to `filter`, which outlives the call and which the kernel only reads; the descriptor it
    // gives is new and nobody else's.
    // JUSTIFICATION: seccompiler knows no user notification.
    unsafe {
        let fd = libc::syscall(
            libc::SYS_seccomp,
            libc::c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
            flags,
            &raw const program,
        );
        if fd < 0 { Err(last_errno()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

const RECEIVE: libc::c_ulong = request(3, 0, size_of::<libc::seccomp_notif>());
const SEND: libc::c_ulong = request(3, 1, size_of::<libc::seccomp_notif_resp>());
const IS_VALID: libc::c_ulong = request(1, 2, size_of::<u64>());
const ADD_DESCRIPTOR: libc::c_ulong = request(1, 3, size_of::<libc::seccomp_notif_addfd>());

const fn request(direction: libc::c_ulong, number: libc::c_ulong, size: usize) -> libc::c_ulong {
    direction << 30 | (size as libc::c_ulong) << 16 | (b'!' as libc::c_ulong) << 8 | number
}

/// A call that waits for its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    id: u64,
    /// The thread that calls, as this process sees it.
    pub(super) thread: Pid,
    pub(super) number: libc::c_long,
    pub(super) arguments: [u64; 6],
}

/// The supervisor's end of the filter.
#[derive(Debug)]
pub(super) struct Calls(OwnedFd);

impl Calls {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// The next call, after the descriptor has become readable. `None`: it was given up meanwhile.
    pub(super) fn next(&self) -> Option<Held> {
        // SAFETY: an all-zero value is a valid one and what the kernel demands; it writes no more than its size, which
        // is in the request's number.
        // JUSTIFICATION: no safe wrapper of this ioctl.
        let (done, notice) = unsafe {
            let mut notice: libc::seccomp_notif = std::mem::zeroed();
            (libc::ioctl(self.0.as_raw_fd(), RECEIVE, &raw mut notice), notice)
        };
        let thread = Pid::from_raw(notice.pid.cast_signed()).filter(|_| done == 0)?;
        let number = libc::c_long::from(notice.data.nr);
        Some(Held { id: notice.id, thread, number, arguments: notice.data.args })
    }

    /// Ends the call with this result.
    pub(super) fn answer(&self, held: &Held, result: Result<(), Errno>) {
        let error = result.err().map_or(0, |errno| -errno.raw_os_error());
        self.respond(libc::seccomp_notif_resp { id: held.id, val: 0, error, flags: 0 });
    }

    /// Lets the kernel go on with the call, whatever its memory says by now.
    pub(super) fn go_on(&self, held: &Held) {
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        self.respond(libc::seccomp_notif_resp { id: held.id, val: 0, error: 0, flags });
    }

    fn respond(&self, mut response: libc::seccomp_notif_resp) {
        // SAFETY: the value has the size that is in the request's number and outlives the call.
        // JUSTIFICATION: no safe wrapper of this ioctl. A caller that has gone needs no answer.
        let _ = unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw mut response) };
    }

    /// Whether the caller still waits, so that what was read by its number is its own.
    pub(super) fn is_waiting(&self, held: &Held) -> bool {
        // SAFETY: the kernel reads eight bytes, which outlive the call.
        // JUSTIFICATION: no safe wrapper of this ioctl.
        unsafe { libc::ioctl(self.0.as_raw_fd(), IS_VALID, &raw const held.id) == 0 }
    }

    /// Puts `file` in the place of the caller's descriptor `number`.
    pub(super) fn put(
        &self,
        held: &Held,
        file: impl AsFd,
        number: i32,
        close_on_exec: bool,
    ) -> Result<(), Errno> {
        let mut add = libc::seccomp_notif_addfd {
            id: held.id,
            flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
            srcfd: file.as_fd().as_raw_fd().cast_unsigned(),
            newfd: number.cast_unsigned(),
            newfd_flags: if close_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
        };
        // SAFETY: the value has the size that is in the request's number and outlives the call.
        // JUSTIFICATION: no safe wrapper of this ioctl.
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), ADD_DESCRIPTOR, &raw mut add) };
        if done < 0 { Err(last_errno()) } else { Ok(()) }
    }
}

impl AsFd for Calls {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Held {
    /// Bytes of the caller's memory, as they are now.
    pub(super) fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0_u8; len];
        let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: len };
        let remote = libc::iovec { iov_base: at as *mut libc::c_void, iov_len: len };
        // SAFETY: the kernel writes at most `len` bytes to `bytes`, which has that many; the other address is the other
        // process's and checked by the kernel.
        // JUSTIFICATION: no safe wrapper of process_vm_readv(2).
        let n = unsafe {
            let thread = self.thread.as_raw_nonzero().get();
            libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0)
        };
        if usize::try_from(n) == Ok(len) { Ok(bytes) } else { Err(Errno::FAULT) }
    }

    /// The very file that the caller's descriptor stands for now, whatever becomes of its number.
    pub(super) fn pin(&self, number: i32) -> Result<OwnedFd, Errno> {
        let thread = PidfdFlags::from_bits_retain(libc::PIDFD_THREAD);
        let process = match rustix::process::pidfd_open(self.thread, thread) {
            // Before Linux 6.9 only a process can be named. Its threads have no other descriptors: no call makes such.
            Err(_) => rustix::process::pidfd_open(self.process()?, PidfdFlags::empty())?,
            Ok(thread) => thread,
        };
        rustix::process::pidfd_getfd(process, number, PidfdGetfdFlags::empty())
    }

    fn process(&self) -> Result<Pid, Errno> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.thread.as_raw_nonzero()));
        let status = status.map_err(|_| Errno::SRCH)?;
        let id = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
        id.and_then(|id| Pid::from_raw(id.trim().parse().ok()?)).ok_or(Errno::SRCH)
    }
}

/// `connect` to an address in the kernel's own form.
pub(super) fn connect(socket: impl AsFd, address: &[u8]) -> Result<(), Errno> {
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads as many bytes as are given.
    // JUSTIFICATION: the address is passed on as the caller wrote it, whatever its family.
    let done = unsafe { libc::connect(socket, address.as_ptr().cast(), address.len() as libc::socklen_t) };
    if done < 0 { Err(last_errno()) } else { Ok(()) }
}

/// `bind` to an address in the kernel's own form.
pub(super) fn bind(socket: impl AsFd, address: &[u8]) -> Result<(), Errno> {
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads as many bytes as are given.
    // JUSTIFICATION: as above.
    let done = unsafe { libc::bind(socket, address.as_ptr().cast(), address.len() as libc::socklen_t) };
    if done < 0 { Err(last_errno()) } else { Ok(()) }
}

/// The first bytes of a socket option, as many as `N` and the option has.
pub(super) fn option<const N: usize>(
    socket: impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
) -> Result<[u8; N], Errno> {
    let mut value = [0; N];
    let mut len = N as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `len` bytes to `value`, which has that many.
    // JUSTIFICATION: options that rustix has no name for.
    let done = unsafe { libc::getsockopt(socket, level, name, value.as_mut_ptr().cast(), &raw mut len) };
    if done < 0 { Err(last_errno()) } else { Ok(value) }
}

pub(super) fn set_option(
    socket: impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &[u8],
) -> Result<(), Errno> {
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads as many bytes as are given.
    // JUSTIFICATION: options that rustix has no name for.
    let done = unsafe {
        libc::setsockopt(socket, level, name, value.as_ptr().cast(), value.len() as libc::socklen_t)
    };
    if done < 0 { Err(last_errno()) } else { Ok(()) }
}
