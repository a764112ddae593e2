//! Renders the constraints of the shapes that inputs reach.

use std::fmt::Write;

use super::names;
use super::overrides::PatternOverride;
use super::service::Service;

pub(crate) fn render(service: &Service) -> String {
    let mut out = String::from("use wire::rule::{Pattern, Rule};\n");
    let mut names = Vec::new();
    for shape in &service.read {
        if !has_rule(service, shape) {
            continue;
        }
        let target = service.shape(shape);
        let pattern = target.pattern.as_deref().map(|text| pattern(text, &service.patterns));
        let name = static_name(shape);
        let _ = writeln!(
            out,
            "\npub(super) static {name}: Rule = Rule {{ min: {}, max: {}, pattern: {} }};",
            bound(target.min),
            bound(target.max),
            pattern.map_or("None".to_owned(), |pattern| format!("Some({pattern})"))
        );
        names.push(name);
    }
    if names.is_empty() {
        return String::new();
    }
    let _ = writeln!(
        out,
        "\n#[cfg(test)]\n#[test]\nfn every_pattern_can_be_checked() {{\nfor rule in [{}] {{\n\
         assert!(rule.pattern.as_ref().is_none_or(Pattern::is_checked), \"{{rule:?}}\");\n}}\n}}",
        names.iter().map(|name| format!("&{name}")).collect::<Vec<_>>().join(", ")
    );
    out.replace(
        "use wire::rule::{Pattern, Rule};",
        if out.contains("Pattern::") { "use wire::rule::{Pattern, Rule};" } else { "use wire::rule::Rule;" },
    )
}

/// Whether a shape is constrained beyond its type; an enum's set stands with the enum.
fn has_rule(service: &Service, shape: &str) -> bool {
    let target = service.shape(shape);
    target.kind != "structure"
        && target.values.is_none()
        && (target.min.is_some() || target.max.is_some() || target.pattern.is_some())
}

/// The Rust expression for a shape's rule.
pub(crate) fn expression(service: &Service, shape: &str) -> String {
    if service.read.contains(shape) && has_rule(service, shape) {
        format!("&rules::{}", static_name(shape))
    } else {
        "&Rule::NONE".to_owned()
    }
}

fn static_name(shape: &str) -> String {
    names::snake(&names::type_name(shape)).to_ascii_uppercase()
}

fn bound(bound: Option<f64>) -> String {
    bound.map_or("None".to_owned(), |bound| format!("Some({})", bound as i64))
}

fn pattern(text: &str, overrides: &[PatternOverride]) -> String {
    match overrides.iter().find(|o| o.text == text) {
        Some(PatternOverride { by: Some(function), .. }) => format!("Pattern::by({text:?}, {function})"),
        Some(PatternOverride { is, not, .. }) => {
            format!("Pattern::new({text:?}, {:?}, {not:?})", is.as_deref().unwrap_or(text))
        }
        None => format!("Pattern::new({text:?}, {text:?}, None)"),
    }
}
