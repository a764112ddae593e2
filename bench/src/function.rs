//! Functions that are warm: over the Invoke API and behind a stage URL.

use std::rc::Rc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::Plan;
use crate::ceiling::{self, Echo};
use crate::client::{self, Connection, base64, plain, rest, set_up};
use crate::java;
use crate::load;
use crate::report::{Beside, Mark, Report};
use crate::server::Server;

pub(crate) const CONNECTIONS: [usize; 2] = [1, 16];
pub(crate) const EVENT: &str = r#"{"name":"sy"}"#;

/// The request beside an echo server that answers as many bytes.
async fn compare(
    plan: &Plan,
    server: &Server,
    name: &str,
    request: Vec<u8>,
    report: &mut Report,
) -> Result<()> {
    let mut probe = Connection::open(server.address).await?;
    let answer = probe.call(&request).await?;
    let echo = Echo::start(probe.body(answer).len())?;
    let source = Rc::new(request.clone());
    for connections in CONNECTIONS {
        let ceiling = echo.measure(connections, plan.seconds, request.clone()).await?;
        let measured =
            load::run(server.address, connections, plan.seconds, &source, Some(server.pid())).await?;
        let beside = Beside { ceiling: Some(ceiling), mark: None };
        report.add(format!("{name}, {connections} conn"), measured, beside);
    }
    Ok(())
}

/// Warm functions: over the Invoke API and behind a stage URL, beside the bare frame loop.
pub(crate) async fn measure(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    for (interpreter, runtime, per_second) in
        [("node", "nodejs20.x", 15_000.0), ("python3", "python3.11", 20_000.0)]
    {
        let name = format!("invoke {interpreter}");
        if !plan.wants(&name) {
            continue;
        }
        create_function(server, interpreter, runtime, echo_code(interpreter)).await?;
        let ceiling = ceiling::frame_loop(interpreter, plan.seconds)?;
        let path = invoke_path(interpreter);
        let request = Rc::new(rest("lambda", "POST", &path, EVENT));
        for connections in CONNECTIONS {
            let measured =
                load::run(server.address, connections, plan.seconds, &request, Some(server.pid())).await?;
            let mark = if connections == 1 { Mark::P50(150.0) } else { Mark::PerSecond(per_second) };
            let beside = Beside { ceiling: Some(ceiling.clone()), mark: Some(mark) };
            report.add(format!("{name}, {connections} conn"), measured, beside);
        }
    }
    if plan.wants("invoke java") {
        warm_java(plan, server, report).await?;
    }
    if plan.wants("stage URL to node") {
        stage_url(plan, server, report).await?;
    }
    Ok(())
}

/// Beside nothing: there is no bare loop in Java.
async fn warm_java(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    let zip = match java::echo() {
        Ok(zip) => zip,
        Err(why) => {
            report.note("invoke java", &format!("not measured: {why:#}"));
            return Ok(());
        }
    };
    create_package(server, "java", java::RUNTIME, &zip).await?;
    let request = Rc::new(rest("lambda", "POST", &invoke_path("java"), EVENT));
    for connections in CONNECTIONS {
        let measured =
            load::run(server.address, connections, plan.seconds, &request, Some(server.pid())).await?;
        report.add(format!("invoke java, {connections} conn"), measured, Beside::default());
    }
    Ok(())
}

async fn stage_url(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    let code = "exports.handler = async (e) => ({ statusCode: 200, body: e.body });";
    create_function(server, "proxy", "nodejs20.x", code).await?;
    let path = deploy_api(server, "proxy").await?;
    let request = plain("POST", &path, r#"{"name":"sy"}"#);
    compare(plan, server, "stage URL to node", request, report).await
}

pub(crate) fn echo_code(interpreter: &str) -> &'static str {
    if interpreter == "python3" {
        "def handler(event, context):\n    return event\n"
    } else {
        "exports.handler = async (event) => event;"
    }
}

pub(crate) fn invoke_path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/invocations")
}

pub(crate) async fn create_function(server: &Server, name: &str, runtime: &str, code: &str) -> Result<()> {
    let file = if runtime.starts_with("python") { "index.py" } else { "index.js" };
    create_package(server, name, runtime, &zipped(file, code.as_bytes())?).await
}

/// A function of a whole zip.
pub(crate) async fn create_package(server: &Server, name: &str, runtime: &str, zip: &[u8]) -> Result<()> {
    set_up(server.address, &creation(name, runtime, zip)).await.map(drop)
}

/// The request that makes a function, of any server.
pub(crate) fn creation(name: &str, runtime: &str, zip: &[u8]) -> Vec<u8> {
    let body = json!({
        "FunctionName": name, "Runtime": runtime, "Handler": "index.handler", "Timeout": 30,
        "Role": "arn:aws:iam::000000000000:role/bench", "Code": {"ZipFile": base64(zip)},
    });
    rest("lambda", "POST", "/2015-03-31/functions", &body.to_string())
}

pub(crate) fn zipped(file: &str, content: &[u8]) -> Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(file, zip::write::SimpleFileOptions::default().unix_permissions(0o755))?;
    std::io::Write::write_all(&mut zip, content)?;
    Ok(zip.finish()?.into_inner())
}

/// A REST API with POST /echo to `function`, on stage `dev`; returns the stage URL's path.
async fn deploy_api(server: &Server, function: &str) -> Result<String> {
    let call = |method: &'static str, path: String, body: Value| async move {
        client::set_up(server.address, &rest("apigateway", method, &path, &body.to_string())).await
    };
    let text = |value: &Value, member: &str| value[member].as_str().map(str::to_owned).context("an id");
    let api = text(&call("POST", "/restapis".into(), json!({"name": "bench"})).await?, "id")?;
    let resources = call("GET", format!("/restapis/{api}/resources"), Value::Null).await?;
    let root =
        resources["item"].as_array().or(resources["_embedded"]["item"].as_array()).context("resources")?[0]
            .clone();
    let parent = text(&root, "id")?;
    let made =
        call("POST", format!("/restapis/{api}/resources/{parent}"), json!({"pathPart": "echo"})).await?;
    let method = format!("/restapis/{api}/resources/{}/methods/POST", text(&made, "id")?);
    call("PUT", method.clone(), json!({"authorizationType": "NONE"})).await?;
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{function}");
    let uri = format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
    let integration = json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri});
    call("PUT", format!("{method}/integration"), integration).await?;
    let permission = json!({
        "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"});
    let policy = format!("/2015-03-31/functions/{function}/policy");
    set_up(server.address, &rest("lambda", "POST", &policy, &permission.to_string())).await?;
    call("POST", format!("/restapis/{api}/deployments"), json!({"stageName": "dev"})).await?;
    Ok(format!("/restapis/{api}/dev/_user_request_/echo"))
}
