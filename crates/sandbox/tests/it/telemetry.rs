//! Logs and Telemetry API: what subscribers inside an environment are told.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use expect_test::expect;
use sandbox::{FunctionNetwork, SandboxConfig, SandboxMode};

use crate::extensions::with_extension;
use crate::runtime_api::provided;
use crate::world::{ID, World, invocation};

/// Accepts batches and gives their bodies.
fn subscriber() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (to, from) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let body = read_body(&mut stream.unwrap());
            if to.send(body).is_err() {
                return;
            }
        }
    });
    (port, from)
}

fn read_body(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).unwrap();
        text.push_str(std::str::from_utf8(&piece[..n]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            return body.to_owned();
        }
    }
}

/// Times and durations are `0`; one record a line.
fn tidy(batch: &str) -> String {
    let mut out = String::new();
    let mut rest = batch.trim_start_matches('[').trim_end_matches(']').replace(ID, "ID");
    rest = rest.replace("},{\"time\"", "}\n{\"time\"");
    for (at, part) in rest.split('"').enumerate() {
        let is_time = part.len() == 24 && part.ends_with('Z') && part.starts_with("20");
        out.push_str(if at > 0 { "\"" } else { "" });
        out.push_str(if is_time { "T" } else { part });
    }
    for name in ["durationMs", "billedDurationMs", "maxMemoryUsedMB", "initDurationMs"] {
        let key = format!("\"{name}\":");
        out = out
            .split(&key)
            .enumerate()
            .map(|(at, part)| {
                let rest =
                    part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == 'e' || c == '-');
                if at == 0 { part.to_owned() } else { format!("{key}0{rest}") }
            })
            .collect();
    }
    out
}

/// An extension that subscribes to this and waits for events.
fn subscribes(path: &str, body: &str) -> String {
    format!(
        "register '\"INVOKE\"'; put {path} '{body}' \"Lambda-Extension-Identifier: $EXTENSION\"; echo \"$STATUS $BODY\"; while event; do :; done"
    )
}

