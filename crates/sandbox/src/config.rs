//! How a [`crate::Sandbox`] is set up. Plain data; read once at start.

use std::path::PathBuf;
use std::time::Duration;

use base::Clock;

use crate::report::Layer;

/// What to do when the host does not allow a layer of the jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SandboxMode {
    /// Refuse to start.
    Required,
    /// Use what the host allows and name the rest in the [`crate::JailReport`].
    #[default]
    BestEffort,
    /// Plain processes of the server's own user. For debugging, and where nothing else is possible.
    Off,
}

/// What functions reach. The server's endpoint ([`SandboxConfig::endpoint_url`]) is among it in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FunctionNetwork {
    /// Nothing else.
    None,
    /// The host's network as it is, its loopback included.
    Host,
    /// Other hosts; of this one nothing else, and no other function.
    #[default]
    Isolated,
}

impl FunctionNetwork {
    pub const ALL: [Self; 3] = [Self::None, Self::Host, Self::Isolated];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Isolated => "isolated",
        }
    }
}

#[derive(Debug, Clone)]
pub struct SandboxConfig {
    pub mode: SandboxMode,
    pub network: FunctionNetwork,
    /// A folder of the sandbox's own, made if it is missing: runtime files and mount points. Holds nothing durable.
    pub scratch_dir: PathBuf,
    /// Layers that are taken for missing whatever the host allows, and why: what a host without them gets.
    pub denied_layers: Vec<(Layer, String)>,
    /// Given to functions as `AWS_ENDPOINT_URL` unless their own environment sets it. `None`: not set.
    pub endpoint_url: Option<String>,
    /// Unassigned processes kept ready for each runtime in use; 0 keeps none.
    pub pool_size: usize,
    /// Where `rushlight runtimes add` keeps interpreters; `None`: there are none.
    pub runtimes_dir: Option<PathBuf>,
    /// Interpreters that serve every version; `None` searches the host.
    pub node: Option<PathBuf>,
    pub python: Option<PathBuf>,
    /// The program started as launcher; `None` is the running executable. Its `main` must begin with
    /// [`crate::maybe_run_launcher`].
    pub launcher: Option<PathBuf>,
    /// Log bytes kept of one invocation; what is over it is counted, dropped and said.
    pub log_bytes_max: usize,
    /// Largest answer of a function (AWS: 6,291,556).
    pub response_bytes_max: usize,
    /// Largest streamed answer (AWS: 200 MB).
    pub stream_bytes_max: usize,
    /// How long loading a handler may take before it is begun again in the first invocation's time (AWS: 10 s).
    pub init_timeout: Duration,
    /// An environment that has served so many gives its place to a new one: `setenv` of the C library keeps every value
    /// that it was ever given, and runtimes set the trace of each invocation (143 bytes with glibc).
    pub invocations_max: u32,
    pub clock: Clock,
}

impl SandboxConfig {
    /// The defaults, with everything the sandbox writes below `scratch_dir`.
    pub fn new(scratch_dir: impl Into<PathBuf>) -> Self {
        Self {
            mode: SandboxMode::default(),
            network: FunctionNetwork::default(),
            scratch_dir: scratch_dir.into(),
            denied_layers: Vec::new(),
            endpoint_url: None,
            pool_size: 2,
            runtimes_dir: None,
            node: None,
            python: None,
            launcher: None,
            log_bytes_max: 4 << 20,
            response_bytes_max: base::Limits::default().invoke_sync_bytes_max,
            stream_bytes_max: base::Limits::default().invoke_stream_bytes_max,
            init_timeout: Duration::from_secs(10),
            invocations_max: 100_000,
            clock: Clock::default(),
        }
    }
}
