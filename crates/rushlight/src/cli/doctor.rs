//! `rushlight doctor`: what is there, and how to mend what is not. Fails when a server could not start as configured.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;
use sandbox::{FunctionNetwork, JailReport, Layer, RuntimeFound, Sandbox, SandboxConfig, Served};
use serde_json::json;

use super::{Context, print_json, print_line, small_runtime};
use crate::config::Config;
use crate::instance::Instance;
use crate::port;

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    what: String,
    ok: bool,
    /// What is said is no shortcoming.
    optional: bool,
    /// A server cannot start without it.
    needed: bool,
    said: String,
}

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let mut findings = vec![data_folder(&context.config), listen(&context.config)];
    let asking = small_runtime()?;
    findings.extend(jail(&asking.block_on(report(&context.config))?));
    findings.extend(runtimes(&asking.block_on(super::runtimes::found(&context.config, None))));
    if context.json {
        let row = |f: &Finding| json!({ "what": f.what, "ok": f.ok, "needed": f.needed, "said": f.said });
        print_json(&findings.iter().map(row).collect());
    } else {
        for Finding { what, ok, optional, said, .. } in &findings {
            let word = match (ok, optional) {
                (true, _) => "ok",
                (false, true) => "none",
                (false, false) => "MISS",
            };
            print_line(&format!("{word:<4}  {what:<12} {said}"));
        }
    }
    let sound = findings.iter().all(|finding| finding.ok || !finding.needed);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn data_folder(config: &Config) -> Finding {
    let path = &config.data;
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let writable = rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK).is_ok();
    let said = if config.memory {
        "nothing is kept (memory)".to_owned()
    } else if writable {
        format!("{}", path.display())
    } else {
        format!("{} cannot be written: choose another folder with --data DIR", nearest.display())
    };
    Finding { what: "data".into(), ok: writable || config.memory, optional: false, needed: true, said }
}

fn listen(config: &Config) -> Finding {
    let address = config.listen;
    let finding = |ok, said| Finding { what: "listen".into(), ok, optional: false, needed: true, said };
    match TcpListener::bind(address) {
        Ok(_) => finding(true, format!("{address} is free")),
        Err(_) if Instance::read(&config.data).is_some_and(|instance| instance.listen == address) => {
            finding(true, format!("{address} is served by the running server"))
        }
        Err(error) => {
            let by =
                port::holder(address.port()).map_or(error.to_string(), |holder| format!("taken by {holder}"));
            finding(false, format!("{address} {by}: choose another with --listen ADDR:PORT"))
        }
    }
}

async fn report(config: &Config) -> Result<JailReport> {
    let folder = std::env::temp_dir().join(format!("rushlight-doctor-{}", std::process::id()));
    let sandbox = Sandbox::start(SandboxConfig {
        mode: config.sandbox,
        network: config.function_network,
        ..SandboxConfig::new(&folder)
    })
    .await?;
    let report = sandbox.report().await;
    sandbox.stop().await;
    // It held nothing that matters.
    _ = std::fs::remove_dir_all(&folder);
    Ok(report)
}

fn jail(report: &JailReport) -> Vec<Finding> {
    let layers = report.layers.iter().map(|state| Finding {
        what: state.layer.name().to_owned(),
        ok: state.missing.is_none(),
        optional: !state.layer.is_required(),
        needed: report.mode == sandbox::SandboxMode::Required && state.layer.is_required(),
        said: match &state.missing {
            None if state.layer == Layer::Network => network(report.network).to_owned(),
            None => "in force".to_owned(),
            Some(why) => format!("{why}; {}", state.layer.hint()),
        },
    });
    layers.collect()
}

/// A line for each language: what serves its runtimes, and which of them only nearly.
fn runtimes(all: &[RuntimeFound]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for family in ["node", "python", "java", "ruby"] {
        let of_family: Vec<&RuntimeFound> = all.iter().filter(|found| found.family == family).collect();
        let served = of_family.iter().any(|found| found.program.is_some());
        findings.push(Finding {
            what: family.to_owned(),
            ok: served,
            // Node.js and Python are what most functions are written in.
            optional: matches!(family, "java" | "ruby"),
            needed: false,
            said: if served { served_by(&of_family) } else { bring(&of_family) },
        });
    }
    let python = all.iter().filter(|found| found.family == "python");
    let mut asked: Vec<&Path> = Vec::new();
    for found in python {
        let Some(program) = found.program.as_deref().filter(|program| !asked.contains(program)) else {
            continue;
        };
        asked.push(program);
        findings.push(boto3(program, found.lent_sdk.as_deref()));
    }
    findings
}

/// `20.20.2 /usr/bin/node serves nodejs20.x, and not quite nodejs22.x nodejs18.x`.
fn served_by(found: &[&RuntimeFound]) -> String {
    let mut programs: Vec<&Path> = Vec::new();
    for program in found.iter().filter_map(|found| found.program.as_deref()) {
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    let line = |program: &Path| {
        let by_it = || found.iter().filter(|found| found.program.as_deref() == Some(program));
        let names = |exact: bool| {
            let fits = by_it().filter(|found| (found.served != Served::OtherVersion) == exact);
            fits.map(|found| found.runtime).collect::<Vec<_>>().join(" ")
        };
        let version = by_it().find_map(|found| found.version.as_deref()).unwrap_or_default();
        let exact = names(true);
        let serves = if exact.is_empty() { String::new() } else { format!(" serves {exact}") };
        let (near, by) = (names(false), program.display());
        let near = if near.is_empty() { String::new() } else { format!(" (another version for {near})") };
        format!("{version} {by}{serves}{near}")
    };
    programs.into_iter().map(line).collect::<Vec<_>>().join("; ")
}

/// How to bring the newest of them.
fn bring(found: &[&RuntimeFound]) -> String {
    format!("not found: {}", found.first().map(|found| found.hint.as_str()).unwrap_or_default())
}

/// What functions reach.
fn network(network: FunctionNetwork) -> &'static str {
    match network {
        FunctionNetwork::None => "in force: functions reach the server alone (none)",
        FunctionNetwork::Host => "functions have this host's network, as was asked (host)",
        FunctionNetwork::Isolated => {
            "in force: functions reach other hosts, and of this one the server alone (isolated)"
        }
    }
}

/// The AWS SDK for Python, which functions take from the host: of the interpreter itself, or lent by another.
fn boto3(python: &Path, lent: Option<&Path>) -> Finding {
    let mut ask = Command::new(python);
    if let Some(folder) = lent {
        ask.env("PYTHONPATH", folder);
    }
    let asked = ask.args(["-B", "-c", "import boto3; print(boto3.__version__)"]).output();
    let version = asked.ok().filter(|output| output.status.success());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let said = match (&version, lent) {
        (Some(version), None) => format!("{version}, of {}", python.display()),
        (Some(version), Some(folder)) => {
            format!("{version}, of {}, for {} has none", folder.display(), python.display())
        }
        (None, _) => format!(
            "not found: functions that import it need it in their package, or {} -m pip install boto3",
            python.display()
        ),
    };
    Finding { what: "boto3".into(), ok: version.is_some(), optional: true, needed: false, said }
}
