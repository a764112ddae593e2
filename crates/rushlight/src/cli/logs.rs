//! `rushlight logs [-f] [FN]`: what functions logged, oldest first; with `-f` also what comes.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Context, print_json, print_line, small_runtime};
use crate::client::{Client, encode};
use crate::instance;

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// A function's name, or a log group's, which begins with a slash; all groups if none is given
    function: Option<String>,
    /// Go on with what comes, until interrupted
    #[arg(short, long)]
    follow: bool,
}

/// A line, with what tells it from others.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Line {
    timestamp: i64,
    group: String,
    stream: String,
    message: String,
}

impl Logs {
    pub(super) fn run(&self, context: &Context) -> Result<ExitCode> {
        let client = instance::client(&context.config);
        small_runtime()?.block_on(self.print(context, &client))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn print(&self, context: &Context, client: &Client) -> Result<()> {
        let group = self.function.as_deref().map(group_of);
        // Followed before the past is read, so that nothing falls between; what is in both is printed once.
        let live = if self.follow {
            let group = encode(group.as_deref().unwrap_or_default());
            let path = format!("/_rushlight/logs/tail?group={group}");
            Some(client.stream(&path).await?)
        } else {
            None
        };
        let groups = match &group {
            Some(group) => vec![group.clone()],
            None => groups(client).await?,
        };
        let mut lines = Vec::new();
        for group in groups {
            match past(client, &group).await {
                Ok(past) => lines.extend(past),
                // A function that has not run yet has no group; whoever follows waits for it.
                Err(error) if live.is_none() => return Err(error),
                Err(_) => {}
            }
        }
        // Each group is in order; of several the lines are told apart by their names.
        lines.sort_by_key(|line| line.timestamp);
        let width = lines.iter().map(|line| short(&line.group).chars().count()).max().unwrap_or(0);
        let mut printer = Printer { json: context.json, names: group.is_none().then_some(width) };
        lines.iter().for_each(|line| printer.say(line));
        match live {
            Some(live) => follow(&mut printer, live, &lines.into_iter().collect()).await,
            None => Ok(()),
        }
    }
}

/// What all functions log from now on.
#[derive(Debug)]
pub(super) struct Live(Incoming);

impl Live {
    pub(super) async fn open(client: &Client) -> Result<Self> {
        Ok(Self(client.stream("/_rushlight/logs/tail?group=").await?))
    }

    /// Prints until the server ends.
    pub(super) async fn print(self, json: bool) -> Result<()> {
        follow(&mut Printer { json, names: Some(0) }, self.0, &HashSet::new()).await
    }
}

/// How lines are shown.
#[derive(Debug)]
struct Printer {
    json: bool,
    /// Whether lines begin with the name of their group, and the width of the longest name.
    names: Option<usize>,
}

impl Printer {
    fn say(&mut self, line: &Line) {
        let Line { timestamp, group, stream, message } = line;
        if self.json {
            return print_json(
                &json!({ "timestamp": timestamp, "group": group, "stream": stream, "message": message }),
            );
        }
        let message = message.trim_end_matches('\n');
        let Some(width) = &mut self.names else { return print_line(message) };
        let name = short(group);
        *width = name.chars().count().max(*width);
        let width = *width;
        message.split('\n').for_each(|part| print_line(&format!("{name:<width$}  {part}")));
    }
}

/// A function's name, or a group's that is no function's.
fn short(group: &str) -> &str {
    group.strip_prefix("/aws/lambda/").unwrap_or(group)
}

fn group_of(function: &str) -> String {
    if function.starts_with('/') { function.to_owned() } else { format!("/aws/lambda/{function}") }
}

async fn groups(client: &Client) -> Result<Vec<String>> {
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let body = if token.is_null() { json!({}) } else { json!({ "nextToken": token }) };
        let answer = client.target("logs", "Logs_20140328.DescribeLogGroups", &body).await?;
        let mut answer = answer.success("cannot list log groups")?.json()?;
        let groups = answer["logGroups"].as_array().cloned().unwrap_or_default();
        names.extend(groups.iter().filter_map(|group| group["logGroupName"].as_str().map(str::to_owned)));
        token = answer["nextToken"].take();
        if token.is_null() {
            return Ok(names);
        }
    }
}

async fn past(client: &Client, group: &str) -> Result<Vec<Line>> {
    let (mut lines, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut body = json!({ "logGroupName": group });
        if !token.is_null() {
            body["nextToken"] = token;
        }
        let answer = client.target("logs", "Logs_20140328.FilterLogEvents", &body).await?;
        let mut answer = answer.success(&format!("cannot read the logs of {group}"))?.json()?;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        lines.extend(events.iter().map(|event| line(event, group, "logStreamName")));
        token = answer["nextToken"].take();
        if token.is_null() {
            return Ok(lines);
        }
    }
}

fn line(event: &Value, group: &str, stream: &str) -> Line {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    Line {
        timestamp: event["timestamp"].as_i64().unwrap_or(0),
        group: group.to_owned(),
        stream: text(stream),
        message: text("message"),
    }
}

async fn follow(printer: &mut Printer, mut live: Incoming, seen: &HashSet<Line>) -> Result<()> {
    let mut received = Vec::new();
    while let Some(frame) = live.frame().await {
        let Ok(data) = frame.context("the server ended")?.into_data() else { continue };
        received.extend_from_slice(&data);
        while let Some(end) = received.iter().position(|byte| *byte == b'\n') {
            let text: Vec<u8> = received.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&text).unwrap_or_default();
            if let Some(missed) = event["missed"].as_u64() {
                eprintln!(
                    "... {missed} batches of lines were missed: they come faster than they are printed"
                );
                continue;
            }
            let line = line(&event, event["group"].as_str().unwrap_or_default(), "stream");
            if !seen.contains(&line) {
                printer.say(&line);
            }
        }
    }
    eprintln!("the server ended");
    Ok(())
}
