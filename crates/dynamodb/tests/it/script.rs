//! Scripts of requests with the answers that are expected. A script is the file itself:
//!
//! - `> Operation {json}`: a request; lines that begin with two spaces go on with it
//! - `< status answer`: what must come; `UPDATE_EXPECT=1 cargo test -p dynamodb` writes it anew
//! - `& name = /pointer`: remembers a part of the last answer; `$name` in a later request stands for it
//! - `+ seconds`: turns the clock
//! - `. quiet`: waits for what goes on behind requests
//! - `~ older` or `~ newer`: which wording is spoken from here
//! - `~ throttle`: refuses from here what is beyond the capacity of tables
//! - `~ expire`: deletes the items whose time to live is over
//! - everything else is a comment

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use base::Wording;
use serde_json::Value;

use crate::engine::{Engine, Ground, on_each_engine};
use crate::world::World;

macro_rules! scripts {
    ($($name:ident)*) => {
        $(async fn $name(engine: Engine) {
            check(engine, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/", stringify!($name), ".txt")).await;
        })*
        on_each_engine! { $($name)* }
    };
}

scripts! {
    backups
    batches
    before_expressions
    capacity
    capacity_indexes
    conditions
    conformance
    indexes
    items
    partiql_batches
    partiql_select
    partiql_transactions
    partiql_writes
    queries
    quotas
    recorded_controls
    recorded_answers
    recovery
    scans
    settings
    streams
    table_changes
    table_refusals
    tables
    tags
    throttling
    time_to_live
    transactions
    updates
    vectors
    wording
}

async fn check(engine: Engine, path: &str) {
    let expected = std::fs::read_to_string(path).unwrap();
    let ground = engine.ground().await;
    let actual = Script::default().run(ground, &expected).await;
    let same = match engine.counts_commits() {
        true => actual == expected,
        false => without_numbers(&actual) == without_numbers(&expected),
    };
    if same {
        return;
    }
    if engine == Engine::Memory && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, actual).unwrap();
        return;
    }
    let name = Path::new(path).file_name().unwrap().to_string_lossy();
    let differences: Vec<String> = expected
        .lines()
        .zip(actual.lines())
        .enumerate()
        .filter(|(_, (expected, actual))| expected != actual)
        .map(|(line, (expected, actual))| {
            format!("line {}\n  expected {expected}\n  actual   {actual}", line + 1)
        })
        .take(5)
        .collect();
    panic!("{name}: {}", differences.join("\n"));
}

#[derive(Default)]
struct Script {
    out: String,
    last: Value,
    known: BTreeMap<String, String>,
}

impl Script {
    async fn run(mut self, mut world: Ground, text: &str) -> String {
        let mut lines = text.lines().filter(|line| !line.starts_with("< ")).peekable();
        while let Some(line) = lines.next() {
            writeln!(self.out, "{line}").unwrap();
            if let Some(request) = line.strip_prefix("> ") {
                let mut request = request.to_owned();
                while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
                    writeln!(self.out, "{more}").unwrap();
                    request.push_str(more);
                }
                self.call(&world, &request).await;
            } else if let Some(asked) = line.strip_prefix("& ") {
                let (name, pointer) = asked.split_once(" = ").unwrap();
                let found = self.last.pointer(pointer).unwrap_or_else(|| panic!("{asked}: {}", self.last));
                let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                self.known.insert(format!("${name}"), found);
            } else if line == ". quiet" {
                world.db.quiet().await;
            } else if let Some(seconds) = line.strip_prefix("+ ") {
                world.clock.advance(Duration::from_secs(seconds.parse().unwrap()));
            } else if line == "~ expire" {
                world.db.expire().await.unwrap();
            } else if line == "~ throttle" {
                world = world.throttled();
            } else if let Some(wording) = line.strip_prefix("~ ") {
                world.cx.wording = if wording == "older" { Wording::Older } else { Wording::Newer };
            }
        }
        self.out
    }

    async fn call(&mut self, world: &World, request: &str) {
        let (operation, body) = request.split_once(' ').unwrap_or((request, "{}"));
        let mut body = body.to_owned();
        for (name, value) in self.known.iter().rev() {
            body = body.replace(name, value);
        }
        if operation == "GetRecords" {
            world.settle().await;
        }
        let reply = world.call(operation, &body).await;
        match reply.status {
            200 => writeln!(self.out, "< 200 {}", stable(&reply.body.to_string())).unwrap(),
            status => writeln!(self.out, "< {status} {}", stable(&reply.refusal())).unwrap(),
        }
        self.last = reply.body;
    }
}

/// The answer without what is random: ids of tables, and the ends of those of backups, exports and imports.
fn stable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['-', '"']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let id = after.strip_prefix("\"TableId\":\"").filter(|id| id.is_char_boundary(36));
        if let Some(id) = id {
            out.push_str("\"TableId\":\"(random)");
            rest = &id[36..];
            continue;
        }
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let end =
            after.get(1..9).filter(|end| end.chars().all(|c| c.is_ascii_hexdigit()) && *end != "00000000");
        if digits == 14 && end.is_some() {
            out.push_str("-(random)");
            rest = &after[9..];
            continue;
        }
        out.push_str(&after[..1]);
        rest = &after[1..];
    }
    out + rest
}

/// The answers without the numbers of commits, and without what is made of them.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, mark, length)) = next_number(rest) {
        out.push_str(&rest[..before + mark]);
        out.push('*');
        rest = &rest[before + mark + length..];
    }
    out + rest
}

/// Where the next number begins, how long the text that marks it is, and the number.
fn next_number(text: &str) -> Option<(usize, usize, usize)> {
    let marks = [("SequenceNumber\":\"", 21), ("\"eventID\":\"", 32), ("|1|", 34)];
    let found = marks.iter().filter_map(|(mark, length)| Some((text.find(mark)?, mark.len(), *length)));
    found.filter(|(at, mark, length)| text.is_char_boundary(at + mark + length)).min()
}
