//! AWS's words for what is wrong with a request: one table. Knows no operation.

use crate::json::{JsonError, Kind};
use crate::violations::{Constraint, Violation};

/// `N validation errors detected: a; b`.
pub(crate) fn violations(found: &[Violation]) -> String {
    let texts: Vec<String> = found.iter().map(violation).collect();
    match texts.len() {
        1 => format!("1 validation error detected: {}", texts[0]),
        n => format!("{n} validation errors detected: {}", texts.join("; ")),
    }
}

fn violation(violation: &Violation) -> String {
    let Violation { path, value, constraint } = violation;
    let constraint = constraint_text(constraint);
    match value {
        None => format!("Value null at '{path}' failed to satisfy constraint: {constraint}"),
        Some(value) => format!("Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"),
    }
}

fn constraint_text(constraint: &Constraint) -> String {
    match constraint {
        Constraint::Required => "Member must not be null".to_owned(),
        Constraint::LengthMin(n) => format!("Member must have length greater than or equal to {n}"),
        Constraint::LengthMax(n) => format!("Member must have length less than or equal to {n}"),
        Constraint::RangeMin(n) => format!("Member must have value greater than or equal to {n}"),
        Constraint::RangeMax(n) => format!("Member must have value less than or equal to {n}"),
        Constraint::Pattern(p) => format!("Member must satisfy regular expression pattern: {p}"),
        Constraint::Enum(set) => format!("Member must satisfy enum value set: [{set}]"),
    }
}

/// What AWS says of a body that is not JSON, or JSON of wrong types.
pub(crate) fn json(error: &JsonError) -> String {
    match error {
        JsonError::Type { expected, found } => wrong_type(expected, *found),
        JsonError::Blob { text } => blob(text),
        JsonError::Timestamp { .. } => "STRING_VALUE cannot be converted to Timestamp".to_owned(),
        JsonError::TooDeep { .. } | JsonError::Syntax { .. } | JsonError::Utf8 { .. } => error.to_string(),
    }
}

fn wrong_type(expected: &str, found: Kind) -> String {
    match (expected, found) {
        (_, Kind::Object) => "Start of structure or map found where not expected".to_owned(),
        (_, Kind::Array) => "Start of list found where not expected".to_owned(),
        ("Array", _) => "Expected list or null".to_owned(),
        ("Map", _) => "Expected map or null".to_owned(),
        ("Object", _) => "Expected null".to_owned(),
        (expected, found) => format!("{} cannot be converted to {expected}", kind(found)),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "STRING_VALUE",
        Kind::Number => "NUMBER_VALUE",
        Kind::True => "TRUE_VALUE",
        Kind::False => "FALSE_VALUE",
        Kind::Null => "NULL_VALUE",
        Kind::Object => "START_OBJECT",
        Kind::Array => "START_ARRAY",
    }
}

fn blob(text: &str) -> String {
    let len = text.chars().count();
    let alphabet = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let why = match text.chars().find(|c| !alphabet(c)) {
        _ if len % 4 != 0 => {
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {len}")
        }
        Some(other) => format!("Invalid Base64 character: '{other}'"),
        // The spelling is AWS's.
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    };
    format!("'{text}' can not be converted to a Blob: {why}")
}
