//! Other local Lambdas with the same warm function under the same load, ours beside each in turns. They are brought by
//! npm and pip, only when asked for (`--peers`). Never part of what CI runs.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::Plan;
use crate::client::{plain, rest, set_up};
use crate::function::{CONNECTIONS, EVENT, create_package, creation, invoke_path, zipped};
use crate::install::Packages;
use crate::load::{self, Measured};
use crate::peer::Peer;
use crate::report::{Beside, Report};
use crate::server::{Keeping, Server};

const HELLO: &str = "exports.handler = async () => ({ statusCode: 200, body: 'hello' });\n";
const RUNTIME: &str = "nodejs20.x";

/// Each is measured so often, in turns with ours; the median counts.
const TURNS: usize = 3;

/// The last versions that need no account.
const SERVERLESS: Packages = Packages::Npm(&["serverless@3.40.0", "serverless-offline@13.9.0"]);
const SERVERLESS_COMMAND: &[&str] = &[
    "env",
    "SLS_NOTIFICATIONS_MODE=off",
    "SLS_TELEMETRY_DISABLED=1",
    "{installed}/node_modules/.bin/serverless",
    "offline",
    "--host",
    "127.0.0.1",
    "--httpPort",
    "{port}",
    "--lambdaPort",
    "{second}",
];
const SERVE: &[&str] = &["node", "serve.js", "{port}"];

/// One that is measured: how it is brought, and how it is started in a folder with `index.js` and `file`.
#[derive(Debug)]
struct Candidate {
    name: &'static str,
    packages: Packages,
    /// With `{installed}`, `{port}` and `{second}` (another port) in it.
    command: &'static [&'static str],
    /// Name and content.
    file: Option<(&'static str, &'static str)>,
    speaks: Speaks,
}

#[derive(Debug, Clone, Copy)]
enum Speaks {
    /// A URL in front of the function.
    Http,
    /// The Invoke API, after CreateFunction.
    Lambda,
}

const CANDIDATES: [Candidate; 5] = [
    Candidate {
        name: "serverless-offline in process",
        packages: SERVERLESS,
        command: SERVERLESS_COMMAND,
        file: Some((
            "serverless.yml",
            "service: hello
frameworkVersion: '3'
provider: { name: aws, runtime: nodejs20.x }
plugins: [ serverless-offline ]
custom: { serverless-offline: { useInProcess: true } }
functions: { hello: { handler: index.handler, events: [ { httpApi: 'POST /hello' } ] } }
",
        )),
        speaks: Speaks::Http,
    },
    Candidate {
        name: "serverless-offline in workers",
        packages: SERVERLESS,
        command: SERVERLESS_COMMAND,
        file: Some((
            "serverless.yml",
            "service: hello
frameworkVersion: '3'
provider: { name: aws, runtime: nodejs20.x }
plugins: [ serverless-offline ]
functions: { hello: { handler: index.handler, events: [ { httpApi: 'POST /hello' } ] } }
",
        )),
        speaks: Speaks::Http,
    },
    Candidate {
        name: "lambda-local",
        packages: Packages::Npm(&["lambda-local@2.2.0"]),
        command: SERVE,
        file: Some((
            "serve.js",
            "require('lambda-local').watch({
  lambdaPath: require('path').resolve('index.js'), lambdaHandler: 'handler', verboseLevel: 0,
  port: { host: '127.0.0.1', port: Number(process.argv[2]) },
});
",
        )),
        speaks: Speaks::Http,
    },
    // A library: this is the least front that it can have.
    Candidate {
        name: "@vercel/fun",
        packages: Packages::Npm(&["@vercel/fun@1.3.6"]),
        command: SERVE,
        file: Some((
            "serve.js",
            "const { createFunction } = require('@vercel/fun');
createFunction({ Code: { Directory: __dirname }, Handler: 'index.handler', Runtime: 'nodejs', MemorySize: 512 })
  .then((hello) => require('http').createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const answer = await hello(body ? JSON.parse(body) : {});
    response.statusCode = answer.statusCode;
    response.end(answer.body);
  }).listen(Number(process.argv[2]), '127.0.0.1'));
",
        )),
        speaks: Speaks::Http,
    },
    Candidate {
        name: "ministack",
        packages: Packages::PyPi(&["ministack==1.5.33"]),
        command: &["env", "GATEWAY_PORT={port}", "BIND_HOST=127.0.0.1", "{installed}/bin/ministack"],
        file: None,
        speaks: Speaks::Lambda,
    },
];