async fn told(path: &str, version: &str, types: &str, records: usize) -> String {
    let world = World::new(SandboxMode::Off).await;
    let (port, batches) = subscriber();
    let body = format!(
        r#"{{"schemaVersion":"{version}","types":[{types}],"buffering":{{"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}/"}}}}"#
    );
    let function = provided(&world, r#"next; echo hello; answer 1; next"#);
    let mut environment = world.launch(with_extension(&world, function, &subscribes(path, &body))).await;
    assert!(environment.invoke(invocation("{}")).await.result.is_ok());
    let collected = tokio::task::spawn_blocking(move || {
        let mut all: Vec<String> = Vec::new();
        while all.len() < records {
            let batch = batches.recv_timeout(Duration::from_secs(10)).unwrap();
            all.extend(tidy(&batch).lines().map(str::to_owned));
        }
        all.join("\n")
    });
    collected.await.unwrap()
}

#[tokio::test]
async fn telemetry_tells_what_happens() {
    expect![[r#"
        {"time":"T","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"provided.al2023","functionName":"fn","functionVersion":"$LATEST"}}
        {"time":"T","type":"platform.telemetrySubscription","record":{"name":"watcher","state":"Subscribed","types":["platform","function"]}}
        {"time":"T","type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"success"}}
        {"time":"T","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":0}}}
        {"time":"T","type":"platform.extension","record":{"name":"watcher","state":"Ready","events":["INVOKE"]}}
        {"time":"T","type":"platform.start","record":{"requestId":"ID","version":"$LATEST"}}
        {"time":"T","type":"function","record":"hello"}
        {"time":"T","type":"platform.runtimeDone","record":{"requestId":"ID","status":"success","metrics":{"durationMs":0,"producedBytes":1},"spans":[{"name":"responseLatency","start":"T","durationMs":0},{"name":"responseDuration","start":"T","durationMs":0},{"name":"runtimeOverhead","start":"T","durationMs":0}]}}
        {"time":"T","type":"platform.report","record":{"requestId":"ID","metrics":{"durationMs":0,"billedDurationMs":0,"memorySizeMB":256,"maxMemoryUsedMB":0,"initDurationMs":0},"spans":[{"name":"extensionOverhead","start":"T","durationMs":0}],"status":"success"}}"#]]
    .assert_eq(&told("/2022-07-01/telemetry", "2022-12-13", r#""platform","function""#, 9).await);
}

#[tokio::test]
async fn the_older_api_tells_its_part() {
    expect![[r#"
        {"time":"T","type":"platform.logsSubscription","record":{"name":"watcher","state":"Subscribed","types":["platform","extension"]}}
        {"time":"T","type":"extension","record":"200 \"OK\""}
        {"time":"T","type":"platform.extension","record":{"name":"watcher","state":"Ready","events":["INVOKE"]}}
        {"time":"T","type":"platform.start","record":{"requestId":"ID","version":"$LATEST"}}
        {"time":"T","type":"platform.runtimeDone","record":{"requestId":"ID","status":"success","metrics":{"durationMs":0,"producedBytes":1},"spans":[{"name":"responseLatency","start":"T","durationMs":0},{"name":"responseDuration","start":"T","durationMs":0},{"name":"runtimeOverhead","start":"T","durationMs":0}]}}
        {"time":"T","type":"platform.end","record":{"requestId":"ID"}}
        {"time":"T","type":"platform.report","record":{"requestId":"ID","metrics":{"durationMs":0,"billedDurationMs":0,"memorySizeMB":256,"maxMemoryUsedMB":0,"initDurationMs":0},"spans":[{"name":"extensionOverhead","start":"T","durationMs":0}],"status":"success"}}"#]]
    .assert_eq(&told("/2020-08-15/logs", "2021-03-18", r#""platform","extension""#, 7).await);
}

/// A subscriber in the environment's own network, whichever it has.
#[tokio::test]
async fn a_subscriber_inside_the_jail_is_reached() {
    let own = |c: &mut SandboxConfig| c.network = FunctionNetwork::Isolated;
    let world = World::with(SandboxMode::BestEffort, own).await;
    let mut spec = world.function("nodejs20.x", &[("index.js", "exports.handler = async () => { console.log('said'); return require('fs').readFileSync('/etc/hosts', 'utf8').includes('sandbox.localdomain') }")]);
    let extension = r#"#!/usr/bin/env node
        const http = require('http');
        const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}`;
        const ask = (method, path, headers, body) => new Promise((done) => {
          const request = http.request(api + path, { method, headers }, (reply) => {
            let text = ''; reply.on('data', (d) => { text += d; }); reply.on('end', () => done({ reply, text }));
          });
          request.end(body);
        });
        const heard = [];
        let wake = () => {};
        http.createServer((request, reply) => {
          let text = ''; request.on('data', (d) => { text += d; });
          request.on('end', () => { reply.end(); heard.push(...JSON.parse(text).map((r) => `${r.type} ${typeof r.record === 'string' ? r.record : ''}`)); wake(); });
        }).listen(4243, 'sandbox.localdomain', async () => {
          const { reply } = await ask('POST', '/2020-01-01/extension/register', { 'Lambda-Extension-Name': 'node-extension' }, '{"events":["INVOKE"]}');
          const id = { 'Lambda-Extension-Identifier': reply.headers['lambda-extension-identifier'] };
          await ask('PUT', '/2022-07-01/telemetry', id, JSON.stringify({ schemaVersion: '2022-07-01', types: ['function'], buffering: { timeoutMs: 25 }, destination: { protocol: 'HTTP', URI: 'http://sandbox.localdomain:4243/' } }));
          for (;;) {
            await ask('GET', '/2020-01-01/extension/event/next', id);
            while (heard.length === 0) await new Promise((done) => { wake = done; });
            console.log('heard', heard.splice(0).map((line) => line.split('\t').pop()).join());
          }
        });"#;
    let layer = world.folder.path().join("layer");
    crate::runtime_api::write_program(&layer.join("extensions/node-extension"), extension);
    spec.layers.push(layer);
    let mut environment = world.launch(spec).await;
    for _ in 0..2 {
        let outcome = environment.invoke(invocation("{}")).await;
        let lines: Vec<_> =
            outcome.logs.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
        assert!(lines.iter().any(|line| line == "heard said"), "{:?} {lines:?}", outcome.result);
        let jailed = world.sandbox.report().await.missing().all(|layer| layer.layer.name() != "namespaces");
        assert_eq!(outcome.result.unwrap(), if jailed { "true" } else { "false" });
    }
}
