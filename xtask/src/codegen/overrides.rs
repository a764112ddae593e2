//! `codegen/served.toml`, `codegen/typed.toml` and `codegen/overrides.toml`.

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
    /// Shape, or `Structure.Member` -> its constraints, where they are not the model's.
    pub(crate) rules: BTreeMap<String, RuleOverride>,
    /// Enum -> its value set as errors list it.
    pub(crate) sets: BTreeMap<String, SetOverride>,
    /// Structure -> members that are checked before the others, in this order.
    pub(crate) first: BTreeMap<String, Vec<String>>,
    /// `Structure.Member` -> what is said if it is missing, where that is told otherwise.
    pub(crate) missing: BTreeMap<String, String>,
    /// Structure -> members of which, if they are violated, nothing else is told.
    pub(crate) alone: BTreeMap<String, Vec<String>>,
    /// Structure -> its members as errors print them, also those that the model does not tell of.
    pub(crate) shown: BTreeMap<String, Vec<String>>,
    /// Outputs that have a structure's members are that structure: `CreateApi` answers an `Api`.
    pub(crate) outputs_by_noun: bool,
    /// The code for violated constraints.
    validation: Option<String>,
}

/// What is given takes the place of the model's; a bound of zero takes it away.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuleOverride {
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    pub(crate) pattern: Option<String>,
    /// An ARN is as good as what the rule asks for.
    pub(crate) or_arn: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SetOverride {
    pub(crate) text: String,
    /// The list of the older wording; the newer one then tells neither value nor place.
    pub(crate) older: Option<String>,
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
    /// A function that accepts most of what matches, asked first.
    pub(crate) quick: Option<String>,
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

pub(crate) fn read_lists(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}
