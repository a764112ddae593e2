//! Closed-loop load: each connection sends its next request when it has the answer to the last.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::Connection;
use crate::process::processor_time;
use crate::workload::Workload;

/// What a load found. Latencies are of whole calls, seen by the client.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// CPU time of the measured process for one operation.
    pub(crate) cpu_us: Option<f64>,
}

/// Where requests come from: each connection has its own copy.
pub(crate) trait Source: Clone + 'static {
    /// The n-th request.
    fn request(&mut self, n: usize) -> &[u8];
}

/// The same request again and again.
impl Source for Rc<Vec<u8>> {
    fn request(&mut self, _: usize) -> &[u8] {
        self
    }
}

/// Two requests in turn.
impl Source for Rc<[Vec<u8>; 2]> {
    fn request(&mut self, n: usize) -> &[u8] {
        &self[n % 2]
    }
}

impl Source for Workload {
    fn request(&mut self, n: usize) -> &[u8] {
        self.fill(n)
    }
}

/// When a load ends.
#[derive(Debug, Clone, Copy)]
enum End {
    At(Instant),
    /// When so many requests are answered.
    After(usize),
}

/// Runs `connections` loops for `span` after a tenth of it as warm-up.
pub(crate) async fn run(
    address: SocketAddr,
    connections: usize,
    span: Duration,
    source: &impl Source,
    pid: Option<u32>,
) -> Result<Measured> {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            drive(address, connections, End::At(Instant::now() + span / 10), source).await?;
            let cpu_before = pid.map(processor_time).transpose()?;
            let start = Instant::now();
            let mut latencies = drive(address, connections, End::At(start + span), source).await?;
            let seconds = start.elapsed().as_secs_f64();
            let cpu_after = pid.map(processor_time).transpose()?;
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

/// The medians of two requests that one connection sends in turn, in microseconds: whatever the machine does meanwhile,
/// it does to both.
pub(crate) async fn in_turn(address: SocketAddr, span: Duration, requests: [Vec<u8>; 2]) -> Result<[f64; 2]> {
    let source = Rc::new(requests);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            drive(address, 1, End::At(Instant::now() + span / 10), &source).await?;
            let latencies = drive(address, 1, End::At(Instant::now() + span), &source).await?;
            Ok([0, 1].map(|first| {
                let mut own: Vec<u32> = latencies.iter().skip(first).step_by(2).copied().collect();
                own.sort_unstable();
                percentile(&own, 0.50)
            }))
        })
        .await
}

/// Sends the first `count` requests, each once.
pub(crate) async fn send_all(
    address: SocketAddr,
    connections: usize,
    count: usize,
    source: &impl Source,
) -> Result<()> {
    let local = tokio::task::LocalSet::new();
    local.run_until(drive(address, connections, End::After(count), source)).await.map(drop)
}

async fn drive(address: SocketAddr, connections: usize, end: End, source: &impl Source) -> Result<Vec<u32>> {
    let tasks: Vec<_> = (0..connections)
        .map(|first| tokio::task::spawn_local(one_loop(address, end, source.clone(), (first, connections))))
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

async fn one_loop(
    address: SocketAddr,
    end: End,
    mut source: impl Source,
    (mut turn, step): (usize, usize),
) -> Result<Vec<u32>> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut now = Instant::now();
    while match end {
        End::At(end) => now < end,
        End::After(count) => turn < count,
    } {
        let answer = connection.call(source.request(turn)).await?;
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
