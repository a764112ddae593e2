//! DynamoDB in its ways of keeping data: each workload beside an echo server's figure of the same run and beside the
//! mark it is to reach. Then what a small table does not show: hot keys, an endless load, a million items.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::Plan;
use crate::ceiling::Echo;
use crate::client::{Connection, set_up};
use crate::load::{self, Source};
use crate::process::{memory_kib, watch_memory};
use crate::report::{Beside, Mark, Report};
use crate::server::{Keeping, Server};
use crate::workload::{self, ROWS_A_PARTITION, Workload};
use crate::{marks, peer};

const CONNECTIONS: usize = 16;
/// Enough that writers seldom meet, little enough that the slowest peer can be filled.
const ROWS: usize = 20_000;
/// Items that are overwritten until old versions of them lie about everywhere, and how often.
const HOT_ROWS: usize = 1_000;
const OVERWRITES: usize = 200;

/// A server under measurement.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: std::net::SocketAddr,
    /// Of a server on this machine.
    pub(crate) pid: Option<u32>,
    /// Whether the project's marks are for it, and how it keeps data.
    pub(crate) keeping: Option<&'a Keeping>,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let keepings = match &plan.store {
        Some(url) => vec![Keeping::Store(url.clone())],
        None => vec![Keeping::Memory, Keeping::Relaxed, Keeping::Strict],
    };
    for keeping in &keepings {
        small(plan, keeping, report).await?;
    }
    if plan.store.is_none() {
        endless(plan, report).await?;
        large(plan, report).await?;
    }
    peer::measure_all(plan, report).await
}

async fn small(plan: &Plan, keeping: &Keeping, report: &mut Report) -> Result<()> {
    let workloads = workload::all(ROWS);
    let name = keeping.name();
    let hot = format!("{name}: query after overwrites");
    let names = workloads.iter().map(|workload| format!("{name}: {}", workload.name));
    if !names.chain([hot.clone()]).any(|name| plan.wants(&name)) {
        return Ok(());
    }
    let server = Server::start(&plan.binary, keeping).await?;
    let site = Site { name, address: server.address, pid: Some(server.pid()), keeping: Some(keeping) };
    measure_site(plan, &site, report).await?;
    if plan.wants(&hot) {
        let overwrites = workload::overwrite(HOT_ROWS);
        load::send_all(site.address, CONNECTIONS, HOT_ROWS * OVERWRITES, &overwrites).await?;
        compare(plan, &site, &hot, &workload::query(HOT_ROWS), report).await?;
    }
    Ok(())
}

/// Every workload on a table of [`ROWS`] items.
pub(crate) async fn measure_site(plan: &Plan, site: &Site<'_>, report: &mut Report) -> Result<()> {
    create_tables(site).await?;
    fill(site, ROWS).await?;
    for workload in workload::all(ROWS) {
        compare(plan, site, &format!("{}: {}", site.name, workload.name), &workload, report).await?;
    }
    Ok(())
}

async fn create_tables(site: &Site<'_>) -> Result<()> {
    for table in workload::tables() {
        set_up(site.address, &workload::call("CreateTable", &table)).await?;
    }
    Ok(())
}

async fn fill(site: &Site<'_>, rows: usize) -> Result<()> {
    load::send_all(site.address, CONNECTIONS, rows / ROWS_A_PARTITION, &workload::batch(rows)).await
}

/// The workload beside an echo server that answers as many bytes. What a server does not serve is said and left out.
async fn compare(
    plan: &Plan,
    site: &Site<'_>,
    name: &str,
    workload: &Workload,
    report: &mut Report,
) -> Result<()> {
    if !plan.wants(name) {
        return Ok(());
    }
    let request = workload.clone().request(0).to_vec();
    let mut probe = Connection::open(site.address).await?;
    let answer = probe.call(&request).await?;
    if answer.status != 200 {
        let reason: String = String::from_utf8_lossy(probe.body(answer)).chars().take(100).collect();
        report.note(name, &format!("not served: {} {reason}", answer.status));
        return Ok(());
    }
    let ceiling = Echo::start(probe.body(answer).len())?.measure(CONNECTIONS, plan.seconds, request).await?;
    let measured = load::run(site.address, CONNECTIONS, plan.seconds, workload, site.pid).await?;
    let mark = site.keeping.and_then(|keeping| marks::of(keeping, workload.name));
    report.add(name, measured, Beside { ceiling: Some(ceiling), mark: mark.map(Mark::PerSecond) });
    Ok(())
}

/// New items for as long as ten spans: memory must stay where it is, writers wait instead.
async fn endless(plan: &Plan, report: &mut Report) -> Result<()> {
    let name = "relaxed: endless inserts";
    if !plan.wants(name) {
        return Ok(());
    }
    let server = Server::start(&plan.binary, &Keeping::Relaxed).await?;
    let site = Site { name, address: server.address, pid: Some(server.pid()), keeping: None };
    create_tables(&site).await?;
    let span = plan.seconds * 10;
    let watched = watch_memory(server.pid());
    let measured = load::run(site.address, CONNECTIONS, span, &workload::insert(0), site.pid).await?;
    let samples = watched.finish();
    let highest = |part: &[u32]| part.iter().max().map_or(0, |kib| kib / 1024);
    let (first, second) = samples.split_at(samples.len() / 2);
    let gib = measured.per_second * span.as_secs_f64() / f64::from(1 << 20);
    report.add(name, measured, Beside::default());
    report.note(
        name,
        &format!(
            "memory at most {} MiB in the first half, {} MiB in the second; {gib:.1} GiB of items written",
            highest(first),
            highest(second)
        ),
    );
    Ok(())
}

/// The workloads on a table that does not fit the caches, and its partitions as the disk gives them.
async fn large(plan: &Plan, report: &mut Report) -> Result<()> {
    if !plan.wants("large") && !plan.filter.starts_with("large") {
        return Ok(());
    }
    let keeping = Keeping::Relaxed;
    let server = Server::start(&plan.binary, &keeping).await?;
    let site =
        Site { name: "large", address: server.address, pid: Some(server.pid()), keeping: Some(&keeping) };
    create_tables(&site).await?;
    let begin = Instant::now();
    fill(&site, plan.items).await?;
    let rate = plan.items as f64 / begin.elapsed().as_secs_f64();
    report.note("large: fill", &format!("{} items, {rate:.0} items/s", plan.items));
    for workload in workload::all(plan.items) {
        let name = format!("large: {}", workload.name);
        compare(plan, &site, &name, &workload, report).await?;
    }
    let memory = memory_kib(server.pid())? / 1024;
    let server = server.restart().await?;
    let ms = server.first_answer.as_secs_f64() * 1000.0;
    report.note("large: reopening after kill -9", &format!("{ms:.0} ms; memory before: {memory} MiB"));
    forget_files(server.folder())?;
    let site = Site { address: server.address, pid: Some(server.pid()), ..site };
    let query = workload::query(plan.items);
    let cold = load::run(site.address, CONNECTIONS, plan.seconds, &query, site.pid).await?;
    report.add("large: query of 25, cold", cold, Beside::default());
    let warm = workload::query(plan.items.min(ROWS));
    compare(plan, &site, "large: query of 25, warm part", &warm, report).await
}

/// Has the kernel drop its copies of all files below `folder`, as after a boot.
fn forget_files(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget_files(&path)?;
        } else if let Ok(file) = std::fs::File::open(&path) {
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}
