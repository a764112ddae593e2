//! A confined process that has no program yet: it waits for one on its socket and becomes it; or it is told several,
//! starts each as its child and tells how each ends. Runs as the function's own user, so it is trusted with nothing
//! that the function does not have.

use std::fs::File;
use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use super::sys::{self, Forked};
use crate::frame;
use crate::stem::{Program, RUNTIME, STEM_BYTES_MAX, ToStem};

/// Exit status of a child that could not become its program; the socket says why.
const NOT_STARTED: i32 = 127;

/// Serves until the server has gone or the process has become a program. Gives an exit status.
pub(super) fn run(socket: OwnedFd) -> i32 {
    match serve(File::from(socket)) {
        Ok(()) => 0,
        Err(_) => 70,
    }
}

fn serve(mut socket: File) -> io::Result<()> {
    // The control socket's number must not be inherited by anything.
    let null = File::options().read(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    let mut started = Vec::new();
    frame::write_started(&mut started);
    socket.write_all(&started)?;
    let mut children: Vec<(u32, Pid)> = Vec::new();
    let mut signals = None;
    loop {
        if let Some(signals) = &signals {
            wait_for_news(&socket, signals, &mut children)?;
        }
        let Some((said, passed)) = receive(&mut socket)? else { return Ok(()) };
        match said {
            ToStem::Become(program) => {
                let speaker = program.speaks_frames.then(|| socket.as_fd().as_raw_fd());
                if program.speaks_frames {
                    fcntl_setfd(&socket, FdFlags::empty())?;
                }
                let error = command(&program, speaker).exec();
                say_not_started(&mut socket, RUNTIME, &error)?;
            }
            ToStem::Start { index, program } => {
                if signals.is_none() {
                    signals = Some(sys::child_signals()?);
                }
                let pid = start(&mut socket, index, &program, passed)?;
                children.push((index, pid));
            }
            ToStem::Signal { index, signal } => {
                let pid = children.iter().find(|(i, _)| *i == index).map(|(_, pid)| *pid);
                let signal = Signal::from_named_raw(i32::try_from(signal).unwrap_or(libc::SIGKILL));
                if let (Some(pid), Some(signal)) = (pid, signal) {
                    let _ = rustix::process::kill_process(pid, signal);
                }
            }
        }
    }
}

/// Returns when the socket has something; tells of children that end meanwhile.
fn wait_for_news(mut socket: &File, signals: &OwnedFd, children: &mut Vec<(u32, Pid)>) -> io::Result<()> {
    loop {
        let mut fds = [PollFd::new(socket, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let (talks, ended) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if ended {
            let _ = rustix::io::read(signals, &mut [0; 128]);
            while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
                if let Some(at) = children.iter().position(|(_, child)| *child == pid) {
                    let (index, _) = children.swap_remove(at);
                    let mut out = Vec::new();
                    frame::write_ended(&mut out, index, status.as_raw());
                    socket.write_all(&out)?;
                }
            }
        }
        if talks {
            return Ok(());
        }
    }
}

fn start(socket: &mut File, index: u32, program: &Program, passed: Option<OwnedFd>) -> io::Result<Pid> {
    match sys::fork(0)? {
        Forked::Parent(pid) => Ok(pid),
        Forked::Child => {
            if let Some(passed) = &passed {
                fcntl_setfd(passed, FdFlags::empty())?;
            }
            let error = command(program, passed.as_ref().map(|fd| fd.as_raw_fd())).exec();
            let _ = say_not_started(socket, index, &error);
            std::process::exit(NOT_STARTED);
        }
    }
}

fn command(program: &Program, speaker: Option<i32>) -> Command {
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .args(speaker.map(|fd| fd.to_string()))
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.folder)
        .stdin(Stdio::null());
    command
}

fn say_not_started(socket: &mut File, index: u32, error: &io::Error) -> io::Result<()> {
    let mut out = Vec::new();
    frame::write_not_started(&mut out, index, error.raw_os_error().unwrap_or(0));
    socket.write_all(&out)
}

/// Exactly one frame: what follows it may be for the program that this process becomes.
fn receive(socket: &mut File) -> io::Result<Option<(ToStem, Option<OwnedFd>)>> {
    let mut head = [0; 5];
    let mut passed = None;
    let mut have = 0;
    while have < head.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut rest = [IoSliceMut::new(&mut head[have..])];
        let received = rustix::net::recvmsg(&*socket, &mut rest, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut fds) = message {
                passed = fds.next().or(passed);
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        have += received.bytes;
    }
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if len == 0 || len > STEM_BYTES_MAX {
        return Err(io::Error::other("not a frame for a stem"));
    }
    let mut body = vec![0; len - 1];
    socket.read_exact(&mut body)?;
    let said = ToStem::parse(head[4], Bytes::from(body));
    said.map(|said| Some((said, passed))).map_err(|_| io::Error::other("not a frame for a stem"))
}
