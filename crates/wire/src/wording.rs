//! AWS's words for what is wrong with a request: one table. Knows no operation.

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
