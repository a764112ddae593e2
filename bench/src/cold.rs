//! First times: the server's first answer on an empty folder and its idle memory, a function's first invocation.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Plan;
use crate::client::{Connection, rest};
use crate::function::{create_function, echo_code, invoke_path};
use crate::load::{Measured, percentile};
use crate::process::memory_kib;
use crate::report::{Beside, Report};
use crate::server::{Keeping, Server};

const STARTS: usize = 15;
const FUNCTIONS: usize = 30;

pub(crate) async fn start_up(plan: &Plan, report: &mut Report) -> Result<()> {
    if !plan.wants("start to first answer") {
        return Ok(());
    }
    let mut times = Vec::new();
    let mut idle_kib = 0;
    for _ in 0..STARTS {
        let server = Server::start(&plan.binary, &Keeping::Strict).await?;
        times.push(server.first_answer);
        idle_kib = memory_kib(server.pid())?;
    }
    report.add("start to first answer", spread(times), Beside::default());
    report.note("idle memory", &format!("{:.1} MiB", f64::from(idle_kib) / 1024.0));
    Ok(())
}

/// Each function's first invocation, one at a time, with a pause in which the pool fills again.
pub(crate) async fn functions(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    for (interpreter, runtime) in [("node", "nodejs20.x"), ("python3", "python3.11")] {
        let name = format!("cold start {interpreter}");
        if !plan.wants(&name) {
            continue;
        }
        let mut times = Vec::new();
        let mut connection = Connection::open(server.address).await?;
        for index in 0..FUNCTIONS {
            let function = format!("cold-{interpreter}-{index}");
            create_function(server, &function, runtime, echo_code(interpreter)).await?;
            tokio::time::sleep(Duration::from_millis(150)).await;
            let request = rest("lambda", "POST", &invoke_path(&function), "{}");
            let start = Instant::now();
            let answer = connection.call(&request).await?;
            anyhow::ensure!(answer.status == 200, "a cold invocation answered {}", answer.status);
            times.push(start.elapsed());
        }
        report.add(name, spread(times), Beside::default());
    }
    Ok(())
}

fn spread(times: Vec<Duration>) -> Measured {
    let total: Duration = times.iter().sum();
    let mut nanos: Vec<u32> = times.iter().map(|t| u32::try_from(t.as_nanos()).unwrap_or(u32::MAX)).collect();
    nanos.sort_unstable();
    Measured {
        per_second: nanos.len() as f64 / total.as_secs_f64(),
        p50_us: percentile(&nanos, 0.5),
        p99_us: percentile(&nanos, 0.99),
        cpu_us: None,
    }
}
