//! The sample app of `rushlight demo`, deployed through the same public APIs that any client uses. May be deployed again
//! over itself.

use std::io::{Cursor, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::function;

pub(crate) const STAGE: &str = "dev";
/// Nobody's own app has these names, so that none is overwritten when the sample is deployed beside it.
pub(crate) const TRIGGER: &str = "demo-member-changed";
const API: &str = "demo-members";
const TABLE: &str = "demo-members";
const WRITER: &str = "demo-put-member";

const PUT_MEMBER: &str = include_str!("../../../samples/members/put_member.js");
const MEMBER_CHANGED: &str = include_str!("../../../samples/members/member_changed.js");

/// What came of it.
#[derive(Debug)]
pub(crate) struct Deployed {
    /// The REST API's id.
    pub(crate) api: String,
    /// Of one call to its stage URL.
    pub(crate) status: u16,
    pub(crate) answer: String,
}

pub(crate) async fn deploy(client: &Client) -> Result<Deployed> {
    let stream = create_table(client).await?;
    let writer = create_function(client, WRITER, PUT_MEMBER).await?;
    create_function(client, TRIGGER, MEMBER_CHANGED).await?;
    create_trigger(client, &stream).await?;
    let api = create_api(client, &writer).await?;
    let answer = call(client, &api).await?;
    Ok(Deployed { api, status: answer.status, answer: String::from_utf8_lossy(&answer.body).into_owned() })
}

/// The ARN of the table's stream.
async fn create_table(client: &Client) -> Result<String> {
    let table = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
    });
    let answer = client.target("dynamodb", "DynamoDB_20120810.CreateTable", &table).await?;
    if !said(&answer, "ResourceInUseException") {
        answer.success("the table was not created")?;
    }
    for _ in 0..200 {
        let named = json!({ "TableName": TABLE });
        let answer = client.target("dynamodb", "DynamoDB_20120810.DescribeTable", &named).await?;
        let table = answer.success("the table cannot be read")?.json()?["Table"].take();
        if table["TableStatus"] == "ACTIVE" {
            let stream = table["LatestStreamArn"].as_str();
            return Ok(stream
                .with_context(|| format!("the table {TABLE} is there, and has no stream"))?
                .to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the table {TABLE} did not become active")
}

/// The function's ARN.
async fn create_function(client: &Client, name: &str, source: &str) -> Result<String> {
    let package = base64::engine::general_purpose::STANDARD.encode(zip(source)?);
    let definition = json!({
        "FunctionName": name,
        "Runtime": "nodejs20.x",
        "Handler": "index.handler",
        "Role": function::ROLE,
        "Code": { "ZipFile": package },
        "Timeout": 10,
        "Environment": { "Variables": { "TABLE": TABLE } },
    });
    function::put(client, &definition).await
}

async fn create_trigger(client: &Client, stream: &str) -> Result<()> {
    let mapping = json!({
        "FunctionName": TRIGGER, "EventSourceArn": stream, "StartingPosition": "TRIM_HORIZON", "BatchSize": 100,
    });
    let answer =
        client.rest("lambda", Method::POST, "/2015-03-31/event-source-mappings", Some(&mapping)).await?;
    if answer.status != 409 {
        answer.success("the trigger was not created")?;
    }
    Ok(())
}

/// A POST on a child resource, deployed. Answers the API's id; one that is there keeps it, and so its URL.
async fn create_api(client: &Client, function_arn: &str) -> Result<String> {
    if let Some(id) = find_api(client).await? {
        allow(client, &id, function_arn).await?;
        deploy_api(client, &id).await?;
        return Ok(id);
    }
    let api = make(client, "/restapis", json!({ "name": API })).await?;
    let id = text(&api, "id")?;
    let base = format!("/restapis/{id}");
    let root = match api["rootResourceId"].as_str() {
        Some(root) => root.to_owned(),
        None => root_resource(client, &base).await?,
    };
    let resource =
        make(client, &format!("{base}/resources/{root}"), json!({ "pathPart": "members" })).await?;
    let method = format!("{base}/resources/{}/methods/POST", text(&resource, "id")?);
    put(client, &method, json!({ "authorizationType": "NONE" })).await?;
    let region = function_arn.split(':').nth(3).unwrap_or("us-east-1");
    let uri =
        format!("arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations");
    let integration = json!({ "type": "AWS_PROXY", "httpMethod": "POST", "uri": uri });
    put(client, &format!("{method}/integration"), integration).await?;
    allow(client, &id, function_arn).await?;
    deploy_api(client, &id).await?;
    Ok(id)
}

async fn deploy_api(client: &Client, id: &str) -> Result<()> {
    make(client, &format!("/restapis/{id}/deployments"), json!({ "stageName": STAGE })).await?;
    Ok(())
}

async fn find_api(client: &Client) -> Result<Option<String>> {
    let answer = client.rest("apigateway", Method::GET, "/restapis?limit=500", None).await?;
    let apis = answer.success("the APIs cannot be listed")?.json()?["item"].take();
    let found = apis.as_array().into_iter().flatten().find(|api| api["name"] == API);
    Ok(found.and_then(|api| api["id"].as_str().map(str::to_owned)))
}

async fn root_resource(client: &Client, base: &str) -> Result<String> {
    let answer = client.rest("apigateway", Method::GET, &format!("{base}/resources"), None).await?;
    let resources = answer.success("the API has no resources")?.json()?;
    text(&resources["item"][0], "id")
}

/// The API may call the function.
async fn allow(client: &Client, api: &str, function_arn: &str) -> Result<()> {
    let mut parts = function_arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let permission = json!({
        "StatementId": format!("api-{api}"),
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": format!("arn:aws:execute-api:{region}:{account}:{api}/*/POST/members"),
    });
    let path = format!("/2015-03-31/functions/{WRITER}/policy");
    let answer = client.rest("lambda", Method::POST, &path, Some(&permission)).await?;
    if answer.status != 409 {
        answer.success("the API was not allowed to call its function")?;
    }
    Ok(())
}

async fn call(client: &Client, api: &str) -> Result<Answer> {
    let path = format!("/restapis/{api}/{STAGE}/_user_request_/members");
    let member = Bytes::from(json!({ "id": "1", "name": "sy" }).to_string());
    let request = Request::post(&path).header("content-type", "application/json").body(member)?;
    client.call("execute-api", request).await
}

async fn make(client: &Client, path: &str, body: Value) -> Result<Value> {
    let answer = client.rest("apigateway", Method::POST, path, Some(&body)).await?;
    answer.success(&format!("POST {path}"))?.json()
}

async fn put(client: &Client, path: &str, body: Value) -> Result<()> {
    let answer = client.rest("apigateway", Method::PUT, path, Some(&body)).await?;
    answer.success(&format!("PUT {path}"))?;
    Ok(())
}

fn text(value: &Value, name: &str) -> Result<String> {
    Ok(value[name].as_str().with_context(|| format!("the server answered no {name}"))?.to_owned())
}

/// Whether an answer is an error with this code.
fn said(answer: &Answer, code: &str) -> bool {
    answer.status == 400 && String::from_utf8_lossy(&answer.body).contains(code)
}

fn zip(source: &str) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("index.js", zip::write::SimpleFileOptions::default())?;
    archive.write_all(source.as_bytes())?;
    Ok(archive.finish()?.into_inner())
}
