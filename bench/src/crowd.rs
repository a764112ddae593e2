//! Many: functions deployed beside each other, first invocations at a time, invocations one after another; and what the
//! processes of functions take while they wait.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::Plan;
use crate::client::{Connection, aws_json, rest, set_up};
use crate::cold::spread;
use crate::function::{EVENT, create_function, create_package, echo_code, invoke_path, zipped};
use crate::load;
use crate::process::{descendants, memory_kib, processor_time, shared_memory_kib};
use crate::report::{Beside, Mark, Report};
use crate::server::{Keeping, Server};

/// Functions that are invoked for the first time at the same moment.
const AT_ONCE: usize = 200;
/// Records whose way to an idle function is timed.
const RECORDS: usize = 40;

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    if plan.wants("memory of environments") {
        memory(plan, report).await?;
    }
    for runtime in ["nodejs20.x", "python3.11"] {
        let name = format!("{AT_ONCE} at once, {runtime}");
        if plan.wants(&name) {
            at_once(plan, runtime, &name, report).await?;
        }
    }
    if plan.wants("stream record") {
        stream_record(plan, report).await?;
    }
    if plan.wants("functions deployed") && plan.functions > 0 {
        deployed(plan, report).await?;
    }
    for runtime in ["nodejs20.x", "python3.11"].into_iter().filter(|_| plan.invocations > 0) {
        let name = format!("soak of invocations, {runtime}");
        if plan.wants(&name) {
            soak(plan, runtime, &name, report).await?;
        }
    }
    Ok(())
}

fn interpreter(runtime: &str) -> &'static str {
    if runtime.starts_with("python") { "python3" } else { "node" }
}

fn mib(kib: u32) -> f64 {
    f64::from(kib) / 1024.0
}

/// The largest process below each environment is its interpreter; the others are the launcher and pid 1 of the jail.
async fn memory(plan: &Plan, report: &mut Report) -> Result<()> {
    for runtime in ["nodejs20.x", "python3.11"] {
        let server = Server::start_with(&plan.binary, &Keeping::Memory, &["--pool", "0"]).await?;
        let idle = shared_memory_kib(server.pid())?;
        for index in 0..8 {
            let name = format!("memory-{index}");
            create_function(&server, &name, runtime, echo_code(interpreter(runtime))).await?;
            set_up(server.address, &rest("lambda", "POST", &invoke_path(&name), EVENT)).await?;
        }
        let pids = descendants(server.pid());
        let all: u32 = pids.iter().filter_map(|pid| shared_memory_kib(*pid).ok()).sum();
        let before: Duration = pids.iter().filter_map(|pid| processor_time(*pid).ok()).sum();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after: Duration = pids.iter().filter_map(|pid| processor_time(*pid).ok()).sum();
        let said = format!(
            "{:.1} MiB each (PSS of all its processes, 8 beside each other), {:.0} ms of CPU in a second of all 8; \
             the server alone {:.1} MiB",
            mib(all) / 8.0,
            after.saturating_sub(before).as_secs_f64() * 1e3,
            mib(idle)
        );
        report.note(&format!("memory of environments, {runtime}"), &said);
    }
    Ok(())
}

