//! `rushlight status`: whether a server runs, and how it is. Fails when none does.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Context, print_json, print_line, small_runtime};
use crate::client::Client;
use crate::{instance, port};

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let client = instance::client(&context.config);
    match small_runtime()?.block_on(health(&client)) {
        Ok(health) => {
            say(context, &client, &health);
            Ok(if health["status"] == "ok" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) if context.json => {
            print_json(&json!({ "running": false, "url": client.url(), "error": format!("{error:#}") }));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.context("not running")),
    }
}

/// What the server says of itself, well or not.
pub(super) async fn health(client: &Client) -> Result<Value> {
    let answer = client.get("/_rushlight/health").await?;
    let health = answer.json().unwrap_or_default();
    if health["version"].is_string() {
        return Ok(health);
    }
    let holder =
        port::holder(client.address().port()).map(|holder| format!(" but {holder}")).unwrap_or_default();
    bail!(
        "what answers on {} is no Rushlight{holder}\n`rushlight start --listen ADDR:PORT` runs one on another address",
        client.url()
    )
}

fn say(context: &Context, client: &Client, health: &Value) {
    if context.json {
        let mut all = json!({ "running": true, "url": client.url() });
        if let (Some(all), Some(health)) = (all.as_object_mut(), health.as_object()) {
            all.extend(health.clone());
        }
        return print_json(&all);
    }
    let text = |name: &str| match &health[name] {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    print_line(&format!("running   {}", client.url()));
    for name in ["status", "version", "pid", "started", "engine", "services"] {
        print_line(&format!("{name:<9} {}", text(name)));
    }
}
