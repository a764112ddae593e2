//! Starts the interpreter and stands over it: hands the server's assignments to the jail's view, reaps, and ends with
//! the interpreter or with the control socket, whichever is first.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions};

use super::sys::{self, Forked};
use crate::control::{Assigned, Control, Hello, Setup};

/// Runs until the interpreter has ended; gives its exit code. `report` takes the raw wait status where the caller is
/// pid 1 of a jail and cannot end itself by a signal.
pub(super) fn run(
    control: UnixStream,
    setup: &Setup,
    runtime: OwnedFd,
    report: Option<File>,
) -> io::Result<i32> {
    let signals = sys::child_signals()?;
    let (said, saying) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let child = match sys::fork(0)? {
        Forked::Child => become_interpreter(setup, &runtime, File::from(saying)),
        Forked::Parent(pid) => pid,
    };
    drop((runtime, saying));
    let mut complaint = String::new();
    File::from(said).read_to_string(&mut complaint)?;
    let hello = Hello { jailed: false, missing: Vec::new(), failure: complaint };
    super::say(&control, &Control::Hello(hello))?;
    let status = stand(&control, &signals, child)?;
    let Some(status) = status else {
        let _ = rustix::process::kill_process_group(child, Signal::KILL);
        return Ok(0);
    };
    let _ = rustix::process::kill_process_group(child, Signal::KILL);
    if let Some(mut report) = report {
        report.write_all(&status.to_ne_bytes())?;
        return Ok(0);
    }
    mirror(status)
}

/// Ends as the interpreter ended.
pub(super) fn mirror(raw_status: i32) -> io::Result<i32> {
    if libc::WIFSIGNALED(raw_status) {
        sys::end_by_signal(libc::WTERMSIG(raw_status));
    }
    Ok(libc::WEXITSTATUS(raw_status))
}

/// Waits for the interpreter's end (its raw wait status) or the server's (`None`).
fn stand(control: &UnixStream, signals: &OwnedFd, interpreter: Pid) -> io::Result<Option<i32>> {
    let mut inbox = BytesMut::new();
    loop {
        let mut fds = [PollFd::new(control, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let (talks, ended) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if ended && let Some(status) = reap(signals, interpreter)? {
            return Ok(Some(status));
        }
        if talks && !answer(control, &mut inbox)? {
            return Ok(None);
        }
    }
}

/// Takes the status of every child that has ended; gives the interpreter's.
fn reap(signals: &OwnedFd, interpreter: Pid) -> io::Result<Option<i32>> {
    let mut record = [0; 128];
    let _ = rustix::io::read(signals, &mut record);
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == interpreter => return Ok(Some(status.as_raw())),
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Serves what the server asks; false when it has gone.
fn answer(mut control: &UnixStream, inbox: &mut BytesMut) -> io::Result<bool> {
    let mut piece = [0; 4096];
    let n = control.read(&mut piece)?;
    inbox.extend_from_slice(&piece[..n]);
    while let Ok(Some(said)) = Control::parse(inbox) {
        if let Control::Assign(_) = said {
            super::say(control, &Control::Assigned(Assigned { failure: String::new() }))?;
        }
    }
    Ok(n > 0)
}

/// In the child: takes on every limit and becomes the interpreter. What fails is written to `complaints`.
fn become_interpreter(setup: &Setup, runtime: &OwnedFd, mut complaints: File) -> ! {
    let error = exec_interpreter(setup, runtime).err();
    let error = error.unwrap_or_else(|| io::Error::other("exec returned"));
    let _ = writeln!(complaints, "{}: {error}", setup.program.display());
    std::process::exit(72);
}

fn exec_interpreter(setup: &Setup, runtime: &OwnedFd) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none)?;
    let files = Rlimit { current: Some(1024), maximum: Some(1024) };
    rustix::process::setrlimit(Resource::Nofile, files)?;
    fcntl_setfd(runtime, FdFlags::empty())?;
    Err(Command::new(&setup.program)
        .args(&setup.args)
        .arg(runtime.as_raw_fd().to_string())
        .env_clear()
        .envs(setup.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .exec())
}
