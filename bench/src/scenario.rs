//! The warm paths: items of a table, a function over the Invoke API, a stage URL.

use std::rc::Rc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::Plan;
use crate::ceiling::{self, Echo};
use crate::client::{self, Connection, aws_json, base64, plain, rest, set_up};
use crate::load;
use crate::report::Report;
use crate::server::{Durability, Server};

const CONNECTIONS: [usize; 2] = [1, 16];
/// Items that the reads find: 40 partitions of 25 items of 1 KB.
const PARTITIONS: usize = 40;

type Requests = Rc<dyn Fn(usize) -> Vec<u8>>;

pub(crate) async fn dynamodb(
    plan: &Plan,
    server: &Server,
    durability: Durability,
    report: &mut Report,
) -> Result<()> {
    create_table(server).await?;
    let strict = durability == Durability::Strict;
    let put: Requests = Rc::new(|n| dynamodb_call("PutItem", &put_body(n)));
    compare(plan, server, if strict { "PutItem strict" } else { "PutItem relaxed" }, put, report).await?;
    if strict {
        return Ok(());
    }
    fill(server).await?;
    let get: Requests = Rc::new(|n| dynamodb_call("GetItem", &json!({"TableName": "bench", "Key": key(n)})));
    compare(plan, server, "GetItem 1 KB", get, report).await?;
    let query: Requests = Rc::new(|n| dynamodb_call("Query", &query_body(n)));
    compare(plan, server, "Query of 25 x 1 KB", query, report).await
}

/// The scenario beside an echo server that answers as many bytes.
async fn compare(
    plan: &Plan,
    server: &Server,
    name: &str,
    request: Requests,
    report: &mut Report,
) -> Result<()> {
    if !name.contains(&plan.filter) {
        return Ok(());
    }
    let mut probe = Connection::open(server.address).await?;
    let answer = probe.call(&request(0)).await?;
    let echo = Echo::start(probe.body(answer).len())?;
    for connections in CONNECTIONS {
        let ceiling = echo.measure(connections, plan.seconds, request(0)).await?;
        let measured =
            load::run(server.address, connections, plan.seconds, request.clone(), Some(server.pid())).await?;
        report.add(format!("{name}, {connections} conn"), measured, Some(ceiling));
    }
    Ok(())
}

async fn create_table(server: &Server) -> Result<()> {
    let table = json!({
        "TableName": "bench",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    });
    set_up(server.address, &dynamodb_call("CreateTable", &table)).await.map(drop)
}

async fn fill(server: &Server) -> Result<()> {
    for n in 0..PARTITIONS * 25 {
        set_up(server.address, &dynamodb_call("PutItem", &put_body(n))).await?;
    }
    Ok(())
}

fn dynamodb_call(operation: &str, body: &Value) -> Vec<u8> {
    aws_json(&format!("DynamoDB_20120810.{operation}"), &body.to_string())
}

fn key(n: usize) -> Value {
    json!({"pk": {"S": format!("p{}", n / 25 % PARTITIONS)}, "sk": {"N": (n % 25).to_string()}})
}

fn put_body(n: usize) -> Value {
    let mut item = key(n);
    item["data"] = json!({"S": "d".repeat(900)});
    item["count"] = json!({"N": n.to_string()});
    item["tags"] = json!({"L": [{"S": "a"}, {"BOOL": true}]});
    json!({"TableName": "bench", "Item": item})
}

fn query_body(n: usize) -> Value {
    json!({
        "TableName": "bench", "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": format!("p{}", n % PARTITIONS)}},
    })
}

/// Warm functions: over the Invoke API and behind a stage URL, beside the bare frame loop.
pub(crate) async fn lambda(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    let event: &str = r#"{"name":"sy"}"#;
    for (interpreter, runtime) in [("node", "nodejs20.x"), ("python3", "python3.11")] {
        let name = format!("invoke {interpreter}");
        if !name.contains(&plan.filter) {
            continue;
        }
        create_function(server, interpreter, runtime, echo_code(interpreter)).await?;
        let ceiling = ceiling::frame_loop(interpreter, plan.seconds)?;
        let path = invoke_path(interpreter);
        let request: Requests = Rc::new(move |_| rest("lambda", "POST", &path, event));
        for connections in CONNECTIONS {
            let measured =
                load::run(server.address, connections, plan.seconds, request.clone(), Some(server.pid()))
                    .await?;
            report.add(format!("{name}, {connections} conn"), measured, Some(ceiling.clone()));
        }
    }
    if "stage URL".contains(&plan.filter) {
        stage_url(plan, server, report).await?;
    }
    Ok(())
}

async fn stage_url(plan: &Plan, server: &Server, report: &mut Report) -> Result<()> {
    let code = "exports.handler = async (e) => ({ statusCode: 200, body: e.body });";
    create_function(server, "proxy", "nodejs20.x", code).await?;
    let path = deploy_api(server, "proxy").await?;
    let request: Requests = Rc::new(move |_| plain("POST", &path, r#"{"name":"sy"}"#));
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
    let body = json!({
        "FunctionName": name, "Runtime": runtime, "Handler": "index.handler", "Timeout": 30,
        "Role": "arn:aws:iam::000000000000:role/bench", "Code": {"ZipFile": base64(&zipped(file, code)?)},
    });
    let request = rest("lambda", "POST", "/2015-03-31/functions", &body.to_string());
    set_up(server.address, &request).await.map(drop)
}

fn zipped(file: &str, code: &str) -> Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(file, zip::write::SimpleFileOptions::default())?;
    std::io::Write::write_all(&mut zip, code.as_bytes())?;
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
