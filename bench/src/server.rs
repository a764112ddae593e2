//! The release binary as a user starts it, over a folder that vanishes afterwards.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::client::{Connection, plain};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Strict,
    Relaxed,
}

#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From just before the process was made to its first whole answer.
    pub(crate) first_answer: Duration,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start(binary: &Path, durability: Durability) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mode = if durability == Durability::Strict { "strict" } else { "relaxed" };
        let begin = Instant::now();
        let process = Command::new(binary)
            .args(["start", "--listen", &address.to_string(), "--durability", mode, "--data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { process, address, first_answer: Duration::ZERO, _folder: folder };
        server.first_answer = server.await_answer(begin).await?;
        Ok(server)
    }

    async fn await_answer(&mut self, begin: Instant) -> Result<Duration> {
        let request = plain("GET", "/_rushlight/health", "");
        while begin.elapsed() < Duration::from_secs(10) {
            if let Ok(mut connection) = Connection::open(self.address).await
                && connection.call(&request).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(begin.elapsed());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended: {status}");
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        bail!("the server did not answer")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM first, so that the sandboxes of the server end with it.
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
