//! `rushlight urls`: the URLs of all deployed stages, those that work here.

use std::process::ExitCode;

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use super::{Context, print_json, print_line, small_runtime};
use crate::client::Client;
use crate::instance;

#[derive(Debug)]
struct Stage {
    api: String,
    id: String,
    stage: String,
}

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let client = instance::client(&context.config);
    let stages = small_runtime()?.block_on(stages(&client))?;
    let url =
        |stage: &Stage| format!("{}/restapis/{}/{}/_user_request_/", client.url(), stage.id, stage.stage);
    if context.json {
        let row = |stage: &Stage| json!({ "api": stage.api, "id": stage.id, "stage": stage.stage, "url": url(stage) });
        print_json(&stages.iter().map(row).collect());
        return Ok(ExitCode::SUCCESS);
    }
    if stages.is_empty() {
        eprintln!("no stage is deployed at {}", client.url());
    }
    let width = stages.iter().map(|stage| stage.api.len() + stage.stage.len() + 1).max().unwrap_or(0);
    for stage in &stages {
        print_line(&format!("{:<width$}  {}", format!("{}/{}", stage.api, stage.stage), url(stage)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn stages(client: &Client) -> Result<Vec<Stage>> {
    let mut found = Vec::new();
    for api in items(client, "/restapis?limit=500").await? {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let id = text(&api, "id");
        for stage in items(client, &format!("/restapis/{id}/stages")).await? {
            found.push(Stage { api: text(&api, "name"), id: id.clone(), stage: text(&stage, "stageName") });
        }
    }
    Ok(found)
}

async fn items(client: &Client, path: &str) -> Result<Vec<Value>> {
    let answer = client.rest("apigateway", Method::GET, path, None).await?.success("cannot list APIs")?;
    Ok(answer.json()?["item"].as_array().cloned().unwrap_or_default())
}
