//! `rushlight invoke FN [-e EVENT] [--tail]`: the answer on the standard output, the log on the standard error.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use bytes::Bytes;
use clap::Args;
use http::Request;
use serde_json::{Value, json};

use super::{Context, print_json, print_line, small_runtime};
use crate::client::{Answer, Client, encode};
use crate::instance;

#[derive(Debug, Args)]
pub(super) struct Invoke {
    /// Name, NAME:QUALIFIER or ARN
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    function: String,
    /// The event: JSON, @FILE, or - for the standard input
    #[arg(short, long, default_value = "{}", value_name = "EVENT")]
    event: String,
    /// Print the end of the log, too
    #[arg(long)]
    tail: bool,
}

impl Invoke {
    pub(super) fn run(&self, context: &Context) -> Result<ExitCode> {
        let event = self.read_event()?;
        let client = instance::client(&context.config);
        let answer = small_runtime()?.block_on(self.call(&client, event))?;
        let failed = answer.header("x-amz-function-error").map(str::to_owned);
        let log = answer.header("x-amz-log-result").unwrap_or_default();
        let log = base64::engine::general_purpose::STANDARD.decode(log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        if context.json {
            let payload = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            print_json(&json!({ "payload": payload, "functionError": failed, "log": log }));
        } else {
            if self.tail {
                eprint!("{log}");
            }
            print_line(&String::from_utf8_lossy(&answer.body));
        }
        Ok(if failed.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    async fn call(&self, client: &Client, event: Vec<u8>) -> Result<Answer> {
        let path = format!("/2015-03-31/functions/{}/invocations", encode(&self.function));
        let log_type = if self.tail { "Tail" } else { "None" };
        let request = Request::post(&path).header("x-amz-log-type", log_type).body(Bytes::from(event))?;
        client.call("lambda", request).await?.success("not invoked")
    }

    fn read_event(&self) -> Result<Vec<u8>> {
        if let Some(file) = self.event.strip_prefix('@') {
            return std::fs::read(file).with_context(|| format!("cannot read {file}"));
        }
        if self.event == "-" {
            let mut event = Vec::new();
            std::io::stdin().read_to_end(&mut event).context("cannot read the standard input")?;
            return Ok(event);
        }
        Ok(self.event.clone().into_bytes())
    }
}
