//! The rules of tags, in AWS's words. Pure; knows no store.

use std::collections::{BTreeMap, BTreeSet};

use api::dynamodb::Tag;

use crate::error::{Error, Result};
use crate::name;
use crate::table::{Table, TablePhase};

const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// The table whose tags may be changed.
pub(crate) fn holder<'t>(table: Option<&'t Table>, arn: &str) -> Result<&'t Table> {
    let table = table.filter(|table| table.making().is_none()).ok_or_else(|| name::no_tagged(arn))?;
    match table.phase {
        Some(TablePhase::Deleting) => Err(Error::InUse(format!(
            "Attempt to change a resource which is still in use: Table is being deleted: {}",
            table.name
        ))),
        _ => Ok(table),
    }
}

/// `known` with the tags of a request: all of them or none.
pub(crate) fn added(asked: &[Tag], mut known: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut seen = BTreeSet::new();
    for tag in asked {
        check_key(&tag.key)?;
        if tag.value.chars().count() > VALUE_CHARS_MAX || !tag.value.chars().all(is_allowed) {
            return Err(Error::invalid(format!("The Tag Value provided is invalid, Value: {}", tag.value)));
        }
        if tag.key.starts_with("aws:") {
            return Err(Error::invalid(format!("Tag Key cannot be prefixed with aws:, Key: {}", tag.key)));
        }
        if !seen.insert(&tag.key) {
            return Err(Error::invalid(format!(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found {}",
                tag.key
            )));
        }
        known.insert(tag.key.clone(), tag.value.clone());
    }
    check_count(known.len())?;
    Ok(known)
}

/// `known` without the tags of these keys.
pub(crate) fn removed(
    keys: &[String],
    mut known: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    keys.iter().try_for_each(|key| check_key(key))?;
    check_count(keys.len())?;
    known.retain(|key, _| !keys.contains(key));
    Ok(known)
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX || !key.chars().all(is_allowed) {
        return Err(Error::invalid(format!("The Tag Key provided is invalid, Key: {key}")));
    }
    Ok(())
}

/// As many keys as that cannot be removed either.
fn check_count(count: usize) -> Result<()> {
    if count > TAGS_MAX {
        return Err(Error::invalid("Number of Tags exceed the current limit for the provided ResourceArn"));
    }
    Ok(())
}

/// Letters, digits and spaces of any script.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "+-=._:/@".contains(c)
}
