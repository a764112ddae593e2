//! AWS's words for what is wrong with a request: one table. Knows no operation.

use base::Wording;

use crate::json::{JsonError, Kind};
use crate::rule::Each;
use crate::violations::{Constraint, Part, Violation};

/// `N validation errors detected: a; b`.
pub(crate) fn violations(found: &[Violation], wording: Wording) -> String {
    let told = match wording {
        Wording::Newer => match found.iter().find(|violation| violation.alone) {
            Some(alone) => vec![alone],
            None => found.iter().collect(),
        },
        Wording::Older => older_order(found),
        Wording::Rest => found.iter().collect(),
    };
    let texts: Vec<String> = told.into_iter().take(TOLD_MAX).map(|v| violation(v, wording)).collect();
    match texts.len() {
        1 => format!("1 validation error detected: {}", texts[0]),
        n => format!("{n} validation errors detected: {}", texts.join("; ")),
    }
}

/// As captured from the regions of the older wording: a list of values that the newer one keeps to itself is told
/// first, but where that one tells of nothing else; an empty value is too short and nothing more.
fn older_order(found: &[Violation]) -> Vec<&Violation> {
    let empty = |violation: &Violation| {
        matches!(violation.constraint, Constraint::Pattern(_)) && violation.value.as_deref() == Some("")
    };
    let first = |violation: &Violation| match violation.constraint {
        Constraint::Enum(set) => set.older.is_some() && !violation.alone,
        _ => false,
    };
    let mut told: Vec<&Violation> = found.iter().filter(|violation| !empty(violation)).collect();
    told.sort_by_key(|violation| !first(violation));
    if told.is_empty() { found.iter().collect() } else { told }
}

/// AWS tells no more than this of what is wrong with one request.
const TOLD_MAX: usize = 10;

fn violation(violation: &Violation, wording: Wording) -> String {
    let Violation { path, value, constraint, alone } = violation;
    let text = constraint_text(constraint, wording);
    let newer = wording == Wording::Newer;
    match (value, constraint) {
        (_, Constraint::Enum(set)) if set.older.is_some() && newer => {
            format!("Failed to satisfy constraint: {text}")
        }
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
        Constraint::Enum(set) => format!("Member must satisfy enum value set: [{}]", set.told(wording)),
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

/// The older form of what DynamoDB itself (not its model) says in the newer one: without the envelope, and with the
/// expressions that an operation could have had. `operation` is its name.
pub(crate) fn older(message: &str, operation: &str) -> String {
    const ENVELOPE: &str = "1 validation error detected: ";
    let own = |text: &&str| !text.contains(" failed to satisfy constraint: ");
    let text = message.strip_prefix(ENVELOPE).filter(own).unwrap_or(message);
    if text.ends_with(" can only be specified when using expressions") {
        let expressions = match operation {
            "PutItem" | "DeleteItem" => "ConditionExpression is null",
            "UpdateItem" => "UpdateExpression and ConditionExpression are null",
            "Query" => "KeyConditionExpression and FilterExpression are null",
            "Scan" => "FilterExpression is null",
            _ => return text.to_owned(),
        };
        return format!("{text}: {expressions}");
    }
    match text.contains("Input collection [") && text.ends_with(" contains duplicates.") {
        true => text.replace('"', ""),
        false => text.to_owned(),
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
        _ if !len.is_multiple_of(4) => {
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {len}")
        }
        Some(other) => format!("Invalid Base64 character: '{other}'"),
        // The spelling is AWS's.
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    };
    format!("'{text}' can not be converted to a Blob: {why}")
}
