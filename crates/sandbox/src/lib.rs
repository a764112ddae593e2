//! Runs functions: environments, their jail, the pool of unassigned processes, the frames spoken with them.
//! Knows no control plane, no HTTP and no AWS operation.
//!
//! - [`Sandbox`] starts environments and keeps the pool; [`Environment`] serves one invocation at a time.
//! - `launcher` is what the re-executed program does before the interpreter runs: namespaces, mounts, limits.
//! - `frame` is the protocol with the bootstraps of `runtimes/`.
//!
//! Invariants: nothing a function does harms the server or another function; no output of one invocation is
//! given to another's log; an ended environment leaves no process, mount or file behind.
//!
//! The only crate with `unsafe`, each with its SAFETY comment.

mod config;
mod error;
mod outcome;
mod report;
mod spec;

pub use config::{SandboxConfig, SandboxMode};
pub use error::{LaunchError, SandboxError};
pub use outcome::{FaultKind, FunctionFault, LogLine, Outcome};
pub use report::{JailReport, Layer, LayerState, RuntimeFound};
pub use spec::{Credentials, FunctionSpec, Invocation};

use std::sync::Arc;

/// Starts environments. One for the whole server.
#[derive(Debug)]
pub struct Sandbox {}

impl Sandbox {
    /// Prepares folders; starts no process unless the mode is [`SandboxMode::Required`]. Needs a tokio runtime.
    pub fn start(config: SandboxConfig) -> Result<Arc<Self>, SandboxError> {
        let _ = config;
        Ok(Arc::new(Self {}))
    }

    /// Tries the jail and looks for interpreters: some tens of milliseconds, once; remembered after.
    pub async fn report(&self) -> JailReport {
        JailReport { mode: SandboxMode::Off, layers: vec![], runtimes: vec![] }
    }

    /// Fills the pool of the runtime in the background: call it when a function of that runtime exists.
    pub fn warm(self: &Arc<Self>, runtime: &str) {
        let _ = runtime;
    }

    /// Takes a process (from the pool, if one is ready), gives it the function and begins to load the handler;
    /// the first invocation waits for that.
    pub async fn launch(self: &Arc<Self>, spec: Arc<FunctionSpec>) -> Result<Environment, LaunchError> {
        Err(LaunchError::UnknownRuntime(spec.runtime.clone()))
    }

    /// Ends the pool. Environments end when they are dropped.
    pub async fn stop(&self) {}
}

/// A process with one function's handler loaded. Dropping it ends it and frees all it had.
#[derive(Debug)]
pub struct Environment {
    spec: Arc<FunctionSpec>,
}

impl Environment {
    pub fn spec(&self) -> &Arc<FunctionSpec> {
        &self.spec
    }

    /// Runs the handler once. Cancel-safe in that a dropped call ends the environment: see [`Self::is_alive`].
    pub async fn invoke(&mut self, invocation: Invocation) -> Outcome {
        let _ = invocation;
        Outcome {
            result: Ok(bytes::Bytes::new()),
            reusable: false,
            duration: std::time::Duration::ZERO,
            init_duration: None,
            billed_ms: 0,
            max_memory_mib: 0,
            init_logs: vec![],
            logs: vec![],
        }
    }

    /// Whether it can serve another invocation; false after its process ended while idle.
    pub fn is_alive(&mut self) -> bool {
        false
    }
}

/// Must be the first thing `main` does: when the program was started as launcher of a function's process, this
/// never returns.
pub fn maybe_run_launcher() {}
