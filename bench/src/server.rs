//! The release binary as a user starts it, over a folder that vanishes afterwards.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::{Connection, plain};

/// Where the server keeps its rows and when it acknowledges a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keeping {
    Memory,
    Relaxed,
    Strict,
    /// A database by its URL.
    Store(String),
}

#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From just before the process was made to its first whole answer.
    pub(crate) first_answer: Duration,
    binary: PathBuf,
    keeping: Keeping,
    flags: &'static [&'static str],
    /// Whose functions are served, by `rushlight dev`.
    project: Option<PathBuf>,
    folder: TempDir,
}

impl Keeping {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Memory => "memory",
            Self::Relaxed => "relaxed",
            Self::Strict => "strict",
            Self::Store(_) => "store",
        }
    }

    fn flags(&self) -> Vec<&str> {
        match self {
            Self::Memory => vec!["--memory"],
            Self::Relaxed | Self::Strict => vec!["--durability", self.name()],
            Self::Store(url) => vec!["--store", url],
        }
    }
}

impl Server {
    pub(crate) async fn start(binary: &Path, keeping: &Keeping) -> Result<Self> {
        Self::start_with(binary, keeping, &[]).await
    }

    /// With more flags.
    pub(crate) async fn start_with(binary: &Path, keeping: &Keeping, flags: &'static [&str]) -> Result<Self> {
        Self::start_over(binary, keeping, (flags, None, tempfile::tempdir()?)).await
    }

    /// As somebody starts it who works on `project`.
    pub(crate) async fn dev(binary: &Path, keeping: &Keeping, project: &Path) -> Result<Self> {
        let over = (&[] as &[_], Some(project.to_owned()), tempfile::tempdir()?);
        Self::start_over(binary, keeping, over).await
    }

    async fn start_over(
        binary: &Path,
        keeping: &Keeping,
        (flags, project, folder): (&'static [&'static str], Option<PathBuf>, TempDir),
    ) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(binary);
        match &project {
            Some(project) => command.arg("dev").arg(project),
            None => command.arg("start"),
        };
        command.args(["--listen", &address.to_string()]).args(keeping.flags()).args(flags);
        if *keeping != Keeping::Memory {
            command.arg("--data").arg(folder.path().join("data"));
        }
        let begin = Instant::now();
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self {
            process,
            address,
            first_answer: Duration::ZERO,
            binary: binary.to_owned(),
            keeping: keeping.clone(),
            flags,
            project,
            folder,
        };
        server.first_answer = server.await_answer(begin).await?;
        Ok(server)
    }

    /// Killed without warning and started again over the same folder.
    pub(crate) async fn restart(mut self) -> Result<Self> {
        self.process.kill()?;
        self.process.wait()?;
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir()?);
        let over = (self.flags, self.project.take(), folder);
        Self::start_over(&self.binary.clone(), &self.keeping.clone(), over).await
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

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM first, so that the sandboxes of the server end with it.
        let ended = self.process.try_wait().is_ok_and(|status| status.is_some());
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).filter(|_| !ended) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
