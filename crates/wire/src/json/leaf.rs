//! Readers of the simple shapes, and of lists and maps of any shape, with their rules. Knows no structure.

use std::collections::BTreeMap;
use std::str::FromStr;

use base::Timestamp;
use bytes::Bytes;

use super::{JsonError, Reader};
use crate::rule::{self, Rule, Set};
use crate::{Constraint, Violations};

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
    rule: &Rule,
    mut element: impl FnMut(&mut Reader<'a>, &mut Violations) -> Read<T>,
) -> Read<Vec<T>> {
    let mark = violations.mark();
    let start = reader.position();
    let mut values = Vec::new();
    let mut len = 0_usize;
    reader.begin_array()?;
    while reader.next_element()? {
        len += 1;
        let inner = violations.mark();
        if reader.null()? {
            violations.missing("member");
            violations.under(inner, || len.to_string());
            continue;
        }
        if let Some(value) = element(reader, violations)? {
            values.push(value);
        }
        violations.under(inner, || format!("{len}.member"));
    }
    rule.len(len, || rule.print(reader.since(start)), violations);
    Ok(violations.none_since(mark).then_some(values))
}

pub fn map<'a, T>(
    reader: &mut Reader<'a>,
    violations: &mut Violations,
    (rule, key_rule): (&Rule, &Rule),
    mut value: impl FnMut(&mut Reader<'a>, &mut Violations) -> Read<T>,
) -> Read<BTreeMap<String, T>> {
    let mark = violations.mark();
    let start = reader.position();
    let mut values = BTreeMap::new();
    let mut refused = 0;
    reader.begin_map()?;
    while let Some(key) = reader.next_key()? {
        let inner = violations.mark();
        let key = key_rule.string(key.into_owned(), violations);
        violations.under(inner, || "key".to_owned());
        let inner = violations.mark();
        if reader.null()? {
            continue;
        }
        let read = value(reader, violations)?;
        if let Some(key) = &key {
            violations.under(inner, || format!("{key}.member"));
        }
        match (key, read) {
            (Some(key), Some(read)) => drop(values.insert(key, read)),
            _ => refused += 1,
        }
    }
    rule.len(values.len() + refused, || rule.print(reader.since(start)), violations);
    Ok(violations.none_since(mark).then_some(values))
}

/// A map of lists: AWS tells of a list's length at the map.
pub fn map_of_lists<'a, T>(
    reader: &mut Reader<'a>,
    violations: &mut Violations,
    (rule, key_rule, list_rule): (&Rule, &Rule, &Rule),
    mut element: impl FnMut(&mut Reader<'a>, &mut Violations) -> Read<T>,
) -> Read<BTreeMap<String, Vec<T>>> {
    let mark = violations.mark();
    let start = reader.position();
    let (min, max) = list_rule.bounds();
    let mut broken = false;
    let values = map(reader, violations, (rule, key_rule), |reader, violations| {
        let values = list(reader, violations, &rule::NONE, &mut element)?;
        let len = values.as_ref().and_then(|values| i64::try_from(values.len()).ok());
        broken |= len.is_some_and(|len| min.is_some_and(|min| len < min) || max.is_some_and(|max| len > max));
        Ok(values)
    })?;
    if broken {
        violations.record("", Some(rule.print(reader.since(start))), Constraint::MapValueLength { min, max });
    }
    Ok(values.filter(|_| violations.none_since(mark)))
}

/// The whole part of a JSON number, clamped to 64 bits.
fn whole(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| text.parse::<f64>().map_or(0, |value| value as i64))
}
