//! AWS's words for what is wrong with a request: one table. Knows no operation.

use crate::json::{JsonError, Kind};
use crate::rule::Each;
use crate::violations::{Constraint, Part, Violation};

/// Which of AWS's wordings is spoken. DynamoDB's regions took up the newer one in June 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wording {
    #[default]
    Newer,
    /// Tells every violation, always with value and place.
    Older,
    /// As the older one; that elements must be there is said where a collection's are described. Lambda's.
    Rest,
}

/// `N validation errors detected: a; b`.
pub(crate) fn violations(found: &[Violation], wording: Wording) -> String {
    let alone = found.iter().find(|violation| violation.alone && wording == Wording::Newer);
    let told = alone.map_or(found, std::slice::from_ref);
    let texts: Vec<String> = told.iter().take(TOLD_MAX).map(|v| violation(v, wording)).collect();
    match texts.len() {
        1 => format!("1 validation error detected: {}", texts[0]),
        n => format!("{n} validation errors detected: {}", texts.join("; ")),
    }
}

/// AWS tells no more than this of what is wrong with one request.
const TOLD_MAX: usize = 10;

fn violation(violation: &Violation, wording: Wording) -> String {
    let Violation { path, value, constraint, alone } = violation;
    let text = constraint_text(constraint, wording);
    let newer = wording == Wording::Newer;
    match (value, constraint) {
        (_, Constraint::Enum(set)) if set.bare && newer => format!("Failed to satisfy constraint: {text}"),
        (None, _) => format!("Value null at '{path}' failed to satisfy constraint: {text}"),
        (Some(_), Constraint::LengthMin(_) | Constraint::RangeMin(_)) if *alone && newer => {
            format!("Value at '{}' failed to satisfy constraint: {text}", capital(path))
        }
        (Some(value), _) => format!("Value '{value}' at '{path}' failed to satisfy constraint: {text}"),
    }
}

fn capital(path: &str) -> String {
    let mut letters = path.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn constraint_text(constraint: &Constraint, wording: Wording) -> String {
    match constraint {
        Constraint::Required => "Member must not be null".to_owned(),
        Constraint::LengthMin(n) => format!("Member must have length greater than or equal to {n}"),
        Constraint::LengthMax(n) => format!("Member must have length less than or equal to {n}"),
        Constraint::RangeMin(n) => format!("Member must have value greater than or equal to {n}"),
        Constraint::RangeMax(n) => format!("Member must have value less than or equal to {n}"),
        Constraint::Pattern(p) => format!("Member must satisfy regular expression pattern: {p}"),
        Constraint::Enum(set) => format!("Member must satisfy enum value set: [{}]", set.text),
        Constraint::Each(part, each) => each_text(*part, *each, wording),
    }
}

fn each_text(part: Part, each: Each, wording: Wording) -> String {
    let mut texts: Vec<String> = match each {
        Each::Free => Vec::new(),
        Each::Set(set) => vec![constraint_text(&Constraint::Enum(set), wording)],
        Each::Rule(rule) => rule.constraints().iter().map(|one| constraint_text(one, wording)).collect(),
    };
    if wording == Wording::Rest {
        texts.push(constraint_text(&Constraint::Required, wording));
    }
    let part = match part {
        Part::Element => "Member",
        Part::Key => "Map keys",
        Part::Value => "Map value",
    };
    format!("{part} must satisfy constraint: [{}]", texts.join(", "))
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
        _ if !len.is_multiple_of(4) => {
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {len}")
        }
        Some(other) => format!("Invalid Base64 character: '{other}'"),
        // The spelling is AWS's.
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    };
    format!("'{text}' can not be converted to a Blob: {why}")
}