pub(crate) async fn measure_all(plan: &Plan, report: &mut Report) -> Result<()> {
    if !plan.installed_peers {
        return Ok(());
    }
    let wanted: Vec<&Candidate> =
        CANDIDATES.iter().filter(|candidate| plan.wants(&format!("peer {}", candidate.name))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let ours = Ours::start(plan).await?;
    for candidate in wanted {
        if let Err(why) = measure(plan, candidate, &ours, report).await {
            report.note(&format!("peer {}", candidate.name), &format!("not measured: {why:#}"));
        }
    }
    let why = "not measured: neither npm nor PyPI has it, and Go's modules come from elsewhere";
    report.note("peer runtime interface emulator", why);
    Ok(())
}

/// The same function on our server.
#[derive(Debug)]
struct Ours {
    server: Server,
    url: Rc<Vec<u8>>,
    invoke: Rc<Vec<u8>>,
}

impl Ours {
    async fn start(plan: &Plan) -> Result<Self> {
        let server = Server::start(&plan.binary, &Keeping::Strict).await?;
        create_package(&server, "hello", RUNTIME, &zipped("index.js", HELLO.as_bytes())?).await?;
        // A public URL needs both.
        for permission in [
            json!({"StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "Principal": "*",
                   "FunctionUrlAuthType": "NONE"}),
            json!({"StatementId": "invoke", "Action": "lambda:InvokeFunction", "Principal": "*",
                   "InvokedViaFunctionUrl": true}),
        ] {
            let policy = "/2015-03-31/functions/hello/policy";
            set_up(server.address, &rest("lambda", "POST", policy, &permission.to_string())).await?;
        }
        let open = r#"{"AuthType":"NONE"}"#;
        let made =
            set_up(server.address, &rest("lambda", "POST", "/2021-10-31/functions/hello/url", open)).await?;
        let url = made["FunctionUrl"].as_str().context("a function URL")?;
        let path = url.find("/_aws/").map(|at| format!("{}hello", &url[at..])).context("a URL by path")?;
        Ok(Self {
            url: Rc::new(plain("POST", &path, EVENT)),
            invoke: Rc::new(rest("lambda", "POST", &invoke_path("hello"), EVENT)),
            server,
        })
    }
}

async fn measure(plan: &Plan, candidate: &Candidate, ours: &Ours, report: &mut Report) -> Result<()> {
    let installed = candidate.packages.install()?.display().to_string();
    let project = tempfile::tempdir()?;
    fs::write(project.path().join("index.js"), HELLO)?;
    if let Some((name, content)) = candidate.file {
        fs::write(project.path().join(name), content)?;
    }
    // A project finds its packages beside it.
    std::os::unix::fs::symlink(
        Path::new(&installed).join("node_modules"),
        project.path().join("node_modules"),
    )?;
    let peer = start(candidate, &installed, project.path()).await?;
    let theirs = Rc::new(match candidate.speaks {
        Speaks::Http => plain("POST", "/hello", EVENT),
        Speaks::Lambda => {
            let zip = zipped("index.js", HELLO.as_bytes())?;
            set_up(peer.address, &creation("hello", RUNTIME, &zip)).await?;
            rest("lambda", "POST", &invoke_path("hello"), EVENT)
        }
    });
    for connections in CONNECTIONS {
        let name = format!("peer {}, {connections} conn", candidate.name);
        let (mut urls, mut invokes, mut peers) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let run = |address: SocketAddr, request| async move {
                load::run(address, connections, plan.seconds, request, None).await
            };
            urls.push(run(ours.server.address, &ours.url).await?);
            invokes.push(run(ours.server.address, &ours.invoke).await?);
            peers.push(run(peer.address, &theirs).await?);
        }
        let (url, invoke, peer) = (median(urls), median(invokes), median(peers));
        report.note(&name, &beside(&url, &invoke, &peer));
        report.add(name, peer, Beside { ceiling: Some(url), mark: None });
    }
    Ok(())
}

async fn start(candidate: &Candidate, installed: &str, project: &Path) -> Result<Peer> {
    let words: Vec<String> =
        candidate.command.iter().map(|word| word.replace("{installed}", installed)).collect();
    let (program, flags) = words.split_first().context("a command")?;
    let mut command = Command::new(program);
    command.current_dir(project);
    Peer::start(command, flags).await
}

fn median(mut turns: Vec<Measured>) -> Measured {
    turns.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    turns.swap_remove(turns.len() / 2)
}

fn beside(url: &Measured, invoke: &Measured, peer: &Measured) -> String {
    let ours = |measured: &Measured| {
        format!(
            "{:.0}/s ({:.1} times as many), p50 {:.0} us",
            measured.per_second,
            measured.per_second / peer.per_second,
            measured.p50_us
        )
    };
    format!(
        "{:.0}/s, p50 {:.0} us; ours in turns with it: function URL {}; Invoke API {}",
        peer.per_second,
        peer.p50_us,
        ours(url),
        ours(invoke)
    )
}