async fn at_once(plan: &Plan, runtime: &str, name: &str, report: &mut Report) -> Result<()> {
    let server = Server::start(&plan.binary, &Keeping::Strict).await?;
    for index in 0..AT_ONCE {
        create_function(&server, &format!("crowd-{index}"), runtime, echo_code(interpreter(runtime))).await?;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let start = Instant::now();
    let calls: Vec<_> = (0..AT_ONCE)
        .map(|index| {
            let request = rest("lambda", "POST", &invoke_path(&format!("crowd-{index}")), EVENT);
            async move {
                let mut connection = Connection::open(server.address).await?;
                let answer = connection.call(&request).await?;
                let took = start.elapsed();
                answers_event(index, connection.body(answer))?;
                anyhow::Ok(took)
            }
        })
        .collect();
    let local = tokio::task::LocalSet::new();
    let times = local
        .run_until(async {
            let tasks: Vec<_> = calls.into_iter().map(tokio::task::spawn_local).collect();
            let mut times = Vec::new();
            for task in tasks {
                times.push(task.await??);
            }
            Ok::<_, anyhow::Error>(times)
        })
        .await?;
    let last = times.iter().max().copied().unwrap_or_default();
    report.add(name, spread(times), Beside::default());
    report.note(&format!("{name}: the last"), &format!("{:.2} s (mark 5)", last.as_secs_f64()));
    Ok(())
}

/// Python writes a space after a colon, Node.js none: what counts is the value.
fn answers_event(index: usize, body: &[u8]) -> Result<()> {
    let said = || String::from_utf8_lossy(body).into_owned();
    let answer = serde_json::from_slice::<serde_json::Value>(body).with_context(said)?;
    ensure!(answer == json!({"name": "sy"}), "function {index} answered {answer} instead of its event");
    Ok(())
}

/// From the call that writes an item to the handler's own clock, over an event source mapping that had nothing to do.
async fn stream_record(plan: &Plan, report: &mut Report) -> Result<()> {
    let server = Server::start(&plan.binary, &Keeping::Strict).await?;
    let call = |operation: &str, body: serde_json::Value| {
        aws_json(&format!("DynamoDB_20120810.{operation}"), &body.to_string())
    };
    let table = |name: &str| {
        json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        })
    };
    let mut source = table("source");
    source["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let made = set_up(server.address, &call("CreateTable", source)).await?;
    set_up(server.address, &call("CreateTable", table("sink"))).await?;
    let stream = made["TableDescription"]["LatestStreamArn"].as_str().context("a stream")?.to_owned();
    create_function(&server, "reader", "nodejs20.x", READER).await?;
    let mapping = json!({
        "EventSourceArn": stream, "FunctionName": "reader", "StartingPosition": "TRIM_HORIZON", "BatchSize": 1,
    });
    set_up(
        server.address,
        &rest("lambda", "POST", "/2015-03-31/event-source-mappings", &mapping.to_string()),
    )
    .await?;
    let mut times = Vec::new();
    for index in 0..RECORDS {
        let sent = wall_clock()?;
        let item = json!({"TableName": "source", "Item": {"pk": {"S": index.to_string()}}});
        set_up(server.address, &call("PutItem", item)).await?;
        let key =
            json!({"TableName": "sink", "Key": {"pk": {"S": index.to_string()}}, "ConsistentRead": true});
        let begin = Instant::now();
        let at = loop {
            let found = set_up(server.address, &call("GetItem", key.clone())).await?;
            if let Some(at) = found["Item"]["at"]["N"].as_str() {
                break at.parse::<f64>()?;
            }
            ensure!(begin.elapsed() < Duration::from_secs(20), "the record did not reach the function");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // The first starts the environment.
        if index > 0 {
            times.push(Duration::from_secs_f64((at / 1e3 - sent.as_secs_f64()).max(0.0)));
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let beside = Beside { mark: Some(Mark::P50(10_000.0)), ..Beside::default() };
    report.add("stream record to an idle function", spread(times), beside);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the handler in another process can only tell the time of day")]
fn wall_clock() -> Result<Duration> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?)
}

/// Notes when each record came, to a tenth of a millisecond or so: Date.now() alone has whole ones.
const READER: &str = "const { DynamoDBClient, PutItemCommand } = require('@aws-sdk/client-dynamodb');
const client = new DynamoDBClient({});
exports.handler = async (event) => {
  const at = String(performance.timeOrigin + performance.now());
  for (const record of event.Records) {
    await client.send(new PutItemCommand({ TableName: 'sink', Item: { pk: record.dynamodb.Keys.pk, at: { N: at } } }));
  }
};
";

/// Warm invocations before and after thousands of functions are deployed, and what those cost.
async fn deployed(plan: &Plan, report: &mut Report) -> Result<()> {
    let mut server = Server::start(&plan.binary, &Keeping::Relaxed).await?;
    create_function(&server, "echo", "python3.11", echo_code("python3")).await?;
    let request = std::rc::Rc::new(rest("lambda", "POST", &invoke_path("echo"), EVENT));
    let alone = load::run(server.address, 1, plan.seconds, &request, Some(server.pid())).await?;
    report.add("warm invoke, alone", alone, Beside::default());
    let memory_before = memory_kib(server.pid())?;
    let zip = zipped("index.py", echo_code("python3").as_bytes())?;
    let start = Instant::now();
    for index in 0..plan.functions {
        create_package(&server, &format!("one-of-many-{index}"), "python3.11", &zip).await?;
    }
    let took = start.elapsed();
    let name = format!("{} functions deployed", plan.functions);
    let per_second = plan.functions as f64 / took.as_secs_f64();
    let more = mib(memory_kib(server.pid())?.saturating_sub(memory_before));
    report.note(&name, &format!("in {:.1} s ({per_second:.0}/s), {more:.1} MiB more", took.as_secs_f64()));
    let beside = load::run(server.address, 1, plan.seconds, &request, Some(server.pid())).await?;
    report.add(format!("warm invoke beside {}", plan.functions), beside, Beside::default());
    let before = processor_time(server.pid())?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = processor_time(server.pid())?.saturating_sub(before);
    server = server.restart().await?;
    let said = format!(
        "first answer {:.0} ms after kill -9 and start; {:.0} ms of CPU in 2 s of idling",
        server.first_answer.as_secs_f64() * 1e3,
        idle.as_secs_f64() * 1e3
    );
    report.note(&format!("{name}: again"), &said);
    let after = load::run(server.address, 1, plan.seconds, &request, Some(server.pid())).await?;
    report.add("warm invoke after that start", after, Beside::default());
    Ok(())
}

/// Samples of the soak's memory, in each half.
const SOAK_SAMPLES: usize = 40;
/// Environments of the soak. So few that each half has whole generations of them: the first, which the pool had not warmed,
/// begins smaller than those that follow (8 and 20 MiB in Python), and alone would make the halves differ.
const SOAK_CONNECTIONS: usize = 2;
/// What the second half of the soak may add to the highest of the first.
const SERVER_GROWTH_MIB: f64 = 24.0;
/// Generations of one environment, each a new process that ends after 100,000 invocations, were at most 92, 96, 97 and 95 MiB
/// in Node.js, and 24, 35, 35, 36 and 35 in Python. One that is not replaced adds 40 MiB for the trace ids alone.
const ENVIRONMENT_GROWTH_MIB: f64 = 8.0;

/// The highest of the server's memory and of an environment's, in MiB.
#[derive(Debug, Default, Clone, Copy)]
struct Highest {
    server: f64,
    environment: f64,
}

impl Highest {
    fn sample(&mut self, server: &Server) -> Result<()> {
        self.server = self.server.max(mib(memory_kib(server.pid())?));
        let environments = descendants(server.pid()).into_iter().filter_map(|pid| memory_kib(pid).ok());
        self.environment = self.environment.max(mib(environments.max().unwrap_or_default()));
        Ok(())
    }
}

/// Memory of the server and of environments over very many invocations: the second half adds next to nothing, though
/// the function's log is full by then and lets its oldest go.
async fn soak(plan: &Plan, runtime: &str, name: &str, report: &mut Report) -> Result<()> {
    let server = Server::start(&plan.binary, &Keeping::Relaxed).await?;
    create_function(&server, "echo", runtime, echo_code(interpreter(runtime))).await?;
    let request = std::rc::Rc::new(rest("lambda", "POST", &invoke_path("echo"), EVENT));
    let mut halves = [Highest::default(); 2];
    let start = Instant::now();
    for half in &mut halves {
        for _ in 0..SOAK_SAMPLES {
            let count = (plan.invocations / 2).div_ceil(SOAK_SAMPLES);
            load::send_all(server.address, SOAK_CONNECTIONS, count, &request).await?;
            half.sample(&server)?;
        }
    }
    let [first, second] = halves;
    let said = format!(
        "{} invocations at {:.0}/s: server at most {:.1}, then {:.1} MiB, an environment {:.1}, then {:.1} MiB (RSS)",
        plan.invocations,
        plan.invocations as f64 / start.elapsed().as_secs_f64(),
        first.server,
        second.server,
        first.environment,
        second.environment,
    );
    report.note(name, &said);
    ensure!(second.server <= first.server + SERVER_GROWTH_MIB, "{name}: the server grows: {said}");
    let grown = second.environment - first.environment;
    ensure!(grown <= ENVIRONMENT_GROWTH_MIB, "{name}: environments grow: {said}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_told_from_an_error_in_any_language() {
        for (body, is_echo) in [
            (EVENT, true),
            (r#"{"name": "sy"}"#, true),
            (r#"{"errorMessage":"sy","errorType":"Runtime.ExitError"}"#, false),
            ("", false),
        ] {
            assert_eq!(answers_event(0, body.as_bytes()).is_ok(), is_echo, "{body}");
        }
    }
}
