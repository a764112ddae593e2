//! `rushlight config`: every setting, its value and where it is from.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{Context, print_json, print_line};

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    if context.json {
        let row = |(name, value, origin): (_, _, &crate::config::Origin)| json!({ "name": name, "value": value, "origin": origin.to_string() });
        print_json(&context.config.rows().map(row).collect());
        return Ok(ExitCode::SUCCESS);
    }
    let width = context.config.rows().map(|(_, value, _)| value.len()).max().unwrap_or(0);
    for (name, value, origin) in context.config.rows() {
        print_line(&format!("{name:<12} {value:<width$}  {origin}"));
    }
    Ok(ExitCode::SUCCESS)
}
