//! How long an invocation takes inside the server: warm and cold, against the bare exchange of two small frames with
//! a process that does nothing else. `cargo bench -p sandbox`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::RequestId;
use bytes::Bytes;
use sandbox::{FunctionNetwork, FunctionSpec, Invocation, Sandbox, SandboxConfig, SandboxMode};

const ECHOES: usize = 20_000;
const STARTS: usize = 40;
const CONNECTIONS: usize = 1000;

fn main() {
    sandbox::maybe_run_launcher();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "", "best us", "p50 us", "p90 us", "p99 us", "per second"
    );
    row("bare loop, blocking echo thread", bare_loop());
    runtime.block_on(async {
        for (name, mode, network) in [
            ("jailed", SandboxMode::BestEffort, FunctionNetwork::Isolated),
            ("host network", SandboxMode::BestEffort, FunctionNetwork::Host),
            ("plain", SandboxMode::Off, FunctionNetwork::Host),
        ] {
            let how = (mode, network);
            for (runtime, file, code) in [
                ("nodejs20.x", "index.js", "exports.handler = async (e) => e"),
                ("python3.12", "index.py", "def handler(e, c): return e"),
                ("provided.al2023", "bootstrap.rs", NATIVE),
            ] {
                measure(name, how, runtime, file, code).await;
            }
            row(&format!("a connection, {name}"), connections(how).await);
        }
    });
}

/// The least that a program does which speaks the Runtime API: it gives back what it gets.
const NATIVE: &str = r#"
use std::io::{BufRead, BufReader, Read, Write};
fn main() {
    let stream = std::net::TcpStream::connect(std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap()).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
    loop {
        writer.write_all(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n").unwrap();
        let (body, id) = read(&mut reader);
        let head = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        writer.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        read(&mut reader);
    }
}
fn read(reader: &mut impl BufRead) -> (Vec<u8>, String) {
    let (mut length, mut id, mut line) = (0, String::new(), String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if let Some(value) = line.strip_prefix("Content-Length: ") { length = value.parse().unwrap(); }
        if let Some(value) = line.strip_prefix("Lambda-Runtime-Aws-Request-Id: ") { id = value.to_owned(); }
        if line.is_empty() { break; }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (body, id)
}
"#;

type How = (SandboxMode, FunctionNetwork);

async fn measure(name: &str, (mode, network): How, runtime: &str, file: &str, code: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), code).unwrap();
    if runtime.starts_with("provided") {
        let mut compiler = std::process::Command::new("rustc");
        compiler.args(["-O", "-o"]).arg(folder.path().join("bootstrap")).arg(folder.path().join(file));
        assert!(compiler.status().unwrap().success());
    }
    let spec = Arc::new(spec(runtime, folder.path()));
    for pool_size in [0, 3] {
        let scratch = tempfile::tempdir().unwrap();
        let mut config = SandboxConfig::new(scratch.path());
        config.mode = mode;
        config.network = network;
        config.pool_size = pool_size;
        let sandbox = Sandbox::start(config).await.unwrap();
        sandbox.warm(runtime, 256, false);
        let (mut times, mut inits) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            // The pool is full again before the next one is taken.
            tokio::time::sleep(Duration::from_millis(if pool_size == 0 { 1 } else { 120 })).await;
            let began = Instant::now();
            let mut environment = sandbox.launch(Arc::clone(&spec)).await.unwrap();
            let outcome = environment.invoke(invocation()).await;
            times.push(began.elapsed());
            inits.push(outcome.init_duration.unwrap_or_default());
            assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        }
        row(&format!("{runtime} {name}, cold, pool {pool_size}"), times);
        row("  of it until the handler is loaded", inits);
        if pool_size == 0 {
            let mut environment = sandbox.launch(Arc::clone(&spec)).await.unwrap();
            let mut times = Vec::new();
            for _ in 0..ECHOES {
                let invocation = invocation();
                let began = Instant::now();
                black_box(environment.invoke(invocation).await);
                times.push(began.elapsed());
            }
            row(&format!("{runtime} {name}, warm"), times);
        }
        sandbox.stop().await;
    }
}

/// Connections to the endpoint from inside a function, as it measures them: each waits until the one before was taken, or
/// the listener's queue would overflow, and the kernel try again a second later.
async fn connections((mode, network): How) -> Vec<Duration> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().take(CONNECTIONS).for_each(drop));
    let folder = tempfile::tempdir().unwrap();
    let code = format!(
        "import socket, time
def once():
    with socket.socket() as s:
        began = time.perf_counter_ns(); s.connect(('127.0.0.1', {})); took = time.perf_counter_ns() - began
        s.recv(1); return took
def handler(e, c): return ' '.join(str(once()) for _ in range({CONNECTIONS}))",
        address.port()
    );
    std::fs::write(folder.path().join("index.py"), code).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut config = SandboxConfig::new(scratch.path());
    (config.mode, config.network) = (mode, network);
    config.endpoint_url = Some(format!("http://{address}"));
    let sandbox = Sandbox::start(config).await.unwrap();
    let spec = Arc::new(spec("python3.12", folder.path()));
    let answer = sandbox.launch(spec).await.unwrap().invoke(invocation()).await.result.unwrap();
    let times = String::from_utf8(answer.to_vec()).unwrap();
    times.trim_matches('"').split(' ').map(|ns| Duration::from_nanos(ns.parse().unwrap())).collect()
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e6;
    let per_second = times.len() as f64 / times.iter().sum::<Duration>().as_secs_f64();
    println!(
        "{name:<34}{:>10.1}{:>10.1}{:>10.1}{:>10.1}{per_second:>12.0}",
        at(0.0),
        at(0.5),
        at(0.9),
        at(0.99)
    );
}

fn bare_loop() -> Vec<Duration> {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    let echo = std::thread::spawn(move || {
        let mut buffer = [0; 128];
        while far.read(&mut buffer).is_ok_and(|n| n > 0) {
            far.write_all(&buffer[..32]).unwrap();
        }
    });
    let mut buffer = [0; 128];
    let mut times = Vec::new();
    for _ in 0..ECHOES {
        let began = Instant::now();
        near.write_all(&buffer).unwrap();
        near.read_exact(&mut buffer[..32]).unwrap();
        times.push(began.elapsed());
    }
    drop(near);
    echo.join().unwrap();
    times
}

fn invocation() -> Invocation {
    Invocation {
        request_id: RequestId::random(),
        payload: Bytes::from_static(br#"{"name":"sy"}"#),
        deadline: None,
        function_arn: "arn:aws:lambda:us-east-1:000000000000:function:fn".to_owned(),
        client_context: None,
        trace: String::new(),
        stream: None,
        answered: None,
    }
}

fn spec(runtime: &str, code_dir: &std::path::Path) -> FunctionSpec {
    FunctionSpec {
        scope: base::Scope::default(),
        name: "fn".to_owned(),
        version: "$LATEST".to_owned(),
        runtime: runtime.to_owned(),
        handler: "index.handler".to_owned(),
        code_dir: code_dir.to_owned(),
        package: None,
        layers: Vec::new(),
        uses_sdk: false,
        init_type: sandbox::InitType::OnDemand,
        env: Vec::new(),
        memory_mib: 256,
        timeout_ms: 3000,
        ephemeral_mib: 512,
        log_group: "/aws/lambda/fn".into(),
        log_stream: "2026/01/01/[$LATEST]abc".into(),
        credentials: None,
        inspect: None,
        late_lines: None,
    }
}
