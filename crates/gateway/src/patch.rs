//! PATCH operations: their paths with `~1` and `~0` escapes, their values, and AWS's complaints about them.
//! Knows no resource; each update operation knows the paths it takes.

use std::collections::BTreeMap;
use std::str::FromStr;

use api::apigateway::{ContentHandlingStrategy, PatchOperation};

use crate::error::{GatewayError, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchVerb {
    Add,
    Remove,
    Replace,
    Copy,
}

/// One operation of a PATCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) verb: PatchVerb,
    /// As sent.
    pub(crate) path: String,
    /// Of the path, unescaped.
    pub(crate) segments: Vec<String>,
    /// Where a copy comes from, as sent.
    pub(crate) from: Option<String>,
    value: Option<String>,
}

impl Patch {
    pub(crate) fn parse(operations: Option<Vec<PatchOperation>>) -> Result<Vec<Self>> {
        operations.unwrap_or_default().into_iter().map(Self::parse_one).collect()
    }

    fn parse_one(operation: PatchOperation) -> Result<Self> {
        let verb = match operation.op.map(|op| op.as_str()) {
            Some("add") => PatchVerb::Add,
            Some("remove") => PatchVerb::Remove,
            Some("replace") => PatchVerb::Replace,
            Some("copy") => PatchVerb::Copy,
            _ => {
                return Err(GatewayError::bad_request(
                    "Invalid patch operation specified. Must be one of: [add, remove, replace, copy]",
                ));
            }
        };
        let path = operation.path.unwrap_or_else(|| "null".to_owned());
        let Some(inner) = path.strip_prefix('/') else {
            return Err(GatewayError::bad_request(format!("Invalid patch path {path}")));
        };
        let segments = inner.split('/').map(unescape).collect();
        Ok(Self { verb, segments, from: operation.from, value: operation.value, path })
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The value; empty if there is none.
    pub(crate) fn text(&self) -> String {
        self.value.clone().unwrap_or_default()
    }

    /// The value, or none if it is empty, as AWS clears what is replaced by nothing.
    pub(crate) fn some_text(&self) -> Option<String> {
        self.value.clone().filter(|value| !value.is_empty())
    }

    /// What is not `true` is false, as AWS reads it.
    pub(crate) fn boolean(&self) -> bool {
        self.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn number<T: FromStr>(&self) -> Result<T> {
        let value = self.text();
        value.trim().parse().map_err(|_| self.bad_value())
    }

    /// `contentHandling`, of integrations and of their responses; cleared by nothing.
    pub(crate) fn content_handling(&self) -> Result<Option<String>> {
        let text = self.some_text().filter(|_| self.verb != PatchVerb::Remove);
        let known = text.as_deref().is_none_or(|text| text.parse::<ContentHandlingStrategy>().is_ok());
        if known { Ok(text) } else { Err(self.bad_value()) }
    }

    /// The path is known, its value cannot be one of it.
    pub(crate) fn bad_value(&self) -> GatewayError {
        GatewayError::bad_request(format!(
            "Invalid patch value  '{}' specified for path '{}'",
            self.text(),
            self.path
        ))
    }

    /// Sets or clears an entry of a map by `verb`.
    pub(crate) fn entry(&self, map: &mut BTreeMap<String, String>, key: &str) -> Result<()> {
        match self.verb {
            PatchVerb::Add | PatchVerb::Replace => drop(map.insert(key.to_owned(), self.text())),
            PatchVerb::Remove => drop(map.remove(key)),
            PatchVerb::Copy => return Err(self.unsupported()),
        }
        Ok(())
    }

    pub(crate) fn flag(&self, map: &mut BTreeMap<String, bool>, key: &str) -> Result<()> {
        match self.verb {
            // A parameter that is added without a value is a required one.
            PatchVerb::Add => drop(map.insert(key.to_owned(), self.value.is_none() || self.boolean())),
            PatchVerb::Replace => drop(map.insert(key.to_owned(), self.boolean())),
            PatchVerb::Remove => drop(map.remove(key)),
            PatchVerb::Copy => return Err(self.unsupported()),
        }
        Ok(())
    }

    /// Adds to or removes from a list of texts.
    pub(crate) fn member(&self, list: &mut Vec<String>, member: &str) -> Result<()> {
        match self.verb {
            PatchVerb::Add if list.iter().any(|known| known == member) => {}
            PatchVerb::Add => list.push(member.to_owned()),
            PatchVerb::Remove => list.retain(|known| known != member),
            // AWS removes the old one and puts the new one last.
            PatchVerb::Replace => {
                list.retain(|known| known != member);
                list.push(self.text());
            }
            PatchVerb::Copy => return Err(self.unsupported()),
        }
        Ok(())
    }

    /// Fails unless the operation is `replace`.
    pub(crate) fn only_replace(&self) -> Result<()> {
        match self.verb {
            PatchVerb::Replace => Ok(()),
            _ => {
                Err(GatewayError::bad_request("Invalid patch operation specified. Must be one of: [replace]"))
            }
        }
    }

    pub(crate) fn verb_name(&self) -> &'static str {
        match self.verb {
            PatchVerb::Add => "add",
            PatchVerb::Remove => "remove",
            PatchVerb::Replace => "replace",
            PatchVerb::Copy => "copy",
        }
    }

    /// The path is known, its operation is not one of it.
    pub(crate) fn unsupported(&self) -> GatewayError {
        GatewayError::bad_request(format!(
            "Invalid patch path  '{}' specified for op '{}'. Please choose supported operations",
            self.path,
            self.verb_name()
        ))
    }

    /// Nothing has this path.
    pub(crate) fn unknown(&self) -> GatewayError {
        GatewayError::bad_request(format!("Invalid patch path {}", self.path))
    }

    /// Nothing has this path; AWS tells those there are.
    pub(crate) fn none_of(&self, paths: &[&str]) -> GatewayError {
        GatewayError::bad_request(format!(
            "Invalid patch path  '{}' specified for op '{}'. Must be one of: [{}]",
            self.path,
            self.verb_name(),
            paths.join(", ")
        ))
    }
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}
