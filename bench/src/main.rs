//! Measures the release binary from outside: each figure beside a ceiling that the same machine reached in the same run.
//! `cargo xtask bench` builds both and runs this. All load is on loopback, bounded, and ends by itself.

mod binary;
mod ceiling;
mod client;
mod cold;
mod crowd;
mod dynamodb;
mod function;
mod gateway;
mod install;
mod java;
mod lambda_peer;
mod load;
mod marks;
mod peer;
mod process;
mod report;
mod save;
mod server;
mod template;
mod websocket;
mod workload;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::report::Report;
use crate::server::{Keeping, Server};

/// What is measured and how long; from the command line.
#[derive(Debug)]
struct Plan {
    binary: PathBuf,
    json: PathBuf,
    seconds: Duration,
    /// Only what has this in its name.
    filter: String,
    area: Area,
    /// The items of the large table.
    items: usize,
    /// A database to keep the data in.
    store: Option<String>,
    running_peers: Vec<(String, SocketAddr)>,
    installed_peers: bool,
    /// Functions to deploy beside each other.
    functions: usize,
    /// Invocations of the soak; 0: none.
    invocations: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    All,
    DynamoDb,
    Lambda,
    Gateway,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }
}

fn main() -> Result<()> {
    if let Some(api) = std::env::var_os("AWS_LAMBDA_RUNTIME_API") {
        return binary::serve(&api.to_string_lossy());
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, reply_bytes] = words.as_slice()
        && first == "echo"
    {
        return ceiling::serve_echo(reply_bytes.parse()?);
    }
    let plan = plan(&words)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&plan))
}

fn plan(words: &[String]) -> Result<Plan> {
    let value = |flag: &str| words.iter().position(|w| w == flag).and_then(|at| words.get(at + 1));
    let seconds = value("--seconds").map_or(Ok(2.0), |text| text.parse::<f64>())?;
    let named = words.iter().zip(words.iter().skip(1)).filter(|(flag, _)| *flag == "--peer");
    Ok(Plan {
        binary: value("--binary").context("--binary PATH is missing")?.into(),
        json: value("--json").context("--json PATH is missing")?.into(),
        seconds: Duration::from_secs_f64(seconds),
        filter: value("--only").cloned().unwrap_or_default(),
        area: match words.first().map(String::as_str) {
            Some("dynamodb") => Area::DynamoDb,
            Some("lambda") => Area::Lambda,
            Some("gateway") => Area::Gateway,
            _ => Area::All,
        },
        items: value("--items").map_or(Ok(1_000_000), |text| text.parse())?,
        store: value("--store").cloned(),
        running_peers: named.map(|(_, peer)| running_peer(peer)).collect::<Result<_>>()?,
        functions: value("--functions").map_or(Ok(10_000), |text| text.parse())?,
        invocations: value("--invocations").map_or(Ok(0), |text| text.parse())?,
        installed_peers: words.iter().any(|word| word == "--peers"),
    })
}

/// `NAME=URL`.
fn running_peer(text: &str) -> Result<(String, SocketAddr)> {
    let (name, url) = text.split_once('=').context("a peer is given as NAME=URL")?;
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let address = host.to_socket_addrs()?.next().context("the peer's URL names no address")?;
    Ok((name.to_owned(), address))
}

async fn measure(plan: &Plan) -> Result<()> {
    let mut report = Report::default();
    if plan.area == Area::All {
        cold::start_up(plan, &mut report).await?;
    }
    if matches!(plan.area, Area::All | Area::DynamoDb) {
        dynamodb::run(plan, &mut report).await?;
    }
    if matches!(plan.area, Area::All | Area::Gateway) {
        gateway::run(plan, &mut report).await?;
        websocket::run(plan, &mut report).await?;
    }
    if matches!(plan.area, Area::All | Area::Lambda) {
        let server = Server::start(&plan.binary, &Keeping::Strict).await?;
        function::measure(plan, &server, &mut report).await?;
        cold::functions(plan, &server, &mut report).await?;
        drop(server);
        cold::without_pool(plan, &mut report).await?;
        save::run(plan, &mut report).await?;
        crowd::run(plan, &mut report).await?;
        lambda_peer::measure_all(plan, &mut report).await?;
    }
    report.print();
    report.write(&plan.json)
}
