//! First times: the server's first answer on an empty folder and its idle memory, a function's first invocation.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Plan;
use crate::client::{Connection, rest};
use crate::function::{create_package, echo_code, invoke_path, zipped};
use crate::java;
use crate::load::{Measured, percentile};
use crate::process::memory_kib;
use crate::report::{Beside, Mark, Report};
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

/// A kind of function whose first invocation is measured.
#[derive(Debug)]
struct Case {
    name: &'static str,
    runtime: &'static str,
    code: &'static str,
    /// Milliseconds; where one was set.
    mark: Option<f64>,
    /// What the pool takes to be full again.
    pause: Duration,
}

const NODE_SDK: &str = "const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const { DynamoDBDocumentClient } = require('@aws-sdk/lib-dynamodb');
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
exports.handler = async (event) => [typeof client.send, event];
";
const PYTHON_SDK: &str = "import boto3
client = boto3.client('dynamodb')
def handler(event, context):
    return [client.meta.region_name, event]
";

fn cases(pool: bool) -> Vec<Case> {
    let case = |name, runtime, code, mark, pause| Case {
        name,
        runtime,
        code,
        mark,
        pause: Duration::from_millis(pause),
    };
    let (node, python) = (echo_code("node"), echo_code("python3"));
    if !pool {
        return vec![
            case("node without pool", "nodejs20.x", node, Some(40.0), 20),
            case("python3 without pool", "python3.11", python, Some(25.0), 20),
            case("java without pool", java::RUNTIME, "", None, 50),
        ];
    }
    vec![
        case("node", "nodejs20.x", node, Some(4.0), 150),
        case("node with the SDK", "nodejs20.x", NODE_SDK, Some(10.0), 500),
        case("python3", "python3.11", python, Some(3.0), 150),
        case("python3 with boto3", "python3.11", PYTHON_SDK, Some(6.0), 700),
        case("binary", "provided.al2023", "", Some(8.0), 50),
        case("java", java::RUNTIME, "", Some(100.0), 700),
    ]
}

pub(crate) async fn functions(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    measure(plan, server, cases(true), report).await
}

pub(crate) async fn without_pool(plan: &Plan, report: &mut Report) -> Result<()> {
    let cases = cases(false);
    if !cases.iter().any(|case| plan.wants(&format!("cold start {}", case.name))) {
        return Ok(());
    }
    let server = Server::start_with(&plan.binary, &Keeping::Strict, &["--pool", "0"]).await?;
    measure(plan, &server, cases, report).await
}

/// Each function's first invocation, one at a time, with a pause in which the pool fills again.
async fn measure(plan: &Plan, server: &Server, cases: Vec<Case>, report: &mut Report) -> Result<()> {
    for case in cases {
        let name = format!("cold start {}", case.name);
        if !plan.wants(&name) {
            continue;
        }
        let zip = match package(&case) {
            Ok(zip) => zip,
            Err(why) => {
                report.note(&name, &format!("not measured: {why:#}"));
                continue;
            }
        };
        let mut times = Vec::new();
        let mut connection = Connection::open(server.address).await?;
        for index in 0..FUNCTIONS {
            let function = format!("cold-{}-{index}", case.name.replace(' ', "-"));
            create_package(server, &function, case.runtime, &zip).await?;
            // The first of a kind begins to fill its pool.
            tokio::time::sleep(case.pause * if index == 0 { 3 } else { 1 }).await;
            let request = rest("lambda", "POST", &invoke_path(&function), "{}");
            let start = Instant::now();
            let answer = connection.call(&request).await?;
            times.push(start.elapsed());
            let body = String::from_utf8_lossy(connection.body(answer));
            anyhow::ensure!(answer.status == 200 && !body.contains("errorType"), "{name} answered {body}");
        }
        let beside = Beside { mark: case.mark.map(|mark| Mark::P50(mark * 1e3)), ..Beside::default() };
        report.add(name, spread(times), beside);
    }
    Ok(())
}

/// An error where the host lacks what makes it.
fn package(case: &Case) -> Result<Vec<u8>> {
    match case.runtime {
        "provided.al2023" => zipped("bootstrap", &std::fs::read(std::env::current_exe()?)?),
        java::RUNTIME => java::echo(),
        runtime if runtime.starts_with("python") => zipped("index.py", case.code.as_bytes()),
        _ => zipped("index.js", case.code.as_bytes()),
    }
}

pub(crate) fn spread(times: Vec<Duration>) -> Measured {
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
