//! `rushlight completions SHELL`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, command: &mut clap::Command) -> ExitCode {
        clap_complete::generate(self.shell, command, "rushlight", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}
