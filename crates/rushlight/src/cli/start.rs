//! `rushlight start`: the server in the foreground, until SIGINT or SIGTERM.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use base::trace::Recorder;
use base::{Clock, Limits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::system::sysinfo;
use serde_json::json;
use server::{BindError, Bound, Certificates, Server, ServerConfig};
use sigv4::Keys;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{Context, at, print_json, print_line};
use crate::config::{Auth, Config};
use crate::credentials;
use crate::dev::Live;
use crate::instance::{Instance, InstanceFile};
use crate::otlp;
use crate::port;
use crate::wiring::{Given, Wiring, recorder};

pub(super) fn run(context: Context) -> Result<ExitCode> {
    start_log(&context)?;
    runtime()?.block_on(async {
        let running = Running::begin(&context.config).await?;
        running.say(&context);
        running.until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// At least two workers: one that is busy for a moment must not be all there is.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    let workers = std::thread::available_parallelism().map_or(2, |cpus| cpus.get().max(2));
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?)
}

/// The log goes to the standard error; the standard output has what a program may read.
pub(super) fn start_log(context: &Context) -> Result<()> {
    let filter = EnvFilter::builder().parse(&context.config.log)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if context.json {
        builder.json().init();
    } else {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        builder.with_target(false).with_ansi(terminal).init();
    }
    Ok(())
}

/// So many certificates' URLs are printed at the start.
const HTTPS_SHOWN: usize = 4;

/// A server that answers.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) address: SocketAddr,
    wiring: Arc<Wiring>,
    /// Where it answers by TLS: one URL for each certificate.
    https: Vec<String>,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    _file: Option<InstanceFile>,
}

impl Running {
    /// Takes the port first: the most likely thing to go wrong, and the quickest to tell.
    pub(super) async fn begin(config: &Config) -> Result<Self> {
        let live = config.hot_reload.then(|| Arc::new(Live::default()));
        Self::begin_live(config, live).await
    }

    /// With functions that are served from folders.
    pub(super) async fn begin_live(config: &Config, live: Option<Arc<Live>>) -> Result<Self> {
        check_exposure(config)?;
        let keys = Arc::new(credentials::keys(config)?);
        let certificates = config.certificates.as_deref().map(Certificates::read).transpose()?.map(Arc::new);
        let clock = Clock::System;
        let traces = otlp::begin(config, &clock);
        let bound =
            bind(config, Arc::clone(&keys), (certificates.clone(), recorder(traces.as_ref()))).await?;
        let address = bound.addr();
        let https = certificates.map(|certificates| https_urls(&certificates, address)).unwrap_or_default();
        let given = Given { clock: clock.clone(), keys, live, traces };
        let wiring = Wiring::open(config, address, given).await?;
        let stop = CancellationToken::new();
        let served = tokio::spawn(bound.serve(Arc::clone(&wiring) as _, clock, stop.clone()));
        wiring.begin();
        let instance = Instance { pid: std::process::id(), listen: address };
        let file = if config.memory { None } else { Some(instance.write(&config.data)?) };
        Ok(Self { address, wiring, https, stop, served, _file: file })
    }

    pub(super) fn say(&self, context: &Context) {
        let url = format!("http://{}", self.address);
        let kept = self.wiring.describe();
        if context.json {
            return print_json(&json!({
                "url": url, "https": self.https, "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id(), "store": kept,
            }));
        }
        print_line(&format!("Rushlight {}  ({kept})", env!("CARGO_PKG_VERSION")));
        for (name, text) in [
            ("AWS endpoint", url.clone()),
            ("stage URLs", format!("{url}/restapis/API/STAGE/_user_request_/PATH")),
            ("health", format!("{url}/_rushlight/health")),
            ("metrics", format!("{url}/_rushlight/metrics")),
            ("for a shell", format!("eval \"$(rushlight env{})\"", at(self.address))),
        ] {
            print_line(&format!("  {name:<13} {text}"));
        }
        let (shown, more) = self.https.split_at(self.https.len().min(HTTPS_SHOWN));
        for url in shown {
            print_line(&format!("  {:<13} {url}", "https"));
        }
        if !more.is_empty() {
            print_line(&format!("  {:<13} and {} more", "", more.len()));
        }
    }

    /// Serves until a signal; then lets requests finish and closes the store.
    pub(super) async fn until_stopped(self) -> Result<()> {
        signalled().await?;
        tracing::info!("stopping");
        let begun = Instant::now();
        self.stop.cancel();
        self.wiring.hang_up();
        self.served.await?;
        // One span for both: requests first, then what runs without a client.
        self.wiring.close(Limits::default().stop_grace.saturating_sub(begun.elapsed())).await
    }
}

/// As many connections and, beside them, WebSockets as [`Limits`] allows and file descriptors last for, with a quarter of
/// those left for files and functions. The soft limit of descriptors, often 1,024, is raised to the hard one first.
fn connections_max() -> (usize, usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let descriptors = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let descriptors = descriptors.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let limits = Limits::default();
    (limits.connections_max.min(descriptors / 4), limits.websockets_max.min(descriptors / 2))
}

/// What bodies may hold: no more than a quarter of the machine's memory, and at least one body as large as it may be.
fn bodies_bytes_max() -> usize {
    let machine = sysinfo();
    let memory_bytes = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let limits = Limits::default();
    let quarter = usize::try_from(memory_bytes / 4).unwrap_or(usize::MAX);
    limits.bodies_bytes_max.min(quarter).max(limits.body_bytes_max)
}

fn check_exposure(config: &Config) -> Result<()> {
    if config.listen.ip().is_loopback() || config.auth != Auth::Unset {
        return Ok(());
    }
    bail!(
        "{} can be reached from other machines, and whoever reaches it may run code here.\nSay --auth required to let \
         those call who sign with a key pair, or --auth off if the network is yours alone",
        config.listen
    )
}

/// The URLs that certificates are for; that of the default one, if there is one, by the address.
fn https_urls(certificates: &Certificates, address: SocketAddr) -> Vec<String> {
    let url = |host: &str| format!("https://{host}:{}", address.port());
    let mut urls: Vec<_> = certificates.names().iter().map(|name| url(name)).collect();
    urls.extend(certificates.has_default().then(|| format!("https://{address}")));
    urls
}

async fn bind(
    config: &Config,
    keys: Arc<Keys>,
    (certificates, recorder): (Option<Arc<Certificates>>, Recorder),
) -> Result<Bound> {
    let (connections_max, websockets_max) = connections_max();
    let bodies_bytes_max = bodies_bytes_max();
    let limits = Limits { connections_max, websockets_max, bodies_bytes_max, ..Limits::default() };
    let server = ServerConfig {
        listen: config.listen,
        limits,
        wording: config.wording,
        keys,
        auth_required: config.auth == Auth::Required,
        names: config.names.clone(),
        certificates,
        recorder,
        ..ServerConfig::default()
    };
    Server::bind(server).await.map_err(|error| explain(&error))
}

fn explain(error: &BindError) -> anyhow::Error {
    let address = error.listen;
    match error.source.kind() {
        std::io::ErrorKind::AddrInUse => {
            let by = port::holder(address.port()).map(|holder| format!(" by {holder}")).unwrap_or_default();
            anyhow!(
                "{address} is taken{by}\nStop it (`rushlight stop` stops a Rushlight), or choose another address with \
                 --listen ADDR:PORT"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            anyhow!(
                "{address} may not be listened on: ports below 1024 need root; choose another with --listen ADDR:PORT"
            )
        }
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow!("{address} is no address of this machine; choose another with --listen ADDR:PORT")
        }
        _ => anyhow!("{error}"),
    }
}

async fn signalled() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
