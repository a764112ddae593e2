//! Scripts of requests with the answers that are expected, as [`testkit::script`] says, with `> METHOD /path {json}` and
//! `< status answer`; `UPDATE_EXPECT=1 cargo test -p lambda` writes the answers anew. Beside:
//!
//! - `+ seconds`: turns the clock
//! - `. restart`: another process goes on with the same data
//! - `~ account`: who calls from here
//! - `(zip NAME)` in a request is a zip with the file index.js, which says NAME; `(bytes N)` one of N bytes of content
//!
//! The folder of objects has the bucket `packages` with the zips `a.zip` and `b.zip`, and `broken.zip`, which is none.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use testkit::script::{self, Actor, Told};

use crate::fixture::{World, zip};

macro_rules! scripts {
    ($($name:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            check(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/", stringify!($name), ".txt")).await;
        })*
    };
}

scripts! {
    capacity_providers
    code_signing
    layers
    layers_of_functions
    packages
    resource_policies
    runtime_management
    settings
    tags
    versions
}

async fn check(path: &str) {
    let expected = std::fs::read_to_string(path).unwrap();
    let bucket = tempfile::tempdir().unwrap();
    std::fs::create_dir(bucket.path().join("packages")).unwrap();
    for (name, content) in [("a.zip", zip("a")), ("b.zip", zip("b")), ("broken.zip", "no zip".into())] {
        std::fs::write(bucket.path().join("packages").join(name), content).unwrap();
    }
    let objects = std::sync::Arc::new(objects::FolderObjects::new(bucket.path()));
    let world = World::with(|config| {
        config.objects = Some(objects);
        config.limits.unzipped_bytes_max = 100_000;
        config.limits.zip_bytes_max = 50_000;
    });
    let mut stage = Stage { world: world.await };
    let actual = script::play(&mut stage, &expected).await;
    if actual != expected {
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            return std::fs::write(path, actual).unwrap();
        }
        script::refuse(Path::new(path), &expected, &actual);
    }
}

struct Stage {
    world: World,
}

impl Actor for Stage {
    async fn call(&mut self, request: &str) -> Told {
        let (method, rest) = request.split_once(' ').unwrap();
        let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = wire::Request {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: http::HeaderMap::new(),
            body: packed(body).into(),
        };
        let response = self.world.lambda.answer(&self.world.cx, request).await;
        let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        let error = response.headers.get("x-amzn-errortype").and_then(|code| code.to_str().ok());
        let shown = if body.is_null() { String::new() } else { stable(&body.to_string()) };
        let line = match error {
            Some(code) => format!("{} {code} {shown}", response.status),
            None => format!("{} {shown}", response.status),
        };
        Told { line: line.trim_end().to_owned(), body }
    }

    async fn turn(&mut self, mark: char, what: &str) {
        match (mark, what) {
            ('+', seconds) => self.world.clock.advance(Duration::from_secs(seconds.parse().unwrap())),
            ('.', "restart") => {
                self.world.lambda.stop(Duration::from_secs(1)).await;
                self.world = self.world.reopened().await;
            }
            ('~', account) => self.world.cx.scope.account = account.parse().unwrap(),
            _ => panic!("{mark} {what}"),
        }
    }
}

/// The request with the zips that it speaks of.
fn packed(body: &str) -> String {
    let mut out = String::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once("(zip ").or_else(|| rest.split_once("(bytes ")) {
        let (what, after) = after.split_once(')').unwrap();
        let content = what.parse().map_or_else(|_| what.to_owned(), |bytes| "x".repeat(bytes));
        out.push_str(before);
        out.push_str(&STANDARD.encode(zip(&content)));
        rest = after;
    }
    out + rest
}

/// The answer without random ids and without what depends on how a zip is written.
fn stable(text: &str) -> String {
    const MARKS: [(&str, char); 7] = [
        ("\"RevisionId\":\"", '"'),
        ("\"CodeSha256\":\"", '"'),
        ("\"CodeSize\":", ','),
        ("/lambda/code/", '"'),
        ("code-signing-config:csc-", '"'),
        ("\"CodeSigningConfigId\":\"csc-", '"'),
        ("::runtime:", '"'),
    ];
    let mut out = String::new();
    let mut rest = text;
    while let Some((at, mark, end)) =
        MARKS.iter().filter_map(|(mark, end)| Some((rest.find(mark)?, mark, end))).min_by_key(|found| found.0)
    {
        let (before, after) = rest.split_at(at + mark.len());
        out.push_str(before);
        out.push('*');
        rest = &after[after.find([*end, '}', ']', ' ', ',']).unwrap_or(after.len())..];
    }
    out + rest
}
