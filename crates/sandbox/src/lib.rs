//! Runs functions: environments, their jail, the pool of unassigned processes, the frames spoken with them.
//! Knows no control plane, no AWS operation, and no HTTP but that of the environments' own API.
//!
//! - [`Sandbox`] starts environments and keeps the pool; [`Environment`] serves one invocation at a time.
//! - `launcher` is what the re-executed program does before the interpreter runs: namespaces, mounts, limits;
//!   `view` says what it mounts, `control` is what is said to it.
//! - `frame` is the protocol with the bootstraps of `runtimes/`, `init` what they are told first; every other runtime,
//!   and all extensions, speak `runtime_api`. `stem` is what is said to a process that waits for its program.
//!
//! Invariants: nothing a function does harms the server or another function; no output of one invocation is
//! given to another's log; an ended environment leaves no process, mount or file behind.
//!
//! The only crate with `unsafe` (in `launcher::sys`), each with its SAFETY comment.

mod answer;
mod cgroup;
mod compiled;
mod config;
mod control;
mod descriptors;
mod environment;
mod error;
mod fault;
mod frame;
mod freezer;
mod init;
mod interpreter;
mod launcher;
mod log;
mod memory;
mod node_sdk;
mod outcome;
pub mod platform;
mod pool;
mod process;
mod report;
mod runtime_api;
mod sandbox;
mod shutdown;
mod spec;
mod start;
mod stem;
mod view;

pub use config::{FunctionNetwork, SandboxConfig, SandboxMode};
pub use environment::Environment;
pub use error::{LaunchError, SandboxError};
pub use interpreter::{AddedRuntimes, Place, find_runtimes};
pub use launcher::maybe_run_launcher;
pub use outcome::{FaultKind, FunctionFault, Init, InitPhase, LogLine, Outcome, Phases, StreamPiece};
pub use report::{JailReport, Layer, LayerState, RuntimeFound, Served};
pub use sandbox::Sandbox;
pub use spec::{Credentials, FunctionSpec, InitType, Invocation, LateLines};
