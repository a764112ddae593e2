//! WebSocket APIs: what a message costs on its way through a MOCK integration, and what connections weigh that say nothing.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Plan;
use crate::client::{rest, set_up};
use crate::load::{self, Measured};
use crate::process::memory_kib;
use crate::report::{Beside, Report};
use crate::server::{Keeping, Server};

const IDLE: usize = 10_000;
/// How many shake hands beside each other.
const AT_ONCE: usize = 100;
const IDLE_MIB: f64 = 200.0;

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let (message, idle) = ("WebSocket message, MOCK and back", "idle WebSockets");
    if !plan.wants(message) && !plan.wants(idle) {
        return Ok(());
    }
    let server = Server::start(&plan.binary, &Keeping::Memory).await?;
    let path = chat(&server).await?;
    if plan.wants(message) {
        report.add(message, echoed(plan, &server, &path).await?, Beside::default());
    }
    if plan.wants(idle) {
        let before = memory_kib(server.pid())?;
        let begin = Instant::now();
        let mut kept = Vec::with_capacity(IDLE);
        while kept.len() < IDLE {
            let opening = (0..AT_ONCE).map(|_| open(server.address, path.clone()));
            let opening: Vec<_> = opening.map(tokio::spawn).collect();
            for socket in opening {
                kept.push(socket.await??);
            }
        }
        let took = begin.elapsed();
        tokio::time::sleep(plan.seconds).await;
        let after = memory_kib(server.pid())?;
        // They are connected still, the first and the last of them.
        for socket in [0, IDLE - 1] {
            exchange(&mut kept[socket]).await.context("a connection that idled")?;
        }
        let mib = |kib: u32| f64::from(kib) / 1024.0;
        let text = format!(
            "{:.0} MiB resident with {IDLE} of them, {:.1} before, opened in {:.1} s; the mark is {IDLE_MIB:.0} MiB",
            mib(after),
            mib(before),
            took.as_secs_f64()
        );
        report.note(idle, &text);
    }
    Ok(())
}

/// The path of a stage whose `$default` route answers every message.
async fn chat(server: &Server) -> Result<String> {
    let post = async |path: &str, body: Value| {
        set_up(server.address, &rest("apigateway", "POST", &format!("/v2/apis{path}"), &body.to_string()))
            .await
    };
    let expression = "$request.body.action";
    let api = json!({"name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": expression});
    let api = post("", api).await?["apiId"].as_str().context("an API's id")?.to_owned();
    let mock = json!({"integrationType": "MOCK", "requestTemplates": {"200": "{\"statusCode\":200}"},
                      "templateSelectionExpression": "200"});
    let mock = post(&format!("/{api}/integrations"), mock).await?;
    let mock = mock["integrationId"].as_str().context("an integration's id")?;
    let answer = json!({"integrationResponseKey": "$default", "responseTemplates": {"200": "{\"told\":true}"},
                        "templateSelectionExpression": "200"});
    post(&format!("/{api}/integrations/{mock}/integrationresponses"), answer).await?;
    let route = json!({"routeKey": "$default", "target": format!("integrations/{mock}"),
                       "routeResponseSelectionExpression": "$default"});
    let route = post(&format!("/{api}/routes"), route).await?;
    let route = route["routeId"].as_str().context("a route's id")?;
    post(&format!("/{api}/routes/{route}/routeresponses"), json!({"routeResponseKey": "$default"})).await?;
    post(&format!("/{api}/stages"), json!({"stageName": "dev", "autoDeploy": true})).await?;
    Ok(format!("/_aws/execute-api/{api}/dev"))
}

async fn open(address: SocketAddr, path: String) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the server closed the connection");
        }
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        bail!("no WebSocket: {}", String::from_utf8_lossy(&answer));
    }
    Ok(stream)
}

/// One message and its answer; how many bytes that has.
async fn exchange(stream: &mut TcpStream) -> Result<usize> {
    // A text of two bytes under a mask of zeros.
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await?;
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let length = usize::from(head[1]);
    if head[0] != 0x81 || length > 125 {
        bail!("no short text: {head:?}");
    }
    let mut text = [0; 125];
    stream.read_exact(&mut text[..length]).await?;
    if &text[..length] != b"{\"told\":true}" {
        bail!("answered {}", String::from_utf8_lossy(&text[..length]));
    }
    Ok(length)
}

/// One connection, a message after the other.
async fn echoed(plan: &Plan, server: &Server, path: &str) -> Result<Measured> {
    let mut stream = open(server.address, path.to_owned()).await?;
    let begin = Instant::now();
    let mut latencies = Vec::new();
    while begin.elapsed() < plan.seconds {
        let sent = Instant::now();
        exchange(&mut stream).await?;
        latencies.push(u32::try_from(sent.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    latencies.sort_unstable();
    Ok(Measured {
        per_second: latencies.len() as f64 / begin.elapsed().as_secs_f64(),
        p50_us: load::percentile(&latencies, 0.50),
        p99_us: load::percentile(&latencies, 0.99),
        cpu_us: None,
    })
}
