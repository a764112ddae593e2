//! `rushlight demo`: a server (or the one that already answers there) with the sample app deployed, called once.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{Context, at, print_json, print_line, start, status};
use crate::client::Client;
use crate::config::Origin;
use crate::sample::{self, Deployed};
use crate::{credentials, instance};

pub(super) fn run(mut context: Context) -> Result<ExitCode> {
    start::start_log(&context)?;
    // A demonstration leaves nothing behind unless it is told where.
    if *context.config.origin("data") == Origin::Default {
        context.config.keep_nothing();
    }
    start::runtime()?.block_on(async {
        let there = instance::client(&context.config);
        if status::health(&there).await.is_ok() {
            say(&context, &there, &sample::deploy(&there).await?);
            return Ok(ExitCode::SUCCESS);
        }
        let running = start::Running::begin(&context.config).await?;
        running.say(&context);
        let client = Client::new(running.address, credentials::own_pair(&context.config));
        say(&context, &client, &sample::deploy(&client).await?);
        running.until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn say(context: &Context, client: &Client, deployed: &Deployed) {
    let Deployed { api, answer, status } = deployed;
    let url = format!("{}/restapis/{api}/{}/_user_request_/members", client.url(), sample::STAGE);
    if context.json {
        return print_json(&json!({ "stageUrl": url, "status": status, "answer": answer }));
    }
    let at = at(client.address());
    print_line("");
    print_line(
        "The sample app is deployed: a table, a function behind its stream, a function behind a REST API.",
    );
    print_line(&format!("  {:<13} {url}", "stage URL"));
    print_line(&format!("  {:<13} {status} {answer}", "answered"));
    print_line(&format!("  {:<13} rushlight logs -f {}{at}", "its trigger", sample::TRIGGER));
    if !(200..300).contains(status) {
        print_line(
            "The call failed: `rushlight doctor` says what is missing here, `rushlight logs` what was logged.",
        );
    }
    print_line("Try it:");
    print_line(&format!(
        "  curl -X POST {url} -H 'content-type: application/json' -d '{{\"id\":\"2\",\"name\":\"Ada\"}}'"
    ));
}
