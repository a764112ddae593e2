//! `rushlight run -- CMD`: a command with the variables of `rushlight env`.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::Args;

use super::{Context, env};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Run {
    pub(super) fn run(&self, context: &Context) -> Result<ExitCode> {
        let (program, arguments) = self.command.split_first().context("no command was given")?;
        let mut command = Command::new(program);
        command.args(arguments).envs(env::variables(context));
        for name in env::UNSET {
            command.env_remove(name);
        }
        let status = match command.status() {
            Ok(status) => status,
            Err(error) => {
                eprintln!("error: cannot run {}: {error}", program.to_string_lossy());
                let found = error.kind() != std::io::ErrorKind::NotFound;
                return Ok(ExitCode::from(if found { 126 } else { 127 }));
            }
        };
        // As a shell tells it: 128 and the signal that ended the command.
        let code = status.code().or_else(|| Some(128 + status.signal()?));
        Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
