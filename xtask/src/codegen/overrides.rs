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
    /// Shape -> its Rust name, where the model's name is taken.
    pub(crate) names: BTreeMap<String, String>,
    /// Error code -> HTTP status, beyond the model's.
    pub(crate) errors: BTreeMap<String, u16>,
    /// The code for violated constraints.
    validation: Option<String>,
}

/// A pattern that is checked in another way than by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternOverride {
    /// As it stands in the models.
    pub(crate) text: String,
    /// All of the value must match this.
    pub(crate) is: Option<String>,
    /// All of the value must not match this: in place of a lookahead.
    pub(crate) not: Option<String>,
    /// A function that checks it.
    pub(crate) by: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct File {
    pub(crate) patterns: Vec<PatternOverride>,
    #[serde(flatten)]
    pub(crate) services: BTreeMap<String, Overrides>,
}

impl Overrides {
    pub(crate) fn validation(&self) -> &str {
        self.validation.as_deref().unwrap_or("ValidationException")
    }
}

pub(crate) fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

pub(crate) fn read_served(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}
