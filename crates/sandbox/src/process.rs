//! One runtime process as the server sees it: launcher child, control socket, frame socket, output pipes.
//! Knows frames and bytes; what an invocation means is `environment`'s.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::BytesMut;
use rustix::net::SendFlags;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::cgroup::{Group, GroupLimits};
use crate::control::{Assign, Control, Hello, Setup};
use crate::descriptors;
use crate::frame::{self, FromRuntime};
use crate::freezer::{Freezer, Still};
use crate::launcher;
use crate::log::{LineSplitter, LogCollector};
use crate::runtime_api::Category;
use crate::stem::{Program, RUNTIME, ToStem};

/// Bytes read at a time.
const PIECE: usize = 16 * 1024;

/// A socket holds less than this many pieces.
const LEFTOVER_PIECES: usize = 64;

/// A supervisor answers in microseconds; one that takes this long is broken.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Process {
    /// `None` only while being dropped.
    child: Option<Child>,
    control: UnixStream,
    control_inbox: BytesMut,
    /// Listens on 127.0.0.1:9001 of the process's own network, if it has one.
    runtime_listener: Option<OwnedFd>,
    /// A socket of that network, connected to nothing.
    spare_socket: Option<OwnedFd>,
    hello: Option<Hello>,
    channel: UnixStream,
    channel_open: bool,
    /// The stem that stands over several programs, the runtime among them.
    steward: Option<Steward>,
    /// What extensions write, and the end they write it to.
    extensions_output: Option<(Output, OwnedFd)>,
    /// The channel's end is not the process's: it is closed when a stem becomes its program.
    outlives_channel: bool,
    /// It closed the socket with something unread in it.
    channel_reset: bool,
    inbox: BytesMut,
    /// The pipes were read since frames were.
    caught_up: bool,
    outbox: Vec<u8>,
    sent: usize,
    stdout: Output,
    stderr: Output,
    body_bytes_max: usize,
    /// `None` where the host has none to give, and while being dropped.
    group: Option<Group>,
    /// Whether it stands still; `None`: it never does.
    still: Option<Still>,
    /// The turn in which it starts; others may when it is given back.
    turn: Option<OwnedSemaphorePermit>,
}

/// What happens to a process that is being listened to.
#[derive(Debug)]
pub(crate) enum Event {
    Frame(FromRuntime),
    /// It ended; `None` when how is not known.
    Exited(Option<ExitStatus>),
    /// It sent what is no frame, or closed the socket.
    Broken,
    /// The timer that the listener gave has run out.
    Alarm,
}

