//! Renders the constraints of the shapes that inputs reach, and how errors print those of them that are
//! collections.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::names;
use super::overrides::PatternOverride;
use super::service::Service;

/// One static rule.
struct Entry {
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    or_arn: bool,
    /// The shape, if it is a collection that errors can print.
    printed: Option<String>,
}

pub(crate) fn render(service: &Service) -> String {
    let entries = entries(service);
    if entries.is_empty() {
        return String::new();
    }
    let mut body = String::new();
    let mut printed = BTreeSet::new();
    for (name, entry) in &entries {
        let _ = writeln!(body, "\npub(super) static {name}: Rule = {};", rule(service, entry));
        if let Some(shape) = &entry.printed {
            reach_printed(service, shape, &mut printed);
        }
    }
    for shape in &printed {
        let _ = writeln!(body, "\nstatic {}: Shown = {};", shown_name(shape), shown(service, shape));
    }
    let all: Vec<String> = entries.keys().map(|name| format!("&{name}")).collect();
    let _ = writeln!(
        body,
        "\n#[cfg(test)]\n#[test]\nfn every_pattern_can_be_checked() {{\nlet rules: &[&Rule] = &[{}];\nfor rule in rules {{\n\
         assert!(rule.is_checked(), \"{{rule:?}}\");\n}}\n}}",
        all.join(", ")
    );
    let mut out = String::new();
    if body.contains("Shown") {
        out.push_str("use wire::Shown;\n");
    }
    out.push_str(if body.contains("Pattern::") {
        "use wire::rule::{Pattern, Rule};\n"
    } else {
        "use wire::rule::Rule;\n"
    });
    out + &body
}

/// The Rust expression for the rule of a shape; `member` is `Structure.Member` where it is a member's.
pub(crate) fn expression(service: &Service, shape: &str, member: Option<&str>) -> String {
    if let Some(member) = member.filter(|member| service.overrides.rules.contains_key(*member)) {
        return format!("&rules::{}", static_name(member));
    }
    if service.read.contains(shape) && has_rule(service, shape) {
        format!("&rules::{}", static_name(shape))
    } else {
        "&rule::NONE".to_owned()
    }
}

/// The Rust expression for what a collection's elements of `shape` must be.
pub(crate) fn each(service: &Service, shape: &str) -> String {
    let target = service.shape(shape);
    if target.values.is_some() && !service.overrides.types.contains_key(shape) {
        return format!("Each::Set(&{}::SET)", service.type_name(shape));
    }
    match expression(service, shape, None).as_str() {
        "&rule::NONE" => "Each::Free".to_owned(),
        rule => format!("Each::Rule({rule})"),
    }
}

fn entries(service: &Service) -> BTreeMap<String, Entry> {
    let shapes = service
        .read
        .iter()
        .filter(|shape| has_rule(service, shape))
        .map(|shape| (shape.as_str(), shape.as_str()));
    let members = service.overrides.rules.keys().filter_map(|key| {
        let (structure, member) = key.split_once('.')?;
        Some((key.as_str(), service.member_shape(structure, member)?))
    });
    shapes.chain(members).map(|(key, shape)| (static_name(key), entry(service, key, shape))).collect()
}

fn entry(service: &Service, key: &str, shape: &str) -> Entry {
    let target = service.shape(shape);
    let given = service.overrides.rules.get(key);
    let bound = |given: Option<i64>, model: Option<f64>| match given {
        Some(0) => None,
        Some(given) => Some(given),
        None => model.map(|bound| bound as i64),
    };
    let is_collection = matches!(target.kind.as_str(), "list" | "map");
    Entry {
        min: bound(given.and_then(|g| g.min), target.min),
        max: bound(given.and_then(|g| g.max), target.max),
        pattern: given.and_then(|g| g.pattern.clone()).or_else(|| target.pattern.clone()),
        or_arn: given.is_some_and(|given| given.or_arn),
        printed: is_collection.then(|| shape.to_owned()),
    }
}

/// Whether a shape is constrained beyond its type; an enum's set stands with the enum.
fn has_rule(service: &Service, shape: &str) -> bool {
    let target = service.shape(shape);
    let constrained = target.min.is_some() || target.max.is_some() || target.pattern.is_some();
    target.kind != "structure"
        && target.values.is_none()
        && (constrained || service.overrides.rules.contains_key(shape))
}

fn rule(service: &Service, entry: &Entry) -> String {
    let bounds = format!("{:?}, {:?}", entry.min, entry.max);
    let mut text = match &entry.pattern {
        Some(text) => format!("Rule::patterned({bounds}, {})", pattern(text, &service.patterns)),
        None => format!("Rule::new({bounds})"),
    };
    if entry.or_arn {
        text.push_str(".or_arn()");
    }
    if let Some(shape) = &entry.printed {
        let _ = write!(text, ".shown(&{})", shown_name(shape));
    }
    text
}

fn pattern(text: &str, overrides: &[PatternOverride]) -> String {
    let Some(given) = overrides.iter().find(|given| given.text == text) else {
        return format!("Pattern::new({text:?}, {text:?}, None)");
    };
    if let Some(function) = &given.by {
        return format!("Pattern::by({text:?}, {function})");
    }
    let is = given.is.as_deref().unwrap_or(text);
    let quick = given.quick.as_ref().map_or_else(String::new, |function| format!(".quick({function})"));
    format!("Pattern::new({text:?}, {is:?}, {:?}){quick}", given.not)
}

fn static_name(shape: &str) -> String {
    names::snake(&names::type_name(shape)).to_ascii_uppercase()
}

fn shown_name(shape: &str) -> String {
    format!("{}_SHOWN", static_name(shape))
}

/// Collections and structures inside of a printed shape, itself included.
fn reach_printed(service: &Service, shape: &str, reached: &mut BTreeSet<String>) {
    let target = service.shape(shape);
    if !matches!(target.kind.as_str(), "list" | "map" | "structure") || !reached.insert(shape.to_owned()) {
        return;
    }
    for inner in super::service::inner_shapes(target) {
        reach_printed(service, &inner, reached);
    }
}

fn shown(service: &Service, shape: &str) -> String {
    let target = service.shape(shape);
    let inner = |shape: &str| match service.shape(shape).kind.as_str() {
        "list" | "map" | "structure" => format!("&{}", shown_name(shape)),
        _ => "&Shown::Plain".to_owned(),
    };
    match (target.kind.as_str(), &target.member, &target.value) {
        ("list", Some(member), _) => format!("Shown::List({})", inner(&member.shape)),
        ("map", _, Some(value)) => format!("Shown::Map({})", inner(&value.shape)),
        _ => {
            let model = target.members();
            let names: Vec<&str> = match service.overrides.shown.get(shape) {
                Some(names) => names.iter().map(String::as_str).collect(),
                None => model.iter().map(|(name, _)| name.as_str()).collect(),
            };
            let shape_of = |name: &str| model.iter().find(|(known, _)| known.as_str() == name);
            let members: Vec<String> = names
                .into_iter()
                .map(|name| match shape_of(name) {
                    Some((_, member)) => format!("({name:?}, {})", inner(&member.shape)),
                    None => format!("({name:?}, &Shown::Plain)"),
                })
                .collect();
            format!("Shown::Structure({:?}, &[{}])", names::type_name(shape), members.join(", "))
        }
    }
}
