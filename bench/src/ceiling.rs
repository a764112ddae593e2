//! What this machine can do at all: an echo server on the same HTTP stack, and a bare frame loop with an interpreter.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::load::{self, Measured, percentile};

/// The echo server of another process: reads each body whole, answers `reply_bytes` bytes.
#[derive(Debug)]
pub(crate) struct Echo {
    process: Child,
    address: SocketAddr,
}

impl Echo {
    pub(crate) fn start(reply_bytes: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["echo", &reply_bytes.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().context("the echo server's output is piped")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().parse()? })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn measure(
        &self,
        connections: usize,
        span: Duration,
        request: Vec<u8>,
    ) -> Result<Measured> {
        load::run(self.address, connections, span, &Rc::new(request), Some(self.process.id())).await
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The body of the echo process: prints its address, serves until killed.
pub(crate) fn serve_echo(reply_bytes: usize) -> Result<()> {
    let reply = Bytes::from(vec![b'x'; reply_bytes]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr()?)?;
        out.flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let reply = reply.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let reply = reply.clone();
                    async move {
                        let _ = request.into_body().collect().await;
                        Ok::<_, Infallible>(Response::new(Full::new(reply)))
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

const NODE_LOOP: &str = "const fs=require('fs');const h=Buffer.alloc(4);\
    function all(b){let n=0;while(n<b.length){const k=fs.readSync(0,b,n,b.length-n);if(!k)process.exit(0);n+=k}}\
    for(;;){all(h);const b=Buffer.alloc(h.readUInt32BE(0));all(b);const s=Buffer.from(JSON.stringify(JSON.parse(b)));\
    const o=Buffer.alloc(4+s.length);o.writeUInt32BE(s.length);s.copy(o,4);fs.writeSync(0,o)}";

const PYTHON_LOOP: &str = "import json,socket,struct\n\
    s=socket.socket(fileno=0)\nf=s.makefile('rb')\n\
    while True:\n h=f.read(4)\n if not h: break\n b=f.read(struct.unpack('>I',h)[0])\n \
    r=json.dumps(json.loads(b)).encode()\n s.sendall(struct.pack('>I',len(r))+r)\n";

/// One frame there and back, with nothing but the interpreter's JSON between; blocking, one process, no jail.
pub(crate) fn frame_loop(interpreter: &str, span: Duration) -> Result<Measured> {
    let (flag, code) = if interpreter == "node" { ("-e", NODE_LOOP) } else { ("-c", PYTHON_LOOP) };
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut process =
        Command::new(interpreter).args([flag, code]).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
    let payload = br#"{"name":"sy"}"#;
    let mut frame = u32::try_from(payload.len())?.to_be_bytes().to_vec();
    frame.extend_from_slice(payload);
    let mut latencies = Vec::new();
    let mut reply = [0; 64];
    let warm = Instant::now() + span / 2;
    let mut turn = || -> Result<u32> {
        let start = Instant::now();
        ours.write_all(&frame)?;
        ours.read_exact(&mut reply[..4])?;
        let length = u32::from_be_bytes([reply[0], reply[1], reply[2], reply[3]]) as usize;
        ours.read_exact(&mut reply[..length])?;
        Ok(u32::try_from(start.elapsed().as_nanos())?)
    };
    while Instant::now() < warm {
        turn()?;
    }
    let start = Instant::now();
    while start.elapsed() < span {
        latencies.push(turn()?);
    }
    let per_second = latencies.len() as f64 / start.elapsed().as_secs_f64();
    drop(ours);
    process.wait()?;
    latencies.sort_unstable();
    let (p50_us, p99_us) = (percentile(&latencies, 0.5), percentile(&latencies, 0.99));
    Ok(Measured { per_second, p50_us, p99_us, cpu_us: None })
}
