//! Closed-loop load: each connection sends its next request when it has the answer to the last.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::Connection;

/// What a load found. Latencies are of whole calls, seen by the client.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// CPU time of the measured process for one operation.
    pub(crate) cpu_us: Option<f64>,
}

/// Runs `connections` loops for `span` after a tenth of it as warm-up. `request(n)` gives the n-th request.
pub(crate) async fn run(
    address: SocketAddr,
    connections: usize,
    span: Duration,
    request: Rc<dyn Fn(usize) -> Vec<u8>>,
    pid: Option<u32>,
) -> Result<Measured> {
    // Requests are made before the clock runs, so that the generator's share of the CPU is its reads and writes.
    let requests: Rc<Vec<Vec<u8>>> = Rc::new((0..4096).map(|n| request(n)).collect());
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            drive(address, connections, span / 10, &requests).await?;
            let cpu_before = pid.map(cpu_time).transpose()?;
            let start = Instant::now();
            let mut latencies = drive(address, connections, span, &requests).await?;
            let seconds = start.elapsed().as_secs_f64();
            let cpu_after = pid.map(cpu_time).transpose()?;
            latencies.sort_unstable();
            let count = latencies.len() as f64;
            Ok(Measured {
                per_second: count / seconds,
                p50_us: percentile(&latencies, 0.50),
                p99_us: percentile(&latencies, 0.99),
                cpu_us: cpu_before.zip(cpu_after).map(|(b, a)| (a - b).as_secs_f64() * 1e6 / count),
            })
        })
        .await
}

async fn drive(
    address: SocketAddr,
    connections: usize,
    span: Duration,
    requests: &Rc<Vec<Vec<u8>>>,
) -> Result<Vec<u32>> {
    let end = Instant::now() + span;
    let tasks: Vec<_> = (0..connections)
        .map(|index| tokio::task::spawn_local(one_loop(address, end, requests.clone(), index, connections)))
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

async fn one_loop(
    address: SocketAddr,
    end: Instant,
    requests: Rc<Vec<Vec<u8>>>,
    first: usize,
    step: usize,
) -> Result<Vec<u32>> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut turn = first;
    let mut now = Instant::now();
    while now < end {
        let answer = connection.call(&requests[turn % requests.len()]).await?;
        if answer.status >= 300 {
            bail!("status {}: {}", answer.status, String::from_utf8_lossy(connection.body(answer)));
        }
        let after = Instant::now();
        latencies.push(u32::try_from((after - now).as_nanos()).unwrap_or(u32::MAX));
        now = after;
        turn += step;
    }
    Ok(latencies)
}

/// In microseconds, of nanoseconds in order.
pub(crate) fn percentile(sorted: &[u32], share: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    f64::from(sorted[index]) / 1000.0
}

/// User and system time of a process so far.
fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}
