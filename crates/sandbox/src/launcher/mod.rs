//! What the program does when it was started as launcher: it makes the jail, starts the interpreter in it and stays
//! as its supervisor. Runs in a process of its own with one thread, before anything else of the program.
//!
//! Launcher (host) -> init (pid 1 of the jail: mounts, reaps) -> interpreter. Without namespaces the launcher itself
//! supervises. The supervisor ends when the control socket does, and with it everything inside.

#[cfg(feature = "launcher-at-load")]
mod at_load;
mod confine;
mod door;
mod namespaces;
mod network;
mod notification;
mod relay;
mod root;
mod route;
mod stem;
mod stillness;
mod supervise;
mod sys;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use rustix::net::SendFlags;
use rustix::process::{Pid, WaitOptions};

use self::confine::Identity;
use self::door::Door;
use self::namespaces::Side;
use self::root::Root;
use self::stillness::Stillness;
use crate::control::{Control, Setup};
use crate::descriptors;
use crate::report::Layer;

/// The first argument of a launcher.
pub(crate) const ARGUMENT: &str = "__rushlight-jail";

/// Where the Runtime API listens in a network of a function's own, as on AWS.
const RUNTIME_API: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9001);

/// The function's user and group inside the jail, as on AWS.
const INNER_ID: u32 = 993;

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
    sys::close_inherited();
    // When the host itself runs out of memory, functions go before the server. A process may always raise its own.
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Some((setup, runtime)) = receive_setup(&control)? else { return Ok(0) };
    let mut post = Post {
        control,
        runtime,
        setup,
        missing: Vec::new(),
        root: None,
        identity: None,
        door: None,
        stillness: None,
    };
    if !post.setup.jail {
        return supervise::run(post).and_then(supervise::mirror);
    }
    if let Err(error) = enter_groups(&post.setup.groups) {
        post.missing.push((Layer::Cgroup, error.to_string()));
    }
    let refused = match namespaces::enter(post.setup.host_uid) {
        Ok(Side::Inside { link, id }) => return serve_inside(post, link, id),
        Ok(Side::Outside { init, mut link }) => match refusal(init, &mut link)? {
            None => {
                // Nothing of the function's may hang on this process: its end of a socket is its alone.
                drop(post);
                return supervise::mirror(wait_for_jail(init, link)?);
            }
            Some(reason) => reason,
        },
        Err(error) => error.to_string(),
    };
    post.missing.push((Layer::Namespaces, refused));
    post.identity = Some(Identity::Host);
    supervise::run(post).and_then(supervise::mirror)
}

/// So that all that comes of this process is counted; it counts itself.
fn enter_groups(doors: &[PathBuf]) -> io::Result<()> {
    for door in doors {
        fs::write(door, "0").map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", door.display())))?;
    }
    Ok(())
}

/// All that the supervisor of one process holds.
#[derive(Debug)]
struct Post {
    control: UnixStream,
    runtime: OwnedFd,
    setup: Setup,
    missing: Vec<(Layer, String)>,
    /// The jail's file system, if there is one.
    root: Option<Root>,
    /// What the process is confined to; `None` for a plain process.
    identity: Option<Identity>,
    /// The way out of the function's own network, if it has one.
    door: Option<Door>,
    /// While all of the function stands still.
    stillness: Option<Stillness>,
}

/// First byte of what pid 1 of the jail says to the launcher outside.
const STANDS: u8 = 1;
const REFUSED: u8 = 2;

/// As pid 1 of the jail: builds its file system and supervises.
fn serve_inside(mut post: Post, mut link: File, id: Option<u32>) -> io::Result<i32> {
    let _ = rustix::system::sethostname(b"rushlight");
    match root::build(&post.setup) {
        Ok(root) => post.root = Some(root),
        Err(error) => {
            link.write_all(&[REFUSED])?;
            link.write_all(error.to_string().as_bytes())?;
            return Ok(0);
        }
    }
    link.write_all(&[STANDS])?;
    // The function may be the same user: it must not look into this process.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    post.identity = Some(Identity::Jailed { change_to: id });
    post.setup.args = inside_args(&post.setup);
    post.setup.program = inside_path(&post.setup, &post.setup.program).unwrap_or(post.setup.program);
    let status = supervise::run(post)?;
    link.write_all(&status.to_ne_bytes())?;
    Ok(0)
}

/// As the launcher on the host: why the jail's file system could not be made; `None` when it stands.
fn refusal(init: Pid, link: &mut File) -> io::Result<Option<String>> {
    let mut verdict = [0];
    match link.read_exact(&mut verdict) {
        Ok(()) if verdict == [STANDS] => return Ok(None),
        Ok(()) | Err(_) => {}
    }
    let mut reason = String::new();
    link.read_to_string(&mut reason)?;
    rustix::process::waitpid(Some(init), WaitOptions::empty())?;
    Ok(Some(if reason.is_empty() { "pid 1 of the jail ended early".to_owned() } else { reason }))
}

/// Waits for pid 1 of the jail, whose end is the end of all inside; gives the interpreter's raw wait status.
fn wait_for_jail(init: Pid, mut link: File) -> io::Result<i32> {
    let mut status = Vec::new();
    link.read_to_end(&mut status)?;
    rustix::process::waitpid(Some(init), WaitOptions::empty())?;
    Ok(status.as_slice().try_into().map_or(libc::SIGKILL, i32::from_ne_bytes))
}

/// Arguments that name a file of a view, as it is named inside.
fn inside_args(setup: &Setup) -> Vec<String> {
    let translate = |arg: &String| {
        inside_path(setup, Path::new(arg)).map_or_else(|| arg.clone(), |path| path.display().to_string())
    };
    setup.args.iter().map(translate).collect()
}

/// Where a view shows what is at `path` outside, if at another place.
fn inside_path(setup: &Setup, path: &Path) -> Option<PathBuf> {
    setup.binds.iter().find_map(|(source, target)| {
        path.strip_prefix(source).ok().filter(|_| source != target).map(|rest| target.join(rest))
    })
}

/// The first message, with the runtime's end of the frame socket. `None` when the server has gone.
fn receive_setup(control: &UnixStream) -> io::Result<Option<(Setup, OwnedFd)>> {
    let (mut inbox, mut beside) = (BytesMut::new(), Vec::new());
    loop {
        let mut piece = [0; 4096];
        let n = descriptors::receive(control, &mut piece, &mut beside)?;
        if n == 0 {
            return Ok(None);
        }
        inbox.extend_from_slice(&piece[..n]);
        match Control::parse(&mut inbox) {
            Ok(None) => {}
            Ok(Some(Control::Setup(setup))) => {
                let runtime =
                    beside.pop().ok_or_else(|| io::Error::other("no runtime socket came with the setup"))?;
                return Ok(Some((setup, runtime)));
            }
            _ => return Err(io::Error::other("not a setup")),
        }
    }
}

fn say(control: &UnixStream, what: &Control, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    descriptors::send(control, &what.to_bytes(), beside, SendFlags::empty())
}
