//! `rushlight run -- CMD`: a command with the variables of `rushlight env`.

use std::ffi::OsString;
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
        let status = command.status().with_context(|| format!("cannot run {}", program.to_string_lossy()))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
