//! Gives a waiting process its function: the API beside it, its extensions, and the runtime itself in whichever way it
//! is started. Knows no jail.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use tokio::time::Instant;

use crate::config::SandboxConfig;
use crate::init::{self, Place};
use crate::interpreter::{Channel, Interpreter};
use crate::outcome::InitPhase;
use crate::platform::{self, InitStart, Initialization};
use crate::process::Process;
use crate::runtime_api::{Api, Audience, Guests, Road, Role};
use crate::spec::FunctionSpec;
use crate::stem::Program;
use crate::view::{self, Start};

/// What is known of a process when its function's code is mounted.
#[derive(Debug)]
pub(crate) struct Starting<'a> {
    pub(crate) config: &'a SandboxConfig,
    pub(crate) spec: &'a Arc<FunctionSpec>,
    pub(crate) interpreter: &'a Interpreter,
    pub(crate) jailed: bool,
    /// When the environment was asked for.
    pub(crate) began: Instant,
    pub(crate) phase: InitPhase,
}

/// A process that has been told its function.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) api: Api,
    pub(crate) channel: Channel,
    pub(crate) jailed: bool,
    pub(crate) began: Instant,
    /// Names of the external extensions, in the order of their indexes.
    pub(crate) extensions: Vec<String>,
    pub(crate) runtime: Runtime,
}

/// The runtime of an environment that has just been started.
#[derive(Debug)]
pub(crate) enum Runtime {
    /// It runs already; the program's path where the function brings it.
    Runs(String),
    /// It is to be started when all extensions have registered.
    Waits(Box<Waiting>),
    /// There is no program, and why.
    Missing(String),
}

#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) program: Program,
    /// What it is told on its channel.
    pub(crate) frame: Vec<u8>,
}

/// Whether the function's process must begin as a stem, whatever its language.
pub(crate) fn needs_stem(spec: &FunctionSpec, channel: Channel) -> bool {
    channel == Channel::Frames && (init::wrapper(spec).is_some() || init::has_extensions(spec))
}

pub(crate) fn begin(mut process: Process, starting: &Starting<'_>) -> io::Result<Started> {
    let Starting { config, spec, interpreter, jailed, began, phase } = *starting;
    let channel = interpreter.family.channel();
    let (listener, road) = match process.take_runtime_listener() {
        Some(listener) => (listener, Road::own(process.take_spare_socket())),
        None => (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, Road::Host),
    };
    let guests = match (&road, process.launcher_pid()) {
        (Road::Host, Some(launcher)) if jailed => Guests::Below(launcher),
        _ => Guests::All,
    };
    let role = Role { speaks: channel == Channel::Api, road, guests };
    let api = Api::serve(listener, Arc::clone(spec), config, role)?;
    let start = InitStart { runtime_version: &spec.runtime, name: &spec.name, version: &spec.version };
    let init = Initialization { init_type: spec.init_type, phase };
    api.telemetry().platform(Audience::Telemetry, platform::init_start(config.clock.now(), init, &start));
    let place = Place { jailed, config, family: interpreter.family, runtime_api: api.address() };
    let extensions = init::extensions(spec, &place);
    let runtime =
        if extensions.is_empty() { run(&mut process, starting, &place)? } else { prepare(starting, &place) };
    let names: Vec<String> = extensions.iter().map(|(name, _)| name.clone()).collect();
    api.expect_extensions(&names);
    for (index, (_, program)) in (1..).zip(extensions) {
        process.start_program(index, program)?;
    }
    Ok(Started { process, api, channel, jailed, began, extensions: names, runtime })
}

/// The runtime alone: the process is it, or becomes it.
fn run(process: &mut Process, starting: &Starting<'_>, place: &Place<'_>) -> io::Result<Runtime> {
    let Starting { spec, interpreter, .. } = *starting;
    match interpreter.family.channel() {
        Channel::Frames if needs_stem(spec, Channel::Frames) => {
            let Waiting { program, frame } = speaker(starting, place);
            let path = program.path.display().to_string();
            process.become_speaker(program)?;
            process.outbox().extend_from_slice(&frame);
            process.push()?;
            Ok(Runtime::Runs(path))
        }
        Channel::Frames => {
            init::write_frame(process.outbox(), spec, place, false);
            process.push()?;
            Ok(Runtime::Runs(String::new()))
        }
        Channel::Api => match init::program(spec, place) {
            Ok(program) => {
                let path = program.path.display().to_string();
                process.become_program(program)?;
                Ok(Runtime::Runs(path))
            }
            Err(reason) => Ok(Runtime::Missing(reason)),
        },
    }
}

/// The runtime beside extensions, which are started before it.
fn prepare(starting: &Starting<'_>, place: &Place<'_>) -> Runtime {
    match starting.interpreter.family.channel() {
        Channel::Frames => Runtime::Waits(Box::new(speaker(starting, place))),
        Channel::Api => match init::program(starting.spec, place) {
            Ok(program) => Runtime::Waits(Box::new(Waiting { program, frame: Vec::new() })),
            Err(reason) => Runtime::Missing(reason),
        },
    }
}

fn speaker(starting: &Starting<'_>, place: &Place<'_>) -> Waiting {
    let Starting { config, spec, interpreter, jailed, .. } = *starting;
    let setup = view::setup(config, interpreter, Start::For(spec), view::HOST_UID_BASE);
    let program = init::speaker(spec, place, &setup, view::command(config, interpreter, jailed));
    let mut frame = Vec::new();
    init::write_frame(&mut frame, spec, place, true);
    Waiting { program, frame }
}
