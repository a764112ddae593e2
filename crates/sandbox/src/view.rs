//! What a function's process sees of the host: the list of read-only views, links and variables that the launcher
//! makes. Plain data; the launcher does the mounting.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::{FunctionNetwork, SandboxConfig, SandboxMode};
use crate::control::Setup;
use crate::interpreter::{Channel, Family, Interpreter, lent_sdk};
use crate::spec::FunctionSpec;

/// Users of the host given to jails by a server that is root: far above any that a person or a service has.
pub(crate) const HOST_UID_BASE: u32 = 0x7000_0000;
pub(crate) const HOST_UIDS: u32 = 0x1_0000;

/// Folders and files of the system, seen read-only at the same place.
const SYSTEM: [&str; 18] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/sbin",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
];

/// Where the interpreter stands inside, or a link to it.
const LANG_DIR: &str = "/var/lang";

/// Where the bootstrap stands inside.
pub(crate) const RUNTIME_DIR: &str = "/var/runtime";

/// Within it, where what was compiled of the function's code is mounted; the bootstrap knows the name.
pub(crate) const COMPILED_DIR: &str = "/var/runtime/compiled";

pub(crate) fn root_dir(scratch: &Path) -> PathBuf {
    scratch.join("root")
}

pub(crate) fn runtime_dir(scratch: &Path, family: Family) -> PathBuf {
    scratch.join("runtime").join(family.name())
}

/// Variables that an interpreter reads only when it starts: such a function gets no process from the pool.
pub(crate) fn early(family: Family) -> &'static [&'static str] {
    match family {
        Family::Node => &["NODE_OPTIONS"],
        Family::Python => &["PYTHONHASHSEED", "PYTHONMALLOC", "PYTHONOPTIMIZE"],
        Family::Java => &["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "TZ"],
        Family::Ruby => &["RUBYOPT", "RUBY_YJIT_ENABLE", "RUBY_THREAD_VM_STACK_SIZE"],
        Family::Dotnet | Family::Provided => &[],
    }
}

/// What a process is started for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    /// The pool: it has time to warm itself up, and to load the AWS SDK.
    Waiting { preloaded: bool },
    /// A function, which waits for it.
    For(&'a FunctionSpec),
    /// A function whose runtime is started late: a stem with the interpreter's view.
    Stem,
}

/// The setup of a process of `interpreter`.
pub(crate) fn setup(
    config: &SandboxConfig,
    interpreter: &Interpreter,
    start: Start<'_>,
    host_uid: u32,
) -> Setup {
    let family = interpreter.family;
    let mut setup = base(config, host_uid);
    if family.channel() == Channel::Api {
        // A stem: its program comes with its function.
        return setup;
    }
    let outside = runtime_dir(&config.scratch_dir, family);
    let bootstrap = family.files()[0].0;
    // Both places are given: which one is right is known only once the jail stands or does not.
    setup.program.clone_from(&interpreter.program);
    setup.args.clone_from(&interpreter.flags);
    let args = interpreter_args(family).iter().chain(args_alone(family));
    setup.args.extend(args.map(|&arg| arg.to_owned()));
    setup.env.extend(interpreter_env(family).map(|(name, value)| (name.to_owned(), value.to_owned())));
    setup.args.push(outside.join(bootstrap).display().to_string());
    setup.binds.extend(interpreter.needs.iter().map(|path| (path.clone(), path.clone())));
    setup.binds.push((outside, PathBuf::from(RUNTIME_DIR)));
    if !interpreter.packages.is_empty() {
        setup.env.push(("RUSHLIGHT_PACKAGES".to_owned(), interpreter.packages.join(":")));
    }
    if let Some(folder) = &interpreter.sdk {
        setup.env.push(("RUSHLIGHT_SDK".to_owned(), lent_sdk(folder)));
    }
    // First on PATH, as on AWS, wherever the host has it.
    if let Some(name) = family.program_name() {
        match &interpreter.home {
            Some(home) => setup.binds.push((home.clone(), PathBuf::from(LANG_DIR))),
            None => {
                setup.links.push((interpreter.program.clone(), Path::new(LANG_DIR).join("bin").join(name)));
            }
        }
    }
    if family == Family::Node {
        // ES modules know no NODE_PATH; they find this on the way up to the root.
        setup.links.push((Path::new(RUNTIME_DIR).join("node_modules"), PathBuf::from("/node_modules")));
    }
    match start {
        Start::Waiting { preloaded } => {
            let what = if preloaded { "sdk" } else { "plain" };
            setup.env.push(("RUSHLIGHT_WARM".to_owned(), what.to_owned()));
        }
        Start::Stem => {
            setup.program = PathBuf::new();
            setup.args.clear();
        }
        Start::For(spec) => {
            let early = early(family);
            setup.env.extend(spec.env.iter().filter(|(name, _)| early.contains(&name.as_str())).cloned());
            if let Some(port) = spec.inspect.filter(|_| family == Family::Node) {
                // A debugger comes from the host.
                setup.network = FunctionNetwork::Host;
                setup.args.insert(0, format!("--inspect=127.0.0.1:{port}"));
            }
        }
    }
    setup
}

/// The interpreter and what it is started with, as a process sees it that is told so late.
pub(crate) fn command(config: &SandboxConfig, interpreter: &Interpreter, jailed: bool) -> Vec<String> {
    let family = interpreter.family;
    let folder = if jailed { PathBuf::from(RUNTIME_DIR) } else { runtime_dir(&config.scratch_dir, family) };
    let home = interpreter.home.as_ref().filter(|_| jailed);
    let inside = home.and_then(|home| interpreter.program.strip_prefix(home).ok());
    let program = inside.map_or_else(|| interpreter.program.clone(), |rest| Path::new(LANG_DIR).join(rest));
    let mut words = vec![program.display().to_string()];
    words.extend(interpreter.flags.iter().cloned());
    words.extend(interpreter_args(family).iter().map(|&arg| arg.to_owned()));
    words.extend(family.files().first().map(|(name, _)| folder.join(name).display().to_string()));
    words
}

/// A setup that only tries the layers.
pub(crate) fn probe(config: &SandboxConfig) -> Setup {
    let mut setup = base(config, HOST_UID_BASE);
    setup.program = PathBuf::from("/bin/true");
    setup
}

fn interpreter_args(family: Family) -> &'static [&'static str] {
    match family {
        Family::Node | Family::Dotnet | Family::Provided => &[],
        // Unbuffered would cost two writes a print; the bootstrap makes output line-buffered instead.
        Family::Python => &["-B"],
        // Whatever locales the host has.
        Family::Ruby => &["-Eutf-8"],
        // As AWS starts it: small, quick to start. The limits of the jail are the server's to keep.
        Family::Java => &[
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-XX:-UsePerfData",
            "-XX:-UseContainerSupport",
            "-Djava.net.preferIPv4Stack=true",
            "-jar",
        ],
    }
}

