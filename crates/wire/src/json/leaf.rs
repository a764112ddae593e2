//! Readers of the simple shapes, and of lists and maps of any shape, with their rules. Knows no structure.

use std::collections::BTreeMap;
use std::str::FromStr;

use base::Timestamp;
use bytes::Bytes;

use super::{JsonError, Reader};
use crate::rule::{self, Each, Rule, Set};
use crate::{Constraint, Part, Violations};

type Read<T> = Result<Option<T>, JsonError>;

pub fn string(reader: &mut Reader<'_>, violations: &mut Violations, rule: &Rule) -> Read<String> {
    let text = reader.string()?.into_owned();
    Ok(rule.string(text, violations))
}

pub fn enumeration<T: FromStr>(
    reader: &mut Reader<'_>,
    violations: &mut Violations,
    set: &'static Set,
) -> Read<T> {
    let text = reader.string()?;
    Ok(rule::enumeration(&text, set, violations))
}

/// AWS cuts a fraction off, and so do we; what is out of bounds becomes the bound.
pub fn integer(reader: &mut Reader<'_>, violations: &mut Violations, rule: &Rule) -> Read<i32> {
    let value = whole(reader.number_as("Integer")?);
    let value = i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX });
    Ok(rule.number(value, violations))
}

pub fn long(reader: &mut Reader<'_>, violations: &mut Violations, rule: &Rule) -> Read<i64> {
    let value = whole(reader.number_as("Long")?);
    Ok(rule.long(value, violations))
}

pub fn double(reader: &mut Reader<'_>, violations: &mut Violations, rule: &Rule) -> Read<f64> {
    let text = reader.number_as("Double")?;
    Ok(rule.number(text.parse().unwrap_or(f64::NAN), violations))
}

pub fn boolean(reader: &mut Reader<'_>, _: &mut Violations, _: &Rule) -> Read<bool> {
    reader.boolean().map(Some)
}

pub fn blob(reader: &mut Reader<'_>, violations: &mut Violations, rule: &Rule) -> Read<Bytes> {
    let mark = violations.mark();
    let bytes = reader.blob()?;
    rule.len(bytes.len(), || "java.nio.HeapByteBuffer".to_owned(), violations);
    Ok(violations.none_since(mark).then_some(bytes))
}

/// Seconds since the epoch, whole or with a fraction.
pub fn timestamp(reader: &mut Reader<'_>, _: &mut Violations, _: &Rule) -> Read<Timestamp> {
    let text = reader.number_as("Timestamp")?;
    let secs: f64 = text.parse().map_err(|_| JsonError::Timestamp { text: text.to_owned() })?;
    Ok(Some(Timestamp((secs * 1000.0).round() as i64)))
}

pub fn list<'a, T>(
    reader: &mut Reader<'a>,
    violations: &mut Violations,
    (rule, each): (&Rule, Each),
    mut element: impl FnMut(&mut Reader<'a>, &mut Violations) -> Read<T>,
) -> Read<Vec<T>> {
    let mark = violations.mark();
    let start = reader.position();
    let mut values = Vec::new();
    let mut len = 0_usize;
    let mut broken = false;
    reader.begin_array()?;
    while reader.next_element()? {
        len += 1;
        let inner = violations.mark();
        if reader.null()? {
            violations.missing("");
        } else {
            values.extend(element(reader, violations)?);
        }
        if !violations.none_since(inner) {
            broken |= !matches!(each, Each::Free) && violations.take_own(inner);
            violations.under(inner, || format!("{len}.member"));
        }
    }
    if broken {
        violations.record("", Some(rule.print(reader.since(start))), Constraint::Each(Part::Element, each));
    }
    rule.len(len, || rule.print(reader.since(start)), violations);
    Ok(violations.none_since(mark).then_some(values))
}

/// The rules of a map, of its keys and of its values.
#[derive(Debug, Clone, Copy)]
pub struct MapRules {
    pub map: &'static Rule,
    pub keys: &'static Rule,
    pub values: Each,
}

pub fn map<'a, T>(
    reader: &mut Reader<'a>,
    violations: &mut Violations,
    rules: MapRules,
    mut value: impl FnMut(&mut Reader<'a>, &mut Violations) -> Read<T>,
) -> Read<BTreeMap<String, T>> {
    let mark = violations.mark();
    let start = reader.position();
    let mut values = BTreeMap::new();
    let (mut refused, mut keys_broken, mut values_broken) = (0, false, false);
    reader.begin_map()?;
    while let Some(key) = reader.next_key()? {
        let inner = violations.mark();
        let key = rules.keys.string(key.into_owned(), violations);
        keys_broken |= violations.take_own(inner);
        if reader.null()? {
            continue;
        }
        let read = value(reader, violations)?;
        if !violations.none_since(inner) {
            values_broken |= !matches!(rules.values, Each::Free) && violations.take_own(inner);
            violations.under(inner, || format!("{}.member", key.as_deref().unwrap_or_default()));
        }
        match (key, read) {
            (Some(key), Some(read)) => drop(values.insert(key, read)),
            _ => refused += 1,
        }
    }
    let print = || rules.map.print(reader.since(start));
    if keys_broken {
        violations.record("", Some(print()), Constraint::Each(Part::Key, Each::Rule(rules.keys)));
    }
    if values_broken {
        violations.record("", Some(print()), Constraint::Each(Part::Value, rules.values));
    }
    rules.map.len(values.len() + refused, print, violations);
    Ok(violations.none_since(mark).then_some(values))
}

/// The whole part of a JSON number, clamped to 64 bits.
fn whole(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| text.parse::<f64>().map_or(0, |value| value as i64))
}
