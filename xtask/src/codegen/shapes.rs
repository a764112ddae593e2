//! Renders structures and enums.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::model::Shape;
use super::names;
use super::service::Service;

pub(crate) fn render(service: &Service) -> String {
    let mut body = String::new();
    for (name, shape) in service.reached() {
        if shape.is_event_stream {
            events(service, name, shape, &mut body);
        } else if shape.kind == "structure" {
            structure(service, name, shape, &mut body);
        } else if let Some(values) = &shape.values
            && !service.overrides.types.contains_key(name)
        {
            enumeration(service, name, values, &mut body);
        }
    }
    for operation in service.typed() {
        let input = operation.input.as_ref().map(|input| input.shape.as_str());
        let output = operation.output.as_ref().map(|output| output.shape.as_str());
        alias(service, &format!("{}Input", operation.name), input, &mut body);
        alias(service, &format!("{}Output", operation.name), output, &mut body);
    }
    if body.is_empty() {
        return body;
    }
    let mut out = String::new();
    for (word, import) in [
        ("BTreeMap<", "use std::collections::BTreeMap;\n"),
        ("FromStr for", "use std::str::FromStr;\n"),
        ("Timestamp", "use base::Timestamp;\n"),
        ("Bytes", "use bytes::Bytes;\n"),
        ("Streamed<", "use wire::Streamed;\n"),
        ("Set::", "use wire::rule::Set;\n"),
    ] {
        if names_word(&body, word) {
            out.push_str(import);
        }
    }
    out.push_str(&body);
    out
}

/// Whether `word` stands in `body` other than as the end of a longer name (`BulkOperationBytes`).
fn names_word(body: &str, word: &str) -> bool {
    let begins = |at: usize| !body[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    body.match_indices(word).any(|(at, _)| begins(at))
}

fn structure(service: &Service, name: &str, shape: &Shape, out: &mut String) {
    let _ = writeln!(
        out,
        "\n#[derive(Debug, Clone, Default, PartialEq)]\npub struct {} {{",
        service.type_name(name)
    );
    for (member_name, member) in shape.members() {
        let mut rust_type = service.member_type(name, &member_name, &member);
        if !shape.requires(&member_name) {
            rust_type = format!("Option<{rust_type}>");
        }
        let _ = writeln!(out, "pub {}: {rust_type},", names::field(&member_name));
    }
    out.push_str("}\n");
}

/// The events of a stream: each message is one of them.
fn events(service: &Service, name: &str, shape: &Shape, out: &mut String) {
    let _ = writeln!(out, "\n#[derive(Debug, Clone, PartialEq)]\npub enum {} {{", service.type_name(name));
    for (member_name, member) in shape.members() {
        let _ = writeln!(out, "{member_name}({}),", service.rust_type(&member.shape));
    }
    out.push_str("}\n");
}

/// An operation's name for its input or output, when the shape has another name or there is none.
fn alias(service: &Service, name: &str, shape: Option<&str>, out: &mut String) {
    match shape.map(|shape| service.type_name(shape)) {
        None => {
            let _ = writeln!(out, "\n#[derive(Debug, Clone, Default, PartialEq)]\npub struct {name} {{}}");
        }
        Some(target) if target != name => {
            let _ = writeln!(out, "\npub type {name} = {target};");
        }
        Some(_) => {}
    }
}

fn enumeration(service: &Service, shape: &str, values: &[String], out: &mut String) {
    let name = service.type_name(shape);
    let mut seen = BTreeSet::new();
    let mut variants = Vec::new();
    for value in values {
        let mut variant = names::variant(value);
        while !seen.insert(variant.clone()) {
            variant.push('_');
        }
        variants.push((variant, value));
    }
    let _ = writeln!(
        out,
        "\n#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum {name} {{\n#[default]"
    );
    for (variant, _) in &variants {
        let _ = writeln!(out, "{variant},");
    }
    let _ = writeln!(out, "}}\n\nimpl {name} {{\npub const ALL: &[Self] = &[");
    for (variant, _) in &variants {
        let _ = writeln!(out, "Self::{variant},");
    }
    let _ = writeln!(
        out,
        "];\n\n/// The value set as errors list it.\npub const SET: Set = {};\n",
        match service.overrides.sets.get(shape) {
            Some(set) => match &set.older {
                Some(older) => format!("Set::bare({:?}, {older:?})", set.text),
                None => format!("Set::new({:?})", set.text),
            },
            None => format!("Set::new({:?})", values.join(", ")),
        }
    );
    out.push_str("pub fn as_str(self) -> &'static str {\nmatch self {\n");
    for (variant, value) in &variants {
        let _ = writeln!(out, "Self::{variant} => {value:?},");
    }
    let _ = writeln!(
        out,
        "}}\n}}\n}}\n\nimpl FromStr for {name} {{\ntype Err = ();\n\nfn from_str(text: &str) -> Result<Self, ()> {{\nmatch text {{"
    );
    for (variant, value) in &variants {
        let _ = writeln!(out, "{value:?} => Ok(Self::{variant}),");
    }
    out.push_str("_ => Err(()),\n}\n}\n}\n");
}
