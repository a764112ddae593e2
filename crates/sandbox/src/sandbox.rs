//! Starts environments, from the pool of processes that have no function yet or anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::cgroup::{Cgroups, Group, GroupLimits};
use crate::compiled::{Compiled, collect, compiler, is_worth_it};
use crate::config::{SandboxConfig, SandboxMode};
use crate::control::{Assign, Hello, Setup};
use crate::environment::Environment;
use crate::error::{LaunchError, SandboxError};
use crate::freezer::Freezer;
use crate::interpreter::{Family, Interpreter, Interpreters};
use crate::node_sdk;
use crate::outcome::InitPhase;
use crate::pool::{Kind, Pools, Step};
use crate::process::Process;
use crate::report::{JailReport, Layer, LayerState};
use crate::spec::{FunctionSpec, Invocation};
use crate::start::{self, Started, Starting};
use crate::view::Start;
use crate::{init, view};

/// How long a stop waits for processes to end.
const STOP_TRIES: u32 = 40;
const STOP_PAUSE: Duration = Duration::from_millis(5);

/// A package is compiled when its first environment has had so long to start.
const COMPILE_AFTER: Duration = Duration::from_millis(200);

/// As many processes and threads as AWS gives a function, and the two of ours that stand over it.
const TASKS_MAX: u64 = 1024 + 2;

/// Starts environments. One for the whole server.
#[derive(Debug)]
pub struct Sandbox {
    config: SandboxConfig,
    interpreters: Interpreters,
    pools: Pools,
    freezer: Freezer,
    compiled: Compiled,
    /// Whether an incomplete jail has been said.
    warned: AtomicBool,
    users: AtomicU32,
    layers: tokio::sync::OnceCell<Vec<LayerState>>,
    node_sdk: tokio::sync::OnceCell<()>,
    /// Looked for with the first process; the error says why there are none.
    cgroups: tokio::sync::OnceCell<Result<Arc<Cgroups>, String>>,
}

impl Sandbox {
    pub(crate) fn config(&self) -> &SandboxConfig {
        &self.config
    }

    /// Prepares folders; starts no process unless the mode is [`SandboxMode::Required`]. Needs a tokio runtime.
    pub async fn start(config: SandboxConfig) -> Result<Arc<Self>, SandboxError> {
        let refused =
            |source| SandboxError::Scratch { path: config.scratch_dir.display().to_string(), source };
        prepare_scratch(&config.scratch_dir).map_err(refused)?;
        let compiled = Compiled::open(config.scratch_dir.join("compiled")).map_err(refused)?;
        let required = config.mode == SandboxMode::Required;
        let sandbox = Arc::new(Self {
            pools: Pools::new(config.pool_size),
            config,
            interpreters: Interpreters::default(),
            freezer: Freezer::start(),
            compiled,
            warned: AtomicBool::new(false),
            users: AtomicU32::new(0),
            layers: tokio::sync::OnceCell::new(),
            node_sdk: tokio::sync::OnceCell::new(),
            cgroups: tokio::sync::OnceCell::new(),
        });
        if required {
            sandbox.require_layers().await?;
        }
        Ok(sandbox)
    }

    /// Tries the jail: some milliseconds, once; remembered after.
    pub async fn report(&self) -> JailReport {
        JailReport {
            mode: self.config.mode,
            network: self.config.network,
            layers: self.layers().await.to_vec(),
        }
    }

    /// Fills the pool of the runtime in the background: call it when a function of that runtime exists, with whether
    /// one uses the AWS SDK that the runtime brings.
    pub fn warm(self: &Arc<Self>, runtime: &str, memory_mib: u32, uses_sdk: bool) {
        let (sandbox, runtime) = (Arc::clone(self), runtime.to_owned());
        tokio::spawn(async move {
            // Without an interpreter the first launch says so.
            let found = sandbox.interpreters.require(&runtime, memory_mib, &sandbox.config).await;
            if let Ok(interpreter) = found {
                sandbox.tend(&Kind::new(interpreter, uses_sdk));
            }
        });
    }

    /// Takes a process (from the pool, if one is ready), gives it the function and begins to load the handler;
    /// the first invocation waits for that.
    pub async fn launch(self: &Arc<Self>, spec: Arc<FunctionSpec>) -> Result<Environment, LaunchError> {
        let started = self.begin(&spec, InitPhase::Init).await?;
        Ok(Environment::new(spec, Arc::clone(self), started))
    }

