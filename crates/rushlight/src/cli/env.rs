//! `rushlight env`: the variables that AWS clients read, as a shell's exports.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value};

use super::{Context, print_json, print_line};
use crate::{credentials, instance};

/// What would come before the credentials, or go with them.
pub(super) const UNSET: [&str; 3] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"];

/// Name and value.
pub(super) fn variables(context: &Context) -> Vec<(&'static str, String)> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region =
        named("AWS_REGION").or_else(|| named("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".into());
    let pair = credentials::shown_pair(&context.config);
    vec![
        ("AWS_ENDPOINT_URL", instance::client(&context.config).url()),
        ("AWS_ACCESS_KEY_ID", pair.access_key),
        ("AWS_SECRET_ACCESS_KEY", pair.secret),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
    ]
}

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let variables = variables(context);
    if context.json {
        let map: Map<String, Value> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        print_json(&Value::Object(map));
        return Ok(ExitCode::SUCCESS);
    }
    for (name, value) in variables {
        print_line(&format!("export {name}='{}'", value.replace('\'', r"'\''")));
    }
    print_line(&format!("unset {}", UNSET.join(" ")));
    Ok(ExitCode::SUCCESS)
}
