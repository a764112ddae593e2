//! Scripts of requests with the answers that are expected, as [`testkit::script`] says, with `> Operation {json}` and
//! `< status answer`; `UPDATE_EXPECT=1 cargo test -p dynamodb` writes the answers anew. Beside:
//!
//! - `+ seconds`: turns the clock
//! - `. quiet`: waits for what goes on behind requests
//! - `~ older` or `~ newer`: which wording is spoken from here
//! - `~ throttle`: refuses from here what is beyond the capacity of tables
//! - `~ expire`: deletes the items whose time to live is over

use std::path::Path;
use std::time::Duration;

use base::Wording;
use testkit::script::{self, Actor, Told};

use crate::engine::{Engine, Ground, on_each_engine};

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
    let actual = script::play(&mut Stage(Some(ground)), &expected).await;
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
    script::refuse(Path::new(path), &expected, &actual);
}

struct Stage(Option<Ground>);

impl Stage {
    fn world(&mut self) -> &mut Ground {
        self.0.as_mut().unwrap()
    }
}

impl Actor for Stage {
    async fn call(&mut self, request: &str) -> Told {
        let (operation, body) = request.split_once(' ').unwrap_or((request, "{}"));
        let world = self.world();
        if operation == "GetRecords" {
            world.settle().await;
        }
        let reply = world.call(operation, body).await;
        let line = match reply.status {
            200 => format!("200 {}", stable(&reply.body.to_string())),
            status => format!("{status} {}", stable(&reply.refusal())),
        };
        Told { line, body: reply.body }
    }

    async fn turn(&mut self, mark: char, what: &str) {
        match (mark, what) {
            ('.', "quiet") => self.world().db.quiet().await,
            ('+', seconds) => self.world().clock.advance(Duration::from_secs(seconds.parse().unwrap())),
            ('~', "expire") => self.world().db.expire().await.unwrap(),
            ('~', "throttle") => self.0 = self.0.take().map(Ground::throttled),
            ('~', wording) => {
                self.world().cx.wording = if wording == "older" { Wording::Older } else { Wording::Newer };
            }
            _ => {}
        }
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