impl Process {
    /// Starts a launcher with `setup`; blocks while the program is loaded (about a millisecond).
    pub(crate) fn spawn(
        program: &Path,
        mut setup: Setup,
        group: Option<Group>,
        body_bytes_max: usize,
    ) -> io::Result<Self> {
        setup.groups = group.as_ref().map(Group::doors).unwrap_or_default();
        let (control, control_far) = StdUnixStream::pair()?;
        let (channel, channel_far) = StdUnixStream::pair()?;
        let mut child = Command::new(program)
            .arg(launcher::ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(control_far)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout pipe"))?;
        let stderr = child.stderr.take().ok_or_else(|| io::Error::other("no stderr pipe"))?;
        send_setup(&control, setup, &channel_far)?;
        control.set_nonblocking(true)?;
        channel.set_nonblocking(true)?;
        Ok(Self {
            child: Some(child),
            control: UnixStream::from_std(control)?,
            control_inbox: BytesMut::new(),
            runtime_listener: None,
            spare_socket: None,
            hello: None,
            channel: UnixStream::from_std(channel)?,
            channel_open: true,
            steward: None,
            extensions_output: None,
            outlives_channel: false,
            channel_reset: false,
            inbox: BytesMut::with_capacity(PIECE),
            caught_up: false,
            outbox: Vec::with_capacity(1024),
            sent: 0,
            stdout: Output::new(stdout.into_owned_fd()?, Category::Function)?,
            stderr: Output::new(stderr.into_owned_fd()?, Category::Function)?,
            body_bytes_max,
            group,
            still: None,
            turn: None,
        })
    }

    /// Lets it stand still while nothing is asked of it.
    pub(crate) fn freeze_with(&mut self, freezer: &Freezer) -> io::Result<()> {
        self.still = Some(freezer.add(self.control.as_fd().try_clone_to_owned()?));
        Ok(())
    }

    /// Nothing is asked of it from now on.
    pub(crate) fn rest(&self) {
        self.still.iter().for_each(Still::rest);
    }

    /// Before anything is asked of it.
    pub(crate) fn wake(&self) {
        self.still.iter().for_each(Still::wake);
    }

    /// Keeps `turn` until the interpreter stands.
    pub(crate) fn hold_until_started(&mut self, turn: Option<OwnedSemaphorePermit>) {
        self.turn = turn;
    }

    /// Waits until the interpreter stands and waits for its function.
    pub(crate) async fn started(&mut self) -> io::Result<()> {
        let starting = async {
            loop {
                self.channel.readable().await?;
                self.channel_open = read_some(&self.channel, &mut self.inbox)?;
                match frame::parse_runtime(&mut self.inbox, self.body_bytes_max) {
                    Ok(Some(FromRuntime::Started)) => return Ok(()),
                    Ok(None) if self.channel_open => {}
                    _ => return Err(io::Error::other("the interpreter ended before it stood")),
                }
            }
        };
        let started = tokio::time::timeout(CONTROL_TIMEOUT, starting).await;
        self.turn = None;
        started.unwrap_or_else(|_| Err(io::Error::other("the interpreter does not start")))
    }

    /// Puts the kernel's limits in force, where it has any.
    pub(crate) fn limit(&self, limits: GroupLimits) -> io::Result<()> {
        self.group.as_ref().map_or(Ok(()), |group| group.limit(limits))
    }

    /// Whether the kernel has killed one of its processes for its memory.
    pub(crate) fn has_run_out_of_memory(&self) -> bool {
        self.group.as_ref().is_some_and(Group::has_run_out)
    }

    /// The launcher's process id on the host.
    pub(crate) fn launcher_pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// What confines the process. Waits for it to stand.
    pub(crate) async fn hello(&mut self) -> io::Result<&Hello> {
        if self.hello.is_none() {
            match self.read_control().await? {
                Control::Hello(hello) => self.hello = Some(hello),
                _ => return Err(io::Error::other("the launcher did not say hello")),
            }
        }
        self.hello.as_ref().ok_or_else(|| io::Error::other("no hello"))
    }

    /// The listener on [`launcher::RUNTIME_API`] of the process's own network, known once it has said hello. `None` when
    /// it has the host's network, or when it was taken before. Whoever wants none drops it: then the port is closed.
    pub(crate) fn take_runtime_listener(&mut self) -> Option<std::net::TcpListener> {
        self.runtime_listener.take().map(std::net::TcpListener::from)
    }

    /// The way to the ports of its own network; `None` when it has the host's.
    pub(crate) fn take_spare_socket(&mut self) -> Option<OwnedFd> {
        self.spare_socket.take()
    }

    /// Mounts a function's code. The inner `Err` says why it cannot be.
    pub(crate) async fn assign(&mut self, assign: Assign) -> io::Result<Result<(), String>> {
        let bytes = Control::Assign(assign).to_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.control.writable().await?;
            match self.control.try_write(&bytes[at..]) {
                Ok(n) => at += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        match self.read_control().await? {
            Control::Assigned(answer) if answer.failure.is_empty() => Ok(Ok(())),
            Control::Assigned(answer) => Ok(Err(answer.failure)),
            _ => Err(io::Error::other("the launcher did not answer an assignment")),
        }
    }

    async fn read_control(&mut self) -> io::Result<Control> {
        let reading = async {
            loop {
                if let Some(control) = Control::parse(&mut self.control_inbox)
                    .map_err(|_| io::Error::other("launcher garbage"))?
                {
                    return Ok(control);
                }
                self.control.readable().await?;
                let (mut piece, mut beside) = ([0; 4096], Vec::new());
                let read = self.control.try_io(tokio::io::Interest::READABLE, || {
                    descriptors::receive(&self.control, &mut piece, &mut beside)
                });
                match read {
                    Ok(0) => return Err(io::Error::other("the launcher ended")),
                    Ok(n) => self.control_inbox.extend_from_slice(&piece[..n]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
                let mut beside = beside.into_iter();
                self.runtime_listener = beside.next().or(self.runtime_listener.take());
                self.spare_socket = beside.next().or(self.spare_socket.take());
            }
        };
        match tokio::time::timeout(CONTROL_TIMEOUT, reading).await {
            Ok(read) => read,
            Err(_) => Err(io::Error::other("the launcher does not answer")),
        }
    }

    /// Tells a stem to become its program, which speaks on no channel.
    pub(crate) fn become_program(&mut self, program: Program) -> io::Result<()> {
        self.outlives_channel = true;
        ToStem::Become(program).write(self.outbox());
        self.push()
    }

    /// Tells a stem to become its program, which speaks frames on the stem's own socket.
    pub(crate) fn become_speaker(&mut self, program: Program) -> io::Result<()> {
        ToStem::Become(program).write(self.outbox());
        self.push()
    }

    /// Has a stem start a program beside others. What it speaks frames on is the channel from then on; an extension
    /// writes to a pipe of its own.
    pub(crate) fn start_program(&mut self, index: u32, program: Program) -> io::Result<()> {
        let mut frame = Vec::new();
        let speaks_frames = program.speaks_frames;
        ToStem::Start { index, program }.write(&mut frame);
        let (near, passed) = if speaks_frames {
            let (near, far) = StdUnixStream::pair()?;
            near.set_nonblocking(true)?;
            (Some(UnixStream::from_std(near)?), Some(OwnedFd::from(far)))
        } else if index == RUNTIME {
            (None, None)
        } else {
            (None, Some(self.output_of_extensions()?))
        };
        if self.steward.is_none() {
            // Until now the stem was who listened on the channel.
            let (closed, _) = UnixStream::pair()?;
            let socket = std::mem::replace(&mut self.channel, closed);
            self.steward = Some(Steward { socket, inbox: std::mem::take(&mut self.inbox), open: true });
            self.channel_open = false;
            self.outlives_channel = true;
        }
        if let Some(near) = near {
            (self.channel, self.channel_open) = (near, true);
        }
        let steward = self.steward.as_ref().ok_or_else(|| io::Error::other("no steward"))?;
        let passed: Vec<_> = passed.iter().map(|fd| fd.as_fd()).collect();
        descriptors::send(&steward.socket, &frame, &passed, SendFlags::empty())
    }

    /// The end that extensions write to.
    fn output_of_extensions(&mut self) -> io::Result<OwnedFd> {
        if self.extensions_output.is_none() {
            let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
            self.extensions_output = Some((Output::new(read, Category::Extension)?, write));
        }
        let (_, write) = self.extensions_output.as_ref().ok_or_else(|| io::Error::other("no pipe"))?;
        write.try_clone()
    }

    /// Sends a signal to a program under a steward.
    pub(crate) fn signal(&self, index: u32, signal: i32) {
        let Some(steward) = &self.steward else { return };
        let mut frame = Vec::new();
        ToStem::Signal { index, signal: signal.unsigned_abs() }.write(&mut frame);
        // One that has gone needs no signal.
        let _ = descriptors::send(&steward.socket, &frame, &[], SendFlags::empty());
    }

    pub(crate) fn has_steward(&self) -> bool {
        self.steward.is_some()
    }

    /// Queues a frame for the runtime; it is sent by [`Self::next`].
    pub(crate) fn outbox(&mut self) -> &mut Vec<u8> {
        if self.sent == self.outbox.len() {
            self.outbox.clear();
            self.outbox.shrink_to(1 << 20);
            self.sent = 0;
        }
        &mut self.outbox
    }

    /// Sends as much of the queue as the socket takes at once.
    pub(crate) fn push(&mut self) -> io::Result<()> {
        self.send_queued();
        if self.channel_open { Ok(()) } else { Err(io::Error::other("the runtime's process has ended")) }
    }

    /// Sends what is queued and listens until something happens. Output goes to `log` as it comes.
    pub(crate) async fn next(&mut self, log: &mut LogCollector, clock: &Clock, alarm: Instant) -> Event {
        let alarm = tokio::time::sleep_until(alarm);
        tokio::pin!(alarm);
        loop {
            // Who always finds something to read would never leave the thread to others.
            tokio::task::coop::consume_budget().await;
            self.send_queued();
            if let Some(steward) = &mut self.steward {
                match frame::parse_runtime(&mut steward.inbox, STEWARD_BYTES_MAX) {
                    Ok(Some(FromRuntime::Started) | None) => {}
                    Ok(Some(frame)) => return Event::Frame(frame),
                    Err(frame::Garbage) => return Event::Broken,
                }
            }
            match frame::parse_runtime(&mut self.inbox, self.body_bytes_max) {
                Ok(Some(FromRuntime::Started)) => {
                    self.turn = None;
                    continue;
                }
                Ok(Some(FromRuntime::Output { timestamp_ms, is_error, text })) => {
                    self.catch_up(log, clock.now());
                    self.put_output(log, timestamp_ms, is_error, &text);
                    continue;
                }
                Ok(Some(frame)) => {
                    if matches!(frame, FromRuntime::Log { .. }) {
                        self.catch_up(log, clock.now());
                    }
                    return Event::Frame(frame);
                }
                Ok(None) => {}
                Err(frame::Garbage) => return Event::Broken,
            }
            if !self.channel_open && !self.outlives_channel {
                return self.end_of_broken().await;
            }
            let Some(child) = self.child.as_mut() else { return Event::Exited(None) };
            let wants_write = self.sent < self.outbox.len();
            tokio::select! {
                // The alarm first: a flood of output must not outrun it.
                biased;
                () = &mut alarm => return Event::Alarm,
                ready = self.channel.readable(), if self.channel_open => {
                    let read = ready.and_then(|()| read_some(&self.channel, &mut self.inbox));
                    self.channel_open = matches!(read, Ok(true));
                    self.caught_up = false;
                    self.channel_reset = read.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset);
                }
                _ = self.channel.writable(), if wants_write => {}
                () = steward_readable(self.steward.as_ref()) => {
                    if let Some(steward) = &mut self.steward {
                        steward.open = matches!(read_some(&steward.socket, &mut steward.inbox), Ok(true));
                    }
                }
                () = extensions_readable(self.extensions_output.as_ref()) => {
                    if let Some((output, _)) = &mut self.extensions_output {
                        output.read(log, clock.now());
                    }
                }
                () = self.stdout.readable() => self.stdout.read(log, clock.now()),
                () = self.stderr.readable() => self.stderr.read(log, clock.now()),
                status = child.wait() => return Event::Exited(status.ok()),
            }
        }
    }

    /// The frame socket closed: the process has ended, or soon will be.
    async fn end_of_broken(&mut self) -> Event {
        let Some(child) = self.child.as_mut() else { return Event::Exited(None) };
        match tokio::time::timeout(Duration::from_secs(1), child.wait()).await {
            Ok(status) => Event::Exited(status.ok()),
            Err(_) => Event::Broken,
        }
    }

    /// Writes as much as the socket takes.
    fn send_queued(&mut self) {
        while self.sent < self.outbox.len() && self.channel_open {
            match self.channel.try_write(&self.outbox[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.channel_open = false,
            }
        }
    }

    /// Takes everything the process has written to its pipes before now: what a function wrote before its answer
    /// is in them already, so nothing of it can slip into the next invocation.
    pub(crate) fn drain_output(&mut self, log: &mut LogCollector, now: Timestamp) {
        self.stdout.drain(log, now);
        self.stderr.drain(log, now);
        if let Some((output, _)) = &mut self.extensions_output {
            output.drain(log, now);
        }
    }

    /// What the function has written by frames, which stand in order with those of its log.
    pub(crate) fn put_output(
        &mut self,
        log: &mut LogCollector,
        timestamp_ms: u64,
        is_error: bool,
        text: &[u8],
    ) {
        let at = Timestamp(i64::try_from(timestamp_ms).unwrap_or(0));
        let output = if is_error { &mut self.stderr } else { &mut self.stdout };
        output.splitter.feed(text, at, log);
    }

    /// What its children have written to the pipes is older than the frame that is there by now.
    /// Once for all frames that were read together.
    fn catch_up(&mut self, log: &mut LogCollector, now: Timestamp) {
        if std::mem::replace(&mut self.caught_up, true) {
            return;
        }
        self.stdout.read_once(log, now);
        self.stderr.read_once(log, now);
    }

    /// A frame that has come while nothing was asked. Costs no system call when nothing has come.
    pub(crate) fn parse_unasked(&mut self) -> Result<Option<FromRuntime>, frame::Garbage> {
        if let Some(steward) = &mut self.steward {
            let _ = steward.socket.try_read_buf(&mut steward.inbox);
            if let Some(frame) = frame::parse_runtime(&mut steward.inbox, STEWARD_BYTES_MAX)? {
                return Ok(Some(frame));
            }
        }
        if let Some(frame) = frame::parse_runtime(&mut self.inbox, self.body_bytes_max)? {
            return Ok(Some(frame));
        }
        self.inbox.reserve(PIECE);
        match self.channel.try_read_buf(&mut self.inbox) {
            Ok(1..) => frame::parse_runtime(&mut self.inbox, self.body_bytes_max),
            // Its end is for others to find.
            Ok(0) | Err(_) => Ok(None),
        }
    }

    /// The next frame of those that came before the process ended.
    pub(crate) fn parse_leftover(&mut self) -> Option<FromRuntime> {
        loop {
            if let Some(frame) = frame::parse_runtime(&mut self.inbox, self.body_bytes_max).ok()? {
                return Some(frame);
            }
            if self.channel.try_read_buf(&mut self.inbox).ok()? == 0 {
                return None;
            }
        }
    }

    /// Whether the runtime has ended without having read the last frame: then the frame has had no effect.
    pub(crate) fn is_unheard(&mut self) -> bool {
        let mut piece = [0; PIECE];
        // The error comes after what it said at last. The descriptor itself is asked, as with the pipes.
        for _ in 0..LEFTOVER_PIECES {
            match rustix::io::read(&self.channel, &mut piece) {
                Ok(n @ 1..) => self.inbox.extend_from_slice(&piece[..n]),
                Err(rustix::io::Errno::CONNRESET) => self.channel_reset = true,
                Ok(_) | Err(_) => break,
            }
        }
        self.channel_reset || self.sent < self.outbox.len()
    }

    /// The largest size of an interpreter that has ended, as its supervisor says; 0 when it said nothing.
    pub(crate) fn last_max_rss_kib(&mut self) -> u64 {
        while self.control.try_read_buf(&mut self.control_inbox).is_ok_and(|n| n > 0) {}
        match Control::parse(&mut self.control_inbox) {
            Ok(Some(Control::Ended { max_rss_kib })) => u64::from(max_rss_kib),
            _ => 0,
        }
    }

    /// False once the launcher has ended.
    pub(crate) fn is_running(&mut self) -> bool {
        (self.channel_open || self.outlives_channel)
            && self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Process {
    /// Closing the control socket ends everything inside; the launcher is reaped in the background.
    fn drop(&mut self) {
        let (Some(mut child), group) = (self.child.take(), self.group.take()) else { return };
        let Ok(handle) = tokio::runtime::Handle::try_current() else { return };
        let _ = rustix::net::shutdown(self.control.as_fd(), rustix::net::Shutdown::Both);
        handle.spawn(async move {
            if tokio::time::timeout(CONTROL_TIMEOUT, child.wait()).await.is_err() {
                tracing::warn!(pid = child.id(), "a launcher did not end; killing it");
                let _ = child.kill().await;
            }
            if let Some(group) = group {
                group.remove().await;
            }
        });
    }
}

/// Frames of a steward are short.
const STEWARD_BYTES_MAX: usize = 1024;

/// The socket of a stem that stands over several programs.
#[derive(Debug)]
struct Steward {
    socket: UnixStream,
    inbox: BytesMut,
    open: bool,
}

async fn steward_readable(steward: Option<&Steward>) {
    match steward {
        Some(steward) if steward.open && steward.socket.readable().await.is_ok() => {}
        _ => std::future::pending().await,
    }
}

async fn extensions_readable(output: Option<&(Output, OwnedFd)>) {
    match output {
        Some((output, _)) => output.readable().await,
        None => std::future::pending().await,
    }
}

/// Reads once; false at the end of the stream.
fn read_some(stream: &UnixStream, inbox: &mut BytesMut) -> io::Result<bool> {
    inbox.reserve(PIECE);
    match stream.try_read_buf(inbox) {
        Ok(n) => Ok(n > 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

fn send_setup(control: &StdUnixStream, setup: Setup, runtime: &StdUnixStream) -> io::Result<()> {
    let bytes = Control::Setup(setup).to_bytes();
    if bytes.len() > crate::control::CONTROL_BYTES_MAX {
        return Err(io::Error::other("the jail's description is too long"));
    }
    descriptors::send(control, &bytes, &[runtime.as_fd()], SendFlags::empty())
}

/// One output pipe and its unfinished line.
#[derive(Debug)]
struct Output {
    pipe: pipe::Receiver,
    open: bool,
    splitter: LineSplitter,
}

impl Output {
    fn new(fd: OwnedFd, category: Category) -> io::Result<Self> {
        Ok(Self {
            pipe: pipe::Receiver::from_owned_fd(fd)?,
            open: true,
            splitter: LineSplitter::of(category),
        })
    }

    async fn readable(&self) {
        if !self.open || self.pipe.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn read(&mut self, log: &mut LogCollector, now: Timestamp) {
        let mut piece = [0; PIECE];
        match self.pipe.try_read(&mut piece) {
            Ok(0) => self.open = false,
            Ok(n) => self.splitter.feed(&piece[..n], now, log),
            Err(error) => self.open = error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// What there is now, as much as a piece; nothing is waited for.
    fn read_once(&mut self, log: &mut LogCollector, now: Timestamp) {
        let mut piece = [0; PIECE];
        if let Ok(n @ 1..) = rustix::io::read(&self.pipe, &mut piece) {
            self.splitter.feed(&piece[..n], now, log);
        }
    }

    /// Reads the descriptor itself: the readiness that tokio knows may be older than the last write.
    fn drain(&mut self, log: &mut LogCollector, now: Timestamp) {
        let mut piece = [0; PIECE];
        // A process that goes on writing is not followed for ever: a pipe holds 64 KiB.
        for _ in 0..16 {
            match rustix::io::read(&self.pipe, &mut piece) {
                Ok(0) => self.open = false,
                Ok(n) => {
                    self.splitter.feed(&piece[..n], now, log);
                    continue;
                }
                Err(_) => {}
            }
            break;
        }
        self.splitter.finish(now, log);
    }
}
