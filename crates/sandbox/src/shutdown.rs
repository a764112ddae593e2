//! The end of an environment with extensions: the runtime is asked to end, then the extensions are told and waited
//! for, within AWS's time. <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>

use std::time::Duration;

use base::Clock;
use tokio::time::Instant;

use crate::frame::FromRuntime;
use crate::log::LogCollector;
use crate::process::{Event, Process};
use crate::runtime_api::Api;
use crate::spec::LateLines;
use crate::stem::RUNTIME;

/// What all have together; the runtime has the first part of it.
const TIME: Duration = Duration::from_secs(2);
const RUNTIME_TIME: Duration = Duration::from_millis(600);

/// Why an environment ends, in the words of the SHUTDOWN event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Spindown,
    Timeout,
    Failure,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

/// Ends the process: at once when there is nobody to tell, else in the background.
pub(crate) fn end(
    process: Process,
    api: Api,
    reason: Reason,
    (clock, log, late_lines): (&Clock, LogCollector, Option<LateLines>),
) {
    if !process.has_steward() || !api.has_extensions() {
        return;
    }
    let Ok(handle) = tokio::runtime::Handle::try_current() else { return };
    let clock = clock.clone();
    handle.spawn(async move { Shutdown { process, api, clock, log, late_lines }.run(reason).await });
}

struct Shutdown {
    process: Process,
    api: Api,
    clock: Clock,
    /// What is said from now on belongs to no invocation.
    log: LogCollector,
    late_lines: Option<LateLines>,
}

impl Shutdown {
    async fn run(mut self, reason: Reason) {
        let began = Instant::now();
        self.process.signal(RUNTIME, libc::SIGTERM);
        self.wait_for(&mut vec![RUNTIME], began + RUNTIME_TIME).await;
        self.process.signal(RUNTIME, libc::SIGKILL);
        let deadline = self.clock.now().plus(TIME.saturating_sub(began.elapsed()));
        let told = self.api.shut_down(reason.name(), deadline);
        // What is told nothing ends with the process.
        self.wait_for(&mut told.into_iter().collect(), began + TIME).await;
        self.process.drain_output(&mut self.log, self.clock.now());
        let lines = self.log.take(self.clock.now());
        if let Some(late_lines) = self.late_lines.filter(|_| !lines.is_empty()) {
            late_lines.give(lines);
        }
    }

    /// Waits until all of these programs have ended.
    async fn wait_for(&mut self, programs: &mut Vec<u32>, deadline: Instant) {
        while !programs.is_empty() {
            match self.process.next(&mut self.log, &self.clock, deadline).await {
                Event::Frame(FromRuntime::Ended { index, .. }) => programs.retain(|one| *one != index),
                Event::Frame(_) => {}
                Event::Exited(_) | Event::Broken | Event::Alarm => return,
            }
        }
    }
}
