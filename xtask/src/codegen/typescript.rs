//! Renders what the console knows of a service: its operations as data, by which one function sends them all, and the
//! shapes that they take and give as types. Knows no page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::model::{Member, Operation, Shape};
use super::service::{Protocol, Service, inner_shapes};

/// The TypeScript module of a service. Names of members are those on the wire.
pub(crate) fn render(service: &Service) -> String {
    let module = Module { service };
    let mut out = format!(
        "// {}: its operations and their shapes, as they are on the wire.\n{}\n",
        service.model.metadata.service_full_name,
        super::HEADER
    );
    out.push_str("import type { Service } from \"../service\";\n");
    for (name, shape) in module.reached() {
        module.declare(&name, shape, &mut out);
    }
    module.operations(&mut out);
    out
}

struct Module<'a> {
    service: &'a Service,
}

impl Module<'_> {
    fn served(&self) -> impl Iterator<Item = &Operation> {
        self.service.operations.iter().filter(|operation| self.service.is_served(operation))
    }

    fn is_rest(&self) -> bool {
        self.service.protocol == Protocol::Rest
    }

    /// Structures and enums that operations reach, by name.
    fn reached(&self) -> BTreeMap<String, &Shape> {
        let ends = self.served().flat_map(|operation| [&operation.input, &operation.output]);
        let mut open: Vec<String> = ends.flatten().map(|end| end.shape.clone()).collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                open.extend(inner_shapes(self.service.shape(&name)));
            }
        }
        let shape = |name: String| (name.clone(), self.service.shape(&name));
        let named = |(_, shape): &(String, &Shape)| shape.kind == "structure" || shape.values.is_some();
        seen.into_iter().map(shape).filter(named).collect()
    }

    fn declare(&self, name: &str, shape: &Shape, out: &mut String) {
        if let Some(values) = &shape.values {
            let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            let _ = writeln!(out, "\nexport type {} = {};", type_name(name), values.join(" | "));
            return;
        }
        let _ = writeln!(out, "\nexport interface {} {{", type_name(name));
        for (member_name, member) in shape.members() {
            let optional = if shape.requires(&member_name) { "" } else { "?" };
            let is_payload = shape.payload.as_ref() == Some(&member_name);
            let of = match (is_payload, self.service.shape(&member.shape).kind.as_str()) {
                (true, "blob") => "Uint8Array".to_owned(),
                _ => self.type_of(&member),
            };
            let name = match self.service.is_input(name) {
                true => given_name(&member_name, &member),
                false => name_of(&member_name, &member),
            };
            let _ = writeln!(out, "  {name}{optional}: {of};");
        }
        out.push_str("}\n");
    }

    fn type_of(&self, member: &Member) -> String {
        let shape = self.service.shape(&member.shape);
        let inner = |member: &Option<Member>| member.as_ref().map(|m| self.type_of(m)).unwrap_or_default();
        match shape.kind.as_str() {
            _ if shape.values.is_some() || shape.kind == "structure" => type_name(&member.shape),
            "string" | "character" | "blob" => "string".to_owned(),
            "boolean" => "boolean".to_owned(),
            "timestamp" if self.service.is_iso8601(member) => "string".to_owned(),
            "list" => format!("Array<{}>", inner(&shape.member)),
            "map" => format!("Record<string, {}>", inner(&shape.value)),
            _ => "number".to_owned(),
        }
    }

    fn operations(&self, out: &mut String) {
        out.push_str("\nexport interface Operations {\n");
        for operation in self.served() {
            let of = |end: &Option<Member>| {
                end.as_ref().map_or_else(|| "object".to_owned(), |end| type_name(&end.shape))
            };
            let (input, output) = (of(&operation.input), of(&operation.output));
            let _ = writeln!(out, "  {}: [{input}, {output}];", operation.name);
        }
        let metadata = &self.service.model.metadata;
        let signing = match self.service.name.as_str() {
            "apigatewayv2" => "apigateway",
            "dynamodbstreams" => "dynamodb",
            name => name,
        };
        let _ = write!(out, "}}\n\nexport const {}: Service<Operations> = {{\n", self.service.name);
        let _ = writeln!(out, "  name: {:?},\n  signing: {signing:?},", self.service.name);
        if let (false, Some(prefix), Some(version)) =
            (self.is_rest(), &metadata.target_prefix, &metadata.json_version)
        {
            let _ = writeln!(out, "  target: {prefix:?},\n  jsonVersion: {version:?},");
        }
        out.push_str("  operations: {\n");
        for operation in self.served() {
            let _ = writeln!(out, "    {}: {},", operation.name, self.binding(operation));
        }
        out.push_str("  },\n};\n");
    }

    /// Where a REST operation's members go; those that it does not name go into the body.
    fn binding(&self, operation: &Operation) -> String {
        if !self.is_rest() {
            return "{}".to_owned();
        }
        let mut path = operation.http.request_uri.clone();
        let (mut query, mut headers, mut body, mut payload) = (vec![], vec![], vec![], String::new());
        let input = operation.input.as_ref().map(|input| self.service.shape(&input.shape));
        for (name, member) in input.map(Shape::members).unwrap_or_default() {
            let (ours, wire) = (given_name(&name, &member), member.location_name.as_ref().unwrap_or(&name));
            match member.location.as_deref() {
                Some("uri") => {
                    path = path.replace(&format!("{{{wire}}}"), &format!("{{{ours}}}"));
                    path = path.replace(&format!("{{{wire}+}}"), &format!("{{{ours}+}}"));
                }
                Some("querystring") => query.push(format!("{ours}: {wire:?}")),
                Some("header") => headers.push(format!("{ours}: {wire:?}")),
                _ if input.is_some_and(|input| input.payload.as_ref() == Some(&name)) => {
                    payload = format!(", payload: {ours:?}");
                }
                None if ours != name_of(&name, &member) => body.push(format!("{ours}: {wire:?}")),
                _ => {}
            }
        }
        let list = |key: &str, entries: Vec<String>| match entries.is_empty() {
            true => String::new(),
            false => format!(", {key}: {{ {} }}", entries.join(", ")),
        };
        let (query, headers, body) = (list("query", query), list("headers", headers), list("body", body));
        let output = self.answer(operation);
        format!("{{ http: \"{} {path}\"{query}{headers}{body}{payload}{output} }}", operation.http.method)
    }

    /// What of an answer is not in a body of JSON.
    fn answer(&self, operation: &Operation) -> String {
        let Some(shape) = operation.output.as_ref().map(|output| self.service.shape(&output.shape)) else {
            return String::new();
        };
        let mut out = String::new();
        for (name, member) in shape.members() {
            let ours = name_of(&name, &member);
            match (member.location.as_deref(), &member.location_name) {
                (Some("header"), Some(wire)) => {
                    let _ = write!(out, "{ours}: {wire:?}, ");
                }
                (Some("statusCode"), _) => {
                    let _ = write!(out, "{ours}: \":status\", ");
                }
                _ if shape.payload.as_ref() == Some(&name) => {
                    let _ = write!(out, "{ours}: \":body\", ");
                }
                _ => {}
            }
        }
        if out.is_empty() { out } else { format!(", answer: {{ {} }}", out.trim_end_matches(", ")) }
    }
}

/// A member as it is written in a body. Who is written elsewhere has the same kind of name.
fn name_of(name: &str, member: &Member) -> String {
    match (&member.location, &member.location_name) {
        (None, Some(wire)) => wire.clone(),
        (Some(_), Some(wire)) if wire.starts_with(|first: char| first.is_ascii_lowercase()) => {
            name[..1].to_lowercase() + &name[1..]
        }
        _ => name.to_owned(),
    }
}

/// A member of an operation's input. One that is written in the body under the name of another keeps its own.
fn given_name(name: &str, member: &Member) -> String {
    match &member.location_name {
        Some(wire) if member.location.is_none() && !wire.eq_ignore_ascii_case(name) => name.to_owned(),
        _ => name_of(name, member),
    }
}

/// Names that TypeScript has a meaning of its own for.
fn type_name(shape: &str) -> String {
    match shape {
        "Function" | "Map" | "Array" | "Record" | "String" | "Number" | "Boolean" | "Object" | "Date"
        | "Operations" | "Service" => format!("{shape}Shape"),
        shape if shape.starts_with("__") => shape.trim_start_matches('_').to_owned(),
        shape => shape.to_owned(),
    }
}
