//! What the program does when it was started as launcher: it makes the jail, starts the interpreter in it and stays
//! as its supervisor. Runs in a process of its own with one thread, before anything else of the program.
//!
//! Launcher (host) -> init (pid 1 of the jail: mounts, reaps) -> interpreter. Without namespaces the launcher itself
//! supervises. The supervisor ends when the control socket does, and with it everything inside.

mod supervise;
mod sys;

use std::ffi::OsStr;
use std::io::{self, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use bytes::BytesMut;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use crate::control::{Control, Setup};

/// The first argument of a launcher.
pub(crate) const ARGUMENT: &str = "__rushlight-jail";

/// Must be the first thing `main` does: when the program was started as launcher of a function's process, this
/// never returns.
pub fn maybe_run_launcher() {
    if std::env::args_os().nth(1).as_deref() != Some(OsStr::new(ARGUMENT)) {
        return;
    }
    let code = match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "rushlight launcher: {error}");
            71
        }
    };
    std::process::exit(code);
}

fn run() -> io::Result<i32> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Some((setup, runtime)) = receive_setup(&control)? else { return Ok(0) };
    supervise::run(control, &setup, runtime, None)
}

/// The first message, with the runtime's end of the frame socket. `None` when the server has gone.
fn receive_setup(control: &UnixStream) -> io::Result<Option<(Setup, OwnedFd)>> {
    let (mut inbox, mut runtime) = (BytesMut::new(), None);
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut piece = [0; 4096];
        let received = rustix::net::recvmsg(
            control,
            &mut [IoSliceMut::new(&mut piece)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut fds) = message {
                runtime = fds.next().or(runtime);
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        inbox.extend_from_slice(&piece[..received.bytes]);
        match Control::parse(&mut inbox) {
            Ok(None) => {}
            Ok(Some(Control::Setup(setup))) => {
                let runtime =
                    runtime.ok_or_else(|| io::Error::other("no runtime socket came with the setup"))?;
                return Ok(Some((setup, runtime)));
            }
            _ => return Err(io::Error::other("not a setup")),
        }
    }
}

fn say(mut control: &UnixStream, what: &Control) -> io::Result<()> {
    control.write_all(&what.to_bytes())
}
