//! Measures the release binary from outside: each figure beside a ceiling that the same machine reached in the same run.
//! `cargo xtask bench` builds both and runs this. All load is on loopback, bounded, and ends by itself.

mod ceiling;
mod client;
mod cold;
mod load;
mod report;
mod scenario;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::report::Report;
use crate::server::{Durability, Server};

/// How much is measured; from the command line.
#[derive(Debug)]
struct Plan {
    binary: PathBuf,
    json: PathBuf,
    seconds: Duration,
    /// Only scenarios whose name has this in it.
    filter: String,
}

fn main() -> Result<()> {
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
    let seconds = value("--seconds").map_or(Ok(3.0), |text| text.parse::<f64>())?;
    Ok(Plan {
        binary: value("--binary").context("--binary PATH is missing")?.into(),
        json: value("--json").context("--json PATH is missing")?.into(),
        seconds: Duration::from_secs_f64(seconds),
        filter: value("--only").cloned().unwrap_or_default(),
    })
}

async fn measure(plan: &Plan) -> Result<()> {
    let mut report = Report::default();
    cold::start_up(plan, &mut report).await?;
    for durability in [Durability::Strict, Durability::Relaxed] {
        let server = Server::start(&plan.binary, durability).await?;
        scenario::dynamodb(plan, &server, durability, &mut report).await?;
    }
    let server = Server::start(&plan.binary, Durability::Strict).await?;
    scenario::lambda(plan, &server, &mut report).await?;
    cold::functions(plan, &server, &mut report).await?;
    drop(server);
    report.print();
    report.write(&plan.json)
}
