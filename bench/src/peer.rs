//! Other emulators of DynamoDB under the same workloads: those that are installed (`--peers`), and any that runs (`--peer NAME=URL`).
//! They keep data in memory, which is the most favourable to them. Never part of what CI runs.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::Plan;
use crate::client::{Connection, plain};
use crate::dynamodb::{Site, measure_site};
use crate::report::Report;

/// The folder of DynamoDBLocal.jar.
const DYNAMODB_LOCAL: &str = "DYNAMODB_LOCAL";

/// A peer may have to read a lot before it serves.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A peer that we started, with all that it starts.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// Programs by their names on the PATH, and their command lines with `{port}` in them.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("dynoxide", &["--port", "{port}"]),
    ("fakecloud", &["--addr", "127.0.0.1:{port}"]),
    ("dynalite", &["--port", "{port}", "--createTableMs", "0"]),
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
    measure(plan, "dynamodb-local", java, &["-inMemory", "-port", "{port}"], report).await
}

async fn measure(
    plan: &Plan,
    name: &str,
    mut command: Command,
    flags: &[&str],
    report: &mut Report,
) -> Result<()> {
    // DynamoDB Local leaves a file where it stands.
    command.current_dir(std::env::temp_dir());
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
    /// `{port}` and `{second}` in the flags are ports that are free.
    pub(crate) async fn start(mut command: Command, flags: &[impl AsRef<str>]) -> Result<Self> {
        let [address, second] = free_addresses()?;
        let (port, second) = (address.port().to_string(), second.port().to_string());
        command.args(
            flags.iter().map(|flag| flag.as_ref().replace("{port}", &port).replace("{second}", &second)),
        );
        command.process_group(0);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("not installed")?;
        let mut peer = Self { process, address };
        let begin = Instant::now();
        while begin.elapsed() < START_TIMEOUT {
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

fn free_addresses() -> Result<[SocketAddr; 2]> {
    let both = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([both[0].local_addr()?, both[1].local_addr()?])
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}
