//! A confined process that has no program yet: it waits for one on its socket and becomes it; or it is told several,
//! starts each as its child and tells how each ends. Runs as the function's own user, so it is trusted with nothing
//! that the function does not have.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, WaitOptions};

use super::sys::{self, Forked};
use crate::stem::{Program, RUNTIME, STEM_BYTES_MAX, ToStem};
use crate::{descriptors, frame};

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
                let error = become_program(&program, command(&program, speaker));
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
            // A signal for one is none for the others.
            rustix::process::setpgid(None, None)?;
            let error = match passed {
                Some(socket) if program.speaks_frames => {
                    fcntl_setfd(&socket, FdFlags::empty())?;
                    become_program(program, command(program, Some(socket.as_raw_fd())))
                }
                Some(output) => {
                    let errors = output.try_clone()?;
                    let mut command = command(program, None);
                    command.stdout(output).stderr(errors);
                    become_program(program, command)
                }
                None => become_program(program, command(program, None)),
            };
            let _ = say_not_started(socket, index, &error);
            std::process::exit(NOT_STARTED);
        }
    }
}

/// Returns only when it fails. What is no program is refused here, where the C library would have a shell read it.
fn become_program(program: &Program, mut command: Command) -> io::Error {
    let mut head = [0; 4];
    let read = rustix::fs::access(&program.path, rustix::fs::Access::EXEC_OK)
        .map_err(io::Error::from)
        .map(|()| File::open(&program.path).and_then(|mut file| file.read(&mut head)));
    match read {
        Err(error) => return error,
        Ok(Ok(n)) if !head[..n].starts_with(b"#!") && !head[..n].starts_with(b"\x7fELF") => {
            return io::Error::from_raw_os_error(libc::ENOEXEC);
        }
        // A program may be closed to readers.
        Ok(_) => {}
    }
    command.exec()
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
    let (mut head, mut passed, mut have) = ([0; 5], Vec::new(), 0);
    while have < head.len() {
        match descriptors::receive(&*socket, &mut head[have..], &mut passed)? {
            0 => return Ok(None),
            n => have += n,
        }
    }
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if len == 0 || len > STEM_BYTES_MAX {
        return Err(io::Error::other("not a frame for a stem"));
    }
    let mut body = vec![0; len - 1];
    socket.read_exact(&mut body)?;
    let said = ToStem::parse(head[4], Bytes::from(body));
    said.map(|said| Some((said, passed.pop()))).map_err(|_| io::Error::other("not a frame for a stem"))
}
