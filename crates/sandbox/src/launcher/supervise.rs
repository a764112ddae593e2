//! Starts the interpreter and stands over it: hands the server's assignments to the jail's view, reaps, and ends with
//! the interpreter or with the control socket, whichever is first.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::SendFlags;
use rustix::process::{Pid, Signal, WaitOptions};

use super::confine::{Counting, Identity};
use super::door::{Door, Policy};
use super::stillness::Stillness;
use super::sys::{self, Forked};
use super::{Post, confine, network, notification};
use crate::config::FunctionNetwork;
use crate::control::{Assigned, Control, Hello};
use crate::descriptors;
use crate::report::Layer;

/// How often what has lost its parent is looked for at the end of a function without a jail.
const GENERATIONS_MAX: usize = 1000;

/// Runs until the interpreter has ended, or the server has gone; gives the interpreter's raw wait status.
pub(super) fn run(mut post: Post) -> io::Result<i32> {
    let signals = sys::child_signals()?;
    let jailed = matches!(post.identity, Some(Identity::Jailed { .. }));
    if !jailed {
        // Pid 1 of a jail takes everything with it; without one, what leaves its parent comes to this process.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    }
    let (said, saying) = UnixStream::pair()?;
    let interpreter = match sys::fork(0)? {
        Forked::Child => become_interpreter(&post, saying),
        Forked::Parent(pid) => pid,
    };
    drop(saying);
    let (complaints, brought) = hear(&said)?;
    let mut hello = hello(&post, &complaints);
    // The listener and the spare socket are the server's, the rest is for the door.
    let (mut for_server, mut for_door) = (brought, Vec::new());
    if for_server.len() > 2 {
        for_door = for_server.split_off(2);
    }
    if let Some(error) = open_door(&mut post, for_door) {
        hello.missing.push((Layer::Network, error.to_string()));
    }
    let beside: Vec<_> = for_server.iter().map(OwnedFd::as_fd).collect();
    super::say(&post.control, &Control::Hello(hello), &beside)?;
    drop(for_server);
    // Held by the interpreter alone from here, so that its end is the socket's.
    let (placeholder, _) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    post.runtime = placeholder;
    let status = stand(&mut post, &signals, interpreter)?;
    if status.is_some() {
        // The server may have gone at the same moment.
        let _ = super::say(&post.control, &Control::Ended { max_rss_kib: sys::children_max_rss_kib() }, &[]);
    }
    let _ = rustix::process::kill_process_group(interpreter, Signal::KILL);
    if !jailed {
        end_descendants();
    }
    Ok(status.unwrap_or(libc::SIGKILL))
}

/// Kills what a function without a jail has left behind: its children, and those that come to this process when they
/// have ended, until there are none. Whoever forks faster than that is given up.
fn end_descendants() {
    for _ in 0..GENERATIONS_MAX {
        let children = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        let pids = children.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
        let killed = pids.filter(|pid| rustix::process::kill_process(*pid, Signal::KILL).is_ok()).count();
        if killed == 0 {
            return;
        }
        // One of them ends for certain; of the others as many as have.
        let mut waiting = WaitOptions::empty();
        while let Ok(Some(_)) = rustix::process::wait(waiting) {
            waiting = WaitOptions::NOHANG;
        }
    }
}

/// From the function's network and its held calls; why it cannot be.
fn open_door(post: &mut Post, brought: Vec<OwnedFd>) -> Option<rustix::io::Errno> {
    let [inside, calls] = <[OwnedFd; 2]>::try_from(brought).ok()?;
    match Door::new(calls, inside, Policy::new(post.setup.network, post.setup.endpoint)) {
        Ok(door) => post.door = Some(door),
        Err(errno) => return Some(errno),
    }
    None
}

/// What the interpreter's process says until it is the interpreter, and the descriptors it hands out.
fn hear(said: &UnixStream) -> io::Result<(String, Vec<OwnedFd>)> {
    let (mut text, mut beside) = (Vec::new(), Vec::new());
    loop {
        let mut piece = [0; 4096];
        match descriptors::receive(said, &mut piece, &mut beside)? {
            0 => return Ok((String::from_utf8_lossy(&text).into_owned(), beside)),
            n => text.extend_from_slice(&piece[..n]),
        }
    }
}

/// What the interpreter's process said before it became the interpreter: `layer TAB reason` lines, or why it did not.
fn hello(post: &Post, complaints: &str) -> Hello {
    let mut hello =
        Hello { jailed: post.root.is_some(), missing: post.missing.clone(), failure: String::new() };
    for line in complaints.lines().filter(|line| !line.is_empty()) {
        let (name, reason) = line.split_once('\t').unwrap_or(("", line));
        match Layer::ALL.into_iter().find(|layer| layer.name() == name) {
            Some(layer) => hello.missing.push((layer, reason.to_owned())),
            None => hello.failure.push_str(reason),
        }
    }
    hello
}

/// Ends as the interpreter ended.
pub(super) fn mirror(raw_status: i32) -> io::Result<i32> {
    if libc::WIFSIGNALED(raw_status) {
        sys::end_by_signal(libc::WTERMSIG(raw_status));
    }
    Ok(libc::WEXITSTATUS(raw_status))
}

/// Waits for the interpreter's end (its raw wait status) or the server's (`None`).
fn stand(post: &mut Post, signals: &OwnedFd, interpreter: Pid) -> io::Result<Option<i32>> {
    let mut inbox = BytesMut::new();
    loop {
        let mut fds = vec![PollFd::new(&post.control, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        fds.extend(post.door.iter().flat_map(Door::descriptors));
        match rustix::event::poll(&mut fds, patience(post).as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let (talks, ended) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        let calls = fds.get(2).is_some_and(|fd| fd.revents().contains(PollFlags::IN));
        let all_gone = fds.get(2).is_some_and(|fd| fd.revents().contains(PollFlags::HUP));
        let at_door = fds[2..].iter().any(|fd| !fd.revents().is_empty());
        drop(fds);
        match &mut post.door {
            // Nobody is left who could call.
            Some(_) if all_gone => post.door = None,
            Some(door) if at_door || door.patience().is_some() => door.serve(calls),
            _ => {}
        }
        if ended && let Some(status) = reap(signals, interpreter)? {
            return Ok(Some(status));
        }
        if talks && !answer(post, &mut inbox, interpreter)? {
            return Ok(None);
        }
        if post.stillness.as_mut().is_some_and(|stillness| !stillness.holds()) {
            // Its end is the function's: all of it, at once.
            return Ok(Some(libc::SIGKILL));
        }
    }
}

/// How long to wait at most.
fn patience(post: &Post) -> Option<Timespec> {
    let door = post.door.as_ref().and_then(Door::patience).copied();
    let stillness = post.stillness.as_ref().map(Stillness::patience);
    door.into_iter().chain(stillness).min_by_key(|time| (time.tv_sec, time.tv_nsec))
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
fn answer(post: &mut Post, inbox: &mut BytesMut, interpreter: Pid) -> io::Result<bool> {
    let mut piece = [0; 4096];
    let n = (&post.control).read(&mut piece)?;
    inbox.extend_from_slice(&piece[..n]);
    while let Ok(Some(said)) = Control::parse(inbox) {
        match said {
            Control::Freeze => {
                signal_all(post, interpreter, Signal::STOP);
                let jailed = matches!(post.identity, Some(Identity::Jailed { .. }));
                post.stillness = jailed.then(Stillness::begin);
            }
            Control::Thaw => {
                post.stillness = None;
                signal_all(post, interpreter, Signal::CONT);
            }
            _ => {}
        }
        if let Control::Assign(assign) = said {
            // Once: with the namespaces' descriptors and the capabilities goes the way to mount anything else.
            let done = post.root.take().map_or(Ok(()), |mut root| root.assign(&assign));
            confine::drop_supervisor_privileges(post.identity, post.door.is_some())?;
            let failure = done.err().map_or_else(String::new, |error| error.to_string());
            super::say(&post.control, &Control::Assigned(Assigned { failure }), &[])?;
        }
    }
    Ok(n > 0)
}

/// Everything of the function: in a jail all but this process, else the interpreter and what has not left its group.
fn signal_all(post: &Post, interpreter: Pid, signal: Signal) {
    // Who has gone needs no signal.
    let _ = match post.identity {
        Some(Identity::Jailed { .. }) => sys::signal_all_others(signal),
        _ => rustix::process::kill_process_group(interpreter, signal).map_err(io::Error::from),
    };
}

/// In the child: takes on every limit and becomes the interpreter. What fails is written to `complaints`.
fn become_interpreter(post: &Post, mut complaints: UnixStream) -> ! {
    if post.setup.program.as_os_str().is_empty() {
        become_stem(post, complaints);
    }
    let error = exec_interpreter(post, &mut complaints);
    let _ = writeln!(complaints, "\t{}: {error}", post.setup.program.display());
    std::process::exit(72);
}

/// In the child, when there is no program yet: takes on every limit and waits to be told one.
fn become_stem(post: &Post, mut complaints: UnixStream) -> ! {
    let socket = rustix::process::setsid().map_err(io::Error::from).and_then(|_| {
        take_on_limits(post, &mut complaints)?;
        post.runtime.try_clone()
    });
    match socket {
        Ok(socket) => {
            // The end of the complaints is what the supervisor waits for.
            drop(complaints);
            std::process::exit(super::stem::run(socket));
        }
        Err(error) => {
            let _ = writeln!(complaints, "\t{error}");
            std::process::exit(72);
        }
    }
}

/// Returns only when it fails.
fn exec_interpreter(post: &Post, complaints: &mut UnixStream) -> io::Error {
    match prepare(post, complaints) {
        Ok(mut interpreter) => interpreter.exec(),
        Err(error) => error,
    }
}

fn prepare(post: &Post, complaints: &mut UnixStream) -> io::Result<Command> {
    rustix::process::setsid()?;
    fcntl_setfd(&post.runtime, FdFlags::empty())?;
    let mut interpreter = Command::new(&post.setup.program);
    interpreter
        .args(&post.setup.args)
        .arg(post.runtime.as_raw_fd().to_string())
        .env_clear()
        .envs(post.setup.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    take_on_limits(post, complaints)?;
    Ok(interpreter)
}

fn take_on_limits(post: &Post, complaints: &mut UnixStream) -> io::Result<()> {
    let own_network = enter_network(post, complaints);
    if let Err(error) = &own_network {
        writeln!(complaints, "{}\t{error}", Layer::Network)?;
    }
    match post.identity {
        Some(identity) => {
            for (layer, reason) in
                confine::confine(identity, matches!(own_network, Ok(true)), counting(post))?
            {
                writeln!(complaints, "{layer}\t{reason}")?;
            }
        }
        None => rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?,
    }
    if matches!(own_network, Ok(true))
        && let Err(error) = hand_out_calls(complaints)
    {
        writeln!(complaints, "{}\t{error}", Layer::Network)?;
    }
    Ok(())
}

fn counting(post: &Post) -> Counting {
    let refused = post.missing.iter().any(|(layer, _)| *layer == Layer::Cgroup);
    if post.setup.groups.is_empty() || refused { Counting::FromOutside } else { Counting::Group }
}

/// A network of the function's own, where that is wanted and there is a jail; whether there is. Its listener and the
/// network go to pid 1.
fn enter_network(post: &Post, complaints: &UnixStream) -> io::Result<bool> {
    match (post.setup.network, post.identity) {
        (FunctionNetwork::Host, _) | (_, None) => Ok(false),
        (_, Some(Identity::Host)) => Err(io::Error::other("needs the namespaces layer")),
        (_, Some(Identity::Jailed { .. })) => {
            notification::check()?;
            let own = network::enter()?;
            let all = [own.listener.as_fd(), own.spare.as_fd(), own.network.as_fd()];
            descriptors::send(complaints, b"\n", &all, SendFlags::empty())?;
            Ok(true)
        }
    }
}

/// From here on calls to the outside are held for pid 1.
fn hand_out_calls(complaints: &UnixStream) -> io::Result<()> {
    let calls = notification::take_on()?;
    let not_held = SendFlags::from_bits_retain(notification::NOT_HELD);
    descriptors::send(complaints, b"\n", &[calls.as_fd()], not_held)
}
