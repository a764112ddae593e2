//! Other emulators under the same workloads: those that are installed (`--peers`), and any that runs (`--peer NAME=URL`).
//! They keep data in memory, which is the most favourable to them. Never part of what CI runs.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Plan;
use crate::client::{Connection, plain};
use crate::dynamodb::{Site, measure_site};
use crate::report::Report;

/// The folder of DynamoDBLocal.jar.
const DYNAMODB_LOCAL: &str = "DYNAMODB_LOCAL";

/// A peer that we started.
#[derive(Debug)]
struct Peer {
    process: Child,
    address: SocketAddr,
}

/// Programs by their names on the PATH, and their command lines with `PORT` in them.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("dynoxide", &["--port", "PORT"]),
    ("fakecloud", &["--addr", "127.0.0.1:PORT"]),
    ("dynalite", &["--port", "PORT", "--createTableMs", "0"]),
];

pub(crate) async fn measure_all(plan: &Plan, report: &mut Report) -> Result<()> {
    for (name, address) in &plan.running_peers {
        let site = Site { name, address: *address, pid: None, keeping: None };
        measure_site(plan, &site, report).await?;
    }
    if !plan.installed_peers {
        return Ok(());
    }
    for (name, flags) in PROGRAMS {
        measure(plan, name, Command::new(name), flags, report).await?;
    }
    let Some(folder) = std::env::var_os(DYNAMODB_LOCAL).map(std::path::PathBuf::from) else {
        report.note("dynamodb-local", &format!("{DYNAMODB_LOCAL} does not name the folder of its JAR"));
        return Ok(());
    };
    let mut java = Command::new("java");
    java.arg(format!("-Djava.library.path={}", folder.join("DynamoDBLocal_lib").display()));
    java.arg("-jar").arg(folder.join("DynamoDBLocal.jar"));
    measure(plan, "dynamodb-local", java, &["-inMemory", "-port", "PORT"], report).await
}

async fn measure(
    plan: &Plan,
    name: &str,
    command: Command,
    flags: &[&str],
    report: &mut Report,
) -> Result<()> {
    let peer = match Peer::start(command, flags).await {
        Ok(peer) => peer,
        Err(error) => {
            report.note(name, &format!("not measured: {error:#}"));
            return Ok(());
        }
    };
    let site = Site { name, address: peer.address, pid: Some(peer.process.id()), keeping: None };
    if let Err(error) = measure_site(plan, &site, report).await {
        report.note(name, &format!("given up: {error:#}"));
    }
    Ok(())
}

impl Peer {
    async fn start(mut command: Command, flags: &[&str]) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        command.args(flags.iter().map(|flag| flag.replace("PORT", &port)));
        // DynamoDB Local leaves a file where it stands.
        command.current_dir(std::env::temp_dir());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("not installed")?;
        let mut peer = Self { process, address };
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.call(&plain("GET", "/", "")).await.is_ok()
            {
                return Ok(peer);
            }
            if let Some(status) = peer.process.try_wait()? {
                bail!("it ended: {status}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("it did not answer")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
