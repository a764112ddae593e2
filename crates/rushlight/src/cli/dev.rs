//! `rushlight dev [DIR]`: the server, with the functions of a folder served straight from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, value_parser};
use ports::LiveFolders as _;
use sandbox::{RuntimeFound, Served};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::{Context, logs, print_json, print_line, runtimes, start};
use crate::client::Client;
use crate::credentials;
use crate::dev::{self, Function, Live, Project, Watch};
use crate::function;

/// How often changed functions are looked for. Changed code is not: it is found by the request that needs it.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Folder of the functions: those that its rushlight.toml names, or else every handler in it
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
    /// Let debuggers into Node.js functions: the first one's environment listens on this port of loopback, the others'
    /// on the next ones
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "9229", value_parser = value_parser!(u16).range(1..))]
    inspect: Option<u16>,
}

/// A project that is being served.
#[derive(Debug)]
struct Serving<'a> {
    context: &'a Context,
    client: Client,
    live: Arc<Live>,
    folder: PathBuf,
    debuggers: Debuggers,
    shown: Option<Project>,
    /// What serves AWS's runtimes here; looked for when a function leaves its version open.
    runtimes: Vec<RuntimeFound>,
}

/// Which port the debugger of each function has. None is given twice: the one who had it may listen there still.
#[derive(Debug)]
struct Debuggers {
    first: Option<u16>,
    given: HashMap<String, u16>,
}

impl Debuggers {
    /// `None` without `--inspect`, in languages that have no debugger here, and when there is no port left.
    fn port_of(&mut self, function: &str, runtime: &str) -> Option<u16> {
        if !runtime.starts_with("nodejs") {
            return None;
        }
        if let Some(port) = self.given.get(function) {
            return Some(*port);
        }
        let port = self.first?.checked_add(u16::try_from(self.given.len()).ok()?)?;
        self.given.insert(function.to_owned(), port);
        Some(port)
    }
}

