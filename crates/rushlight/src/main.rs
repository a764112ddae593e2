//! The binary: the command line, configuration and wiring. The only crate that names all others; no logic of a service.

mod archive;
mod cli;
mod client;
mod config;
mod credentials;
mod dev;
mod function;
mod inside;
mod instance;
mod otlp;
mod port;
mod registry;
mod resources;
mod sample;
mod wiring;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sandbox::maybe_run_launcher();
    cli::run()
}
