//! `rushlight stop`: asks the running server to end, and waits until it has.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;

use super::{Context, print_json, print_line, small_runtime, status};
use crate::instance;
use crate::port;

/// Longer than a server waits for its requests.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let client = instance::client(&context.config);
    small_runtime()?.block_on(async {
        let health = status::health(&client).await.map_err(|error| error.context("nothing to stop"))?;
        let pid = health["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { bail!("the server at {} does not say its process", client.url()) };
        check_ours(pid)?;
        kill_process(pid, Signal::TERM)?;
        let ended = async {
            while test_kill_process(pid).is_ok() && !is_zombie(pid) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, ended).await.is_err() {
            bail!("process {} did not end; `kill -9 {0}` ends it at once", pid.as_raw_nonzero());
        }
        if context.json {
            print_json(&json!({ "stopped": pid.as_raw_nonzero().get() }));
        } else {
            print_line(&format!("stopped {} (process {})", client.url(), pid.as_raw_nonzero()));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The process is what an answer over the network said: send signals to nothing but a Rushlight.
fn check_ours(pid: Pid) -> Result<()> {
    let number = pid.as_raw_nonzero();
    let Ok(program) = std::fs::read_link(format!("/proc/{number}/exe")) else { return Ok(()) };
    if is_ours(&program, std::env::current_exe().ok().as_deref()) {
        return Ok(());
    }
    let command = port::command(number.get().unsigned_abs());
    bail!("process {number} is no rushlight but {command}: not stopped")
}

/// By the program's name, or by this one's, whatever name it was given.
fn is_ours(program: &Path, this: Option<&Path>) -> bool {
    let Some(name) = program.file_name() else { return false };
    name.to_string_lossy().starts_with("rushlight") || this.is_some_and(|this| this.file_name() == Some(name))
}

/// Ended, and its parent has not looked yet.
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_go_to_rushlights_only() {
        for (program, this, expected) in [
            ("/usr/bin/rushlight", "/usr/bin/rushlight", true),
            ("/a/rushlight-0.1 (deleted)", "/b/rushlight", true),
            ("/a/rl", "/b/rl", true),
            ("/usr/bin/python3", "/b/rl", false),
            ("/", "/", false),
        ] {
            assert_eq!(is_ours(Path::new(program), Some(Path::new(this))), expected, "{program}");
        }
    }
}