/// Not given to one that a function's wrapper starts, which may have put something in the way of its start.
fn args_alone(family: Family) -> &'static [&'static str] {
    match family {
        // What the host's packages want to do in every Python of the host is nothing to a function, and can take longer
        // than all the rest of the start.
        Family::Python => &["-S"],
        Family::Node | Family::Java | Family::Ruby | Family::Dotnet | Family::Provided => &[],
    }
}

/// The address in a URL such as `http://127.0.0.1:4566`.
fn address_of(url: &str) -> Option<SocketAddr> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()?.replace("localhost:", "127.0.0.1:").parse().ok()
}

/// Variables that must be there when it starts, whatever the function is told later.
fn interpreter_env(family: Family) -> impl Iterator<Item = (&'static str, &'static str)> {
    let early: &[_] = match family {
        // Names of files are in UTF-8 whatever locales the host has.
        Family::Java => &[("LC_ALL", "C.UTF-8"), ("TZ", "UTC")],
        Family::Node | Family::Python | Family::Ruby | Family::Dotnet | Family::Provided => &[],
    };
    early.iter().copied()
}

fn base(config: &SandboxConfig, host_uid: u32) -> Setup {
    let same = |path: &str| (PathBuf::from(path), PathBuf::from(path));
    Setup {
        jail: config.mode != SandboxMode::Off,
        root: root_dir(&config.scratch_dir),
        binds: SYSTEM.iter().map(|path| same(path)).collect(),
        links: Vec::new(),
        program: PathBuf::new(),
        args: Vec::new(),
        env: vec![
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG".to_owned(), "en_US.UTF-8".to_owned()),
        ],
        host_uid,
        groups: Vec::new(),
        network: config.network,
        endpoint: config.endpoint_url.as_deref().and_then(address_of),
    }
}