impl Dev {
    pub(super) fn run(&self, context: &Context) -> Result<ExitCode> {
        start::start_log(context)?;
        let folder = self.folder.canonicalize();
        let folder = folder.with_context(|| format!("cannot serve {}", self.folder.display()))?;
        if !folder.is_dir() {
            bail!("{} is not a folder", folder.display());
        }
        start::runtime()?.block_on(async {
            // Watched before it is read, so that nothing that is saved meanwhile is missed.
            let watch = Watch::new(&folder)?;
            let live = Arc::new(Live::default());
            live.build(&folder).await.map_err(anyhow::Error::msg)?;
            let running = start::Running::begin_live(&context.config, Some(Arc::clone(&live))).await?;
            running.say(context);
            let client = Client::new(running.address, credentials::own_pair(&context.config));
            let debuggers = Debuggers { first: self.inspect, given: HashMap::new() };
            let mut serving =
                Serving { context, client, live, folder, debuggers, shown: None, runtimes: Vec::new() };
            serving.refresh().await?;
            let live_log = logs::Live::open(&serving.client).await?;
            tokio::select! {
                stopped = running.until_stopped() => stopped?,
                failed = serving.keep(watch) => failed?,
                failed = live_log.print(context.json) => failed?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Serving<'_> {
    /// Deploys again whenever what is saved changes the functions themselves; code alone needs no deployment.
    async fn keep(&mut self, mut watch: Watch) -> Result<()> {
        let mut said = Ok(());
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if watch.has_changed()? {
                let mut done = self.refresh().await.map_err(|error| format!("{error:#}"));
                if done.is_ok() {
                    // Built now rather than at the next request.
                    done = self.live.generation(&self.folder).await.map(drop);
                }
                // What the compiler says is said once.
                if let Err(why) = &done
                    && done != said
                {
                    eprintln!("error: {why}");
                }
                said = done;
            }
        }
    }

    async fn refresh(&mut self) -> Result<()> {
        let project = Project::read(&self.folder)?;
        dev::check(&self.folder).map_err(anyhow::Error::msg)?;
        if self.shown.as_ref() == Some(&project) {
            return Ok(());
        }
        let mut rows = Vec::new();
        for (name, function) in &project.functions {
            let known = self.shown.as_ref().and_then(|shown| shown.functions.get(name));
            if known == Some(function) {
                continue;
            }
            let runtime = self.runtime(function.runtime.as_deref()).await;
            let port = self.debuggers.port_of(name, &runtime);
            if let Some(port) = port {
                self.live.inspect(name, port);
            }
            let definition = definition(name, function, &runtime, &self.folder);
            function::put(&self.client, &definition).await?;
            let url = function::url(&self.client, name).await?;
            rows.push(json!({
                "function": name, "handler": function.handler, "runtime": definition["Runtime"], "url": url, "inspect": port,
            }));
        }
        self.say(&project, &rows);
        self.shown = Some(project);
        Ok(())
    }

    /// AWS's name of the runtime: the newest version that is here of what the function asks for.
    async fn runtime(&mut self, asked: Option<&str>) -> String {
        let (family, usual) = match asked {
            None | Some("nodejs") => ("node", "nodejs22.x"),
            Some("python") => ("python", "python3.13"),
            Some(runtime) => return runtime.to_owned(),
        };
        if !self.runtimes.iter().any(|found| found.family == family) {
            self.runtimes.extend(runtimes::found(&self.context.config, Some(family)).await);
        }
        let exact = |found: &&RuntimeFound| {
            found.family == family && matches!(found.served, Served::Added | Served::Host)
        };
        self.runtimes.iter().find(exact).map_or(usual, |found| found.runtime).to_owned()
    }

    fn say(&self, project: &Project, rows: &[Value]) {
        if self.context.json {
            return rows.iter().for_each(print_json);
        }
        if project.functions.is_empty() {
            print_line(&format!(
                "No function in {}: export a `handler` from a file, or name it in rushlight.toml ([functions.NAME] handler = \
                 \"file.handler\")",
                self.folder.display()
            ));
        }
        if self.shown.is_none() {
            let from = if project.from_template { ", as rushlight.toml names them" } else { "" };
            let tool = project.build.as_ref().map(|build| format!(", built by {}", build.tool()));
            print_line(&format!("Serving {}{from}{}", self.folder.display(), tool.unwrap_or_default()));
        }
        let width = rows.iter().map(|row| text(row, "function").len()).max().unwrap_or(0);
        for row in rows {
            let inspect = row["inspect"].as_u64().map(|port| format!("  debugger on 127.0.0.1:{port}"));
            print_line(&format!(
                "  {:<width$}  {}  {} on {}{}",
                text(row, "function"),
                text(row, "url"),
                text(row, "handler"),
                text(row, "runtime"),
                inspect.unwrap_or_default()
            ));
        }
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// The body of a CreateFunction. The bucket is that of functions that are served from a folder.
fn definition(name: &str, function: &Function, runtime: &str, folder: &Path) -> Value {
    json!({
        "FunctionName": name,
        "Runtime": runtime,
        "Handler": function.handler,
        "Role": function::ROLE,
        "Code": { "S3Bucket": "hot-reload", "S3Key": folder },
        "Timeout": function.timeout.unwrap_or(30),
        "MemorySize": function.memory.unwrap_or(256),
        "Environment": { "Variables": function.environment },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_function_keeps_a_debugger_port_of_its_own() {
        let mut debuggers = Debuggers { first: Some(65_533), given: HashMap::new() };
        let ports: Vec<_> = [
            ("b", "nodejs22.x"),
            ("list", "python3.13"),
            ("c", "nodejs20.x"),
            ("a", "nodejs22.x"),
            ("b", "nodejs24.x"),
            ("d", "nodejs22.x"),
        ]
        .map(|(name, runtime)| debuggers.port_of(name, runtime))
        .to_vec();
        assert_eq!(ports, [Some(65_533), None, Some(65_534), Some(65_535), Some(65_533), None]);
        let mut none = Debuggers { first: None, given: HashMap::new() };
        assert_eq!(none.port_of("a", "nodejs22.x"), None);
    }
}
