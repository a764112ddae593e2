//! `rushlight urls`: the URLs of all deployed stages, those that work here, and of all functions that have one.

use std::process::ExitCode;

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use super::{Context, print_json, print_line, small_runtime};
use crate::client::Client;
use crate::instance;

/// A URL and what it is of.
#[derive(Debug)]
struct Row {
    /// For people: `api/stage`, or the function with its alias.
    of: String,
    url: String,
    json: Value,
}

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let client = instance::client(&context.config);
    let rows = small_runtime()?.block_on(rows(&client))?;
    if context.json {
        print_json(&rows.into_iter().map(|row| row.json).collect());
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        eprintln!("no stage is deployed at {}, and no function has a URL", client.url());
    }
    let width = rows.iter().map(|row| row.of.len()).max().unwrap_or(0);
    for row in &rows {
        print_line(&format!("{:<width$}  {}", row.of, row.url));
    }
    Ok(ExitCode::SUCCESS)
}

async fn rows(client: &Client) -> Result<Vec<Row>> {
    let mut found = stages(client).await?;
    found.extend(functions(client).await?);
    Ok(found)
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

async fn stages(client: &Client) -> Result<Vec<Row>> {
    let mut found = Vec::new();
    for api in items(client, "/restapis?limit=500").await? {
        let (id, name) = (text(&api, "id"), text(&api, "name"));
        for stage in items(client, &format!("/restapis/{id}/stages")).await? {
            let stage = text(&stage, "stageName");
            let url = format!("{}/restapis/{id}/{stage}/_user_request_/", client.url());
            let json = json!({ "api": name, "id": id, "stage": stage, "url": url });
            found.push(Row { of: format!("{name}/{stage}"), url, json });
        }
    }
    Ok(found)
}

async fn items(client: &Client, path: &str) -> Result<Vec<Value>> {
    let answer = client.rest("apigateway", Method::GET, path, None).await?.success("cannot list APIs")?;
    Ok(answer.json()?["item"].as_array().cloned().unwrap_or_default())
}

async fn functions(client: &Client) -> Result<Vec<Row>> {
    let mut found = Vec::new();
    let mut marker = String::new();
    loop {
        let page = page(client, &format!("/2015-03-31/functions?MaxItems=50{marker}")).await?;
        for function in page["Functions"].as_array().into_iter().flatten() {
            let name = text(function, "FunctionName");
            let configs = page_of_urls(client, &name).await?;
            for config in configs["FunctionUrlConfigs"].as_array().into_iter().flatten() {
                let (url, arn) = (text(config, "FunctionUrl"), text(config, "FunctionArn"));
                let alias = arn.split(':').nth(7).map(str::to_owned);
                let of = alias.as_ref().map_or_else(|| name.clone(), |alias| format!("{name}:{alias}"));
                let json = json!({ "function": name, "alias": alias, "url": url });
                found.push(Row { of, url, json });
            }
        }
        match page["NextMarker"].as_str().filter(|next| !next.is_empty()) {
            Some(next) => marker = format!("&Marker={next}"),
            None => return Ok(found),
        }
    }
}

async fn page_of_urls(client: &Client, function: &str) -> Result<Value> {
    page(client, &format!("/2021-10-31/functions/{function}/urls?MaxItems=50")).await
}

async fn page(client: &Client, path: &str) -> Result<Value> {
    client.rest("lambda", Method::GET, path, None).await?.success("cannot list functions")?.json()
}
