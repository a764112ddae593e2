//! `codegen/served.toml` and `codegen/overrides.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// What is written by hand, or told otherwise than the model does, for one service.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Overrides {
    /// Shape -> Rust type.
    pub(crate) types: BTreeMap<String, String>,
    /// `Shape.Member` -> Rust type.
    pub(crate) members: BTreeMap<String, String>,
    /// Error code -> HTTP status, beyond the model's.
    pub(crate) errors: BTreeMap<String, u16>,
}

pub(crate) fn read(path: &Path) -> anyhow::Result<BTreeMap<String, Overrides>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

pub(crate) fn read_served(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}
