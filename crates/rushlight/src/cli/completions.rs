//! `rushlight completions SHELL`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::print_line;

#[derive(Debug, Args)]
pub(super) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, command: &mut clap::Command) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "rushlight", &mut script);
        print_line(String::from_utf8_lossy(&script).trim_end());
        ExitCode::SUCCESS
    }
}
