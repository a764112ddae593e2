//! What can go wrong on our side of the jail's wall. A function's own failures are [`crate::FunctionFault`]s.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("cannot prepare the sandbox's folder {path}: {source}")]
    Scratch { path: String, source: io::Error },
    #[error("the sandbox is required, but this host does not allow: {missing}. {hint}")]
    LayersMissing { missing: String, hint: String },
    #[error("cannot start the launcher: {0}")]
    Launcher(#[source] io::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("runtime {0} is not known; `rushlight runtimes list` shows those that are")]
    UnknownRuntime(String),
    #[error("there is no {program} on this host for runtime {runtime}: {hint}")]
    InterpreterMissing { runtime: String, program: &'static str, hint: String },
    #[error("the function's code cannot be mounted: {0}")]
    Mount(String),
    #[error("{0}")]
    LayersMissing(String),
    #[error("cannot start an environment: {0}")]
    Io(#[from] io::Error),
}