    /// A process in which the handler is being loaded.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        spec: &Arc<FunctionSpec>,
        phase: InitPhase,
    ) -> Result<Started, LaunchError> {
        let interpreter = self.interpreters.require(&spec.runtime, spec.memory_mib, &self.config).await?;
        let stem = start::needs_stem(spec, interpreter.family.channel());
        // A layer may bring another SDK.
        let family = interpreter.family;
        let kind = Kind::new(interpreter, spec.uses_sdk && spec.layers.is_empty());
        if let Some(port) = spec.inspect {
            wait_for_port(port).await;
        }
        loop {
            let began = Instant::now();
            let pooled = if stem || init::starts_fresh(spec, family) { None } else { self.take(&kind) };
            let from_pool = pooled.is_some();
            let process = match pooled {
                Some(process) => process,
                None if stem => self.spawn_in_turn(&kind, Start::Stem).await?,
                None => self.spawn_in_turn(&kind, Start::For(spec)).await?,
            };
            match self.assign(process, spec, &kind.interpreter, (began, phase)).await {
                // A pooled process may have died while it waited; a fresh one says more.
                Err(LaunchError::Io(error)) if from_pool => {
                    tracing::debug!(%error, "a pooled process was unusable");
                }
                other => {
                    if other.is_ok() {
                        self.compile_later(spec, kind);
                    }
                    return other;
                }
            }
        }
    }

    /// Has what can be compiled of the package compiled for the environments after this one.
    fn compile_later(self: &Arc<Self>, spec: &Arc<FunctionSpec>, kind: Kind) {
        let Some(key) = self.compiled.begin(spec, &kind.interpreter) else { return };
        let (sandbox, spec) = (Arc::clone(self), Arc::clone(spec));
        tokio::spawn(async move {
            tokio::time::sleep(COMPILE_AFTER).await;
            let (folder, family) = (spec.code_dir.clone(), kind.interpreter.family);
            if !tokio::task::spawn_blocking(move || is_worth_it(&folder, family)).await.unwrap_or(false) {
                return;
            }
            if let Err(error) = sandbox.compile(&key, &spec, &kind).await {
                tracing::debug!(%error, function = %spec.name, "nothing of the package was compiled");
            }
        });
    }

    async fn compile(
        self: &Arc<Self>,
        key: &str,
        spec: &FunctionSpec,
        kind: &Kind,
    ) -> Result<(), LaunchError> {
        let spec = Arc::new(compiler(spec, kind.interpreter.family));
        let process = self.spawn_in_turn(kind, Start::For(&spec)).await?;
        let began = (Instant::now(), InitPhase::Init);
        let started = self.assign(process, &spec, &kind.interpreter, began).await?;
        if !started.jailed {
            return Err(LaunchError::Io(io::Error::other("there is no jail to compile in")));
        }
        let mut environment = Environment::new(spec, Arc::clone(self), started);
        let (mut files, mut from) = (Vec::new(), Some(0));
        while let Some(number) = from {
            let outcome = environment.invoke(compile_from(number)).await;
            let answer = outcome.result.map_err(|_| io::Error::other("the compiler failed"))?;
            // Never back, whatever it says.
            from = collect(&answer, &mut files).filter(|next| *next > number);
        }
        drop(environment);
        Ok(self.compiled.keep(key, &files)?)
    }

    /// Ends the pool. Environments end when they are dropped; those that were are waited for, shortly, so that
    /// nothing of theirs is left behind.
    pub async fn stop(&self) {
        self.pools.stop();
        let Some(Ok(cgroups)) = self.cgroups.get() else { return };
        for _ in 0..STOP_TRIES {
            if cgroups.try_remove() {
                return;
            }
            tokio::time::sleep(STOP_PAUSE).await;
        }
    }

    async fn assign(
        &self,
        mut process: Process,
        spec: &Arc<FunctionSpec>,
        interpreter: &Interpreter,
        (began, phase): (Instant, InitPhase),
    ) -> Result<Started, LaunchError> {
        let hello = self.hello(&mut process).await?;
        if !hello.failure.is_empty() {
            return Err(LaunchError::Io(io::Error::other(hello.failure)));
        }
        if let Some((layer, reason)) = hello.missing.iter().find(|(layer, _)| layer.is_required()) {
            if self.config.mode == SandboxMode::Required {
                return Err(LaunchError::LayersMissing(format!("{layer}: {reason}")));
            }
            if !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(%layer, reason, hint = layer.hint(), "functions run with an incomplete sandbox");
            }
        }
        if let Err(error) = process.limit(limits_of(spec)) {
            tracing::warn!(%error, "the kernel took no limits; memory is watched from outside");
        }
        if hello.jailed {
            let assign = Assign {
                code_dir: spec.code_dir.clone(),
                layers: spec.layers.clone(),
                tmp_mib: spec.ephemeral_mib,
                compiled: self.compiled.find(spec, interpreter),
            };
            process.assign(assign).await?.map_err(LaunchError::Mount)?;
        }
        // A debugger talks to it at any time.
        if spec.inspect.is_none() {
            process.freeze_with(&self.freezer)?;
        }
        let jailed = hello.jailed;
        let starting = Starting { config: &self.config, spec, interpreter, jailed, began, phase };
        Ok(start::begin(process, &starting)?)
    }

    /// A process that waits: of this kind, or one that has only less loaded.
    fn take(self: &Arc<Self>, kind: &Kind) -> Option<Process> {
        let taken = self.pools.take(kind);
        self.tend(kind);
        if taken.is_some() || !kind.preloaded {
            return taken;
        }
        let plain = Kind { preloaded: false, ..kind.clone() };
        let taken = self.pools.take(&plain);
        self.tend(&plain);
        taken
    }

    /// Keeps the pool at its size, in the background.
    fn tend(self: &Arc<Self>, kind: &Kind) {
        if !self.pools.begin(kind) {
            return;
        }
        let (sandbox, kind) = (Arc::clone(self), kind.clone());
        tokio::spawn(async move {
            loop {
                let asked = sandbox.pools.asked();
                match sandbox.pools.next(&kind, Instant::now()) {
                    None => return,
                    Some(Step::Start) => match sandbox.spawn_waiting(&kind).await {
                        Some(process) => sandbox.pools.add(&kind, process),
                        None => return sandbox.pools.give_up(&kind),
                    },
                    Some(Step::Wait(until)) => {
                        let _ = tokio::time::timeout_at(until, asked).await;
                    }
                }
            }
        });
    }

    /// A process for the pool, ready to be taken; `None` when there can be none (said once more at each launch, as
    /// its error).
    async fn spawn_waiting(&self, kind: &Kind) -> Option<Process> {
        let started = async {
            let mut process = self.spawn_in_turn(kind, Start::Waiting { preloaded: kind.preloaded }).await?;
            process.started().await.map(|()| process)
        };
        let program = kind.interpreter.program.display();
        started.await.inspect_err(|error| tracing::warn!(%error, %program, "cannot fill the pool")).ok()
    }

    async fn spawn_in_turn(&self, kind: &Kind, start: Start<'_>) -> io::Result<Process> {
        let turn = self.pools.turn().await;
        let mut process = self.spawn(&kind.interpreter, start).await?;
        process.hold_until_started(turn);
        Ok(process)
    }

    async fn spawn(&self, interpreter: &Interpreter, start: Start<'_>) -> io::Result<Process> {
        let host_uid = view::HOST_UID_BASE + self.users.fetch_add(1, Ordering::Relaxed) % view::HOST_UIDS;
        if interpreter.family == Family::Node {
            self.node_sdk.get_or_try_init(|| self.unpack_node_sdk()).await?;
        }
        let setup = view::setup(&self.config, interpreter, start, host_uid);
        self.spawn_setup(setup).await
    }

    async fn unpack_node_sdk(&self) -> io::Result<()> {
        let runtime_dir = view::runtime_dir(&self.config.scratch_dir, Family::Node);
        let unpacked = tokio::task::spawn_blocking(move || node_sdk::unpack(&runtime_dir)).await;
        unpacked.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    async fn spawn_setup(&self, setup: Setup) -> io::Result<Process> {
        let program = launcher_program(&self.config);
        let body_bytes_max = self.config.response_bytes_max;
        let cgroups = self.cgroups().await.as_ref().ok().cloned();
        let spawned = tokio::task::spawn_blocking(move || {
            let group = cgroups.and_then(|cgroups| make_group(&cgroups));
            Process::spawn(&program, setup, group, body_bytes_max)
        })
        .await;
        spawned.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// What confines a process, and every layer that does not.
    async fn hello(&self, process: &mut Process) -> io::Result<Hello> {
        let mut hello = process.hello().await?.clone();
        hello.missing.extend(self.config.denied_layers.iter().cloned());
        Ok(hello)
    }

    async fn cgroups(&self) -> &Result<Arc<Cgroups>, String> {
        let find = async {
            if self.config.mode == SandboxMode::Off {
                return Err("the sandbox is off".to_owned());
            }
            let mut denied = self.config.denied_layers.iter();
            if let Some((_, reason)) = denied.find(|(layer, _)| *layer == Layer::Cgroup) {
                return Err(reason.clone());
            }
            let found = tokio::task::spawn_blocking(Cgroups::find).await;
            found.unwrap_or_else(|error| Err(error.to_string())).map(Arc::new)
        };
        self.cgroups.get_or_init(|| find).await
    }

    /// The layers in force, found by making a jail around a program that does nothing.
    async fn layers(&self) -> &[LayerState] {
        self.layers.get_or_init(|| self.probe_layers()).await
    }

    async fn probe_layers(&self) -> Vec<LayerState> {
        let missing = |layer, reason: &str| LayerState { layer, missing: Some(reason.to_owned()) };
        if self.config.mode == SandboxMode::Off {
            return Layer::ALL.map(|layer| missing(layer, "the sandbox is off")).into();
        }
        let said = async {
            let mut process = self.spawn_setup(view::probe(&self.config)).await?;
            self.hello(&mut process).await
        };
        let no_cgroup = self.cgroups().await.as_ref().err().map(|why| (Layer::Cgroup, why.clone()));
        match said.await {
            Ok(hello) => Layer::ALL
                .map(|layer| LayerState {
                    layer,
                    missing: hello
                        .missing
                        .iter()
                        .chain(&no_cgroup)
                        .find(|(l, _)| *l == layer)
                        .map(|(_, reason)| reason.clone()),
                })
                .into(),
            Err(error) => Layer::ALL.map(|layer| missing(layer, &error.to_string())).into(),
        }
    }

    async fn require_layers(&self) -> Result<(), SandboxError> {
        let missing: Vec<&LayerState> = self
            .layers()
            .await
            .iter()
            .filter(|state| state.layer.is_required() && state.missing.is_some())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let named = |state: &&LayerState| {
            format!("{} ({})", state.layer, state.missing.as_deref().unwrap_or_default())
        };
        Err(SandboxError::LayersMissing {
            missing: missing.iter().map(named).collect::<Vec<_>>().join(", "),
            hint: missing.iter().map(|state| state.layer.hint()).collect::<Vec<_>>().join("; "),
        })
    }
}

/// What the kernel counts beside a function's own memory: our two processes, page tables, inodes of /tmp.
const OVERHEAD_MIB: u64 = 64;

/// /tmp is memory to the kernel, and a function may fill it: the two together are what it can hold at most. Memory
/// alone is watched by the environment, some milliseconds late; this limit has no such gap.
fn limits_of(spec: &FunctionSpec) -> GroupLimits {
    GroupLimits {
        memory_bytes: (u64::from(spec.memory_mib) + u64::from(spec.ephemeral_mib) + OVERHEAD_MIB) << 20,
        tasks: TASKS_MAX,
        cpu_mib: spec.memory_mib,
    }
}

/// The environment of the code before the last save may be on its way out; a debugger that comes to a port looks for the
/// newest. Whoever else holds the port keeps it: then Node.js says that it has none.
async fn wait_for_port(port: u16) {
    for _ in 0..STOP_TRIES {
        if std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).is_ok() {
            return;
        }
        tokio::time::sleep(STOP_PAUSE).await;
    }
}

fn make_group(cgroups: &Cgroups) -> Option<Group> {
    let made = cgroups.make();
    made.inspect_err(
        |error| tracing::warn!(%error, "no control group for a process: it is watched from outside"),
    )
    .ok()
}

fn launcher_program(config: &SandboxConfig) -> PathBuf {
    match &config.launcher {
        Some(program) => program.clone(),
        // The running file itself, even if it was replaced since.
        None if cfg!(target_os = "linux") => PathBuf::from("/proc/self/exe"),
        None => std::env::current_exe().unwrap_or_default(),
    }
}

/// The event by which the compiler goes on with a source of the package.
fn compile_from(number: u32) -> Invocation {
    Invocation {
        request_id: base::RequestId::random(),
        payload: number.to_string().into(),
        deadline: None,
        function_arn: String::new(),
        client_context: None,
        trace: String::new(),
        stream: None,
        answered: None,
    }
}

/// Writes the bootstraps where the jail (or a plain process) reads them.
fn prepare_scratch(scratch: &Path) -> io::Result<()> {
    fs::create_dir_all(view::root_dir(scratch))?;
    for family in Family::ALL {
        let folder = view::runtime_dir(scratch, family);
        fs::create_dir_all(&folder)?;
        // A place to mount on.
        fs::create_dir_all(folder.join("compiled"))?;
        for (name, content) in family.files() {
            fs::write(folder.join(name), content)?;
        }
    }
    Ok(())
}
