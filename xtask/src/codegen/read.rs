//! Renders the readers: from JSON, from the parts of a REST request, from query parameters.

use std::fmt::Write;

use super::model::{Member, Operation, Shape};
use super::service::{Protocol, Service};
use super::{names, rules};

pub(crate) fn render(service: &Service) -> String {
    let mut body = String::new();
    for shape in &service.read {
        if service.shape(shape).kind != "structure" {
            continue;
        }
        match (service.protocol, service.is_input(shape)) {
            (Protocol::Rest, true) => rest_input(service, shape, &mut body),
            (Protocol::Query, _) => query_input(service, shape, &mut body),
            _ => json_structure(service, shape, &mut body),
        }
    }
    for operation in service.typed().filter(|operation| operation.input.is_none()) {
        let name = format!("{}Input", operation.name);
        let _ = writeln!(
            body,
            "\nimpl ReadJson for {name} {{\nfn read_json(reader: &mut Reader<'_>, _: &mut Violations) -> Result<Option<Self>, JsonError> {{\nreader.skip()?;\nOk(Some(Self {{}}))\n}}\n}}"
        );
    }
    if body.is_empty() {
        return String::new();
    }
    format!("{}{body}", imports(&body))
}

fn imports(body: &str) -> String {
    let mut out = String::new();
    let json: Vec<&str> = [
        ("json::", "self"),
        ("JsonError", "JsonError"),
        ("ReadJson", "ReadJson"),
        ("Reader<", "Reader"),
        ("MapRules", "MapRules"),
    ]
    .into_iter()
    .filter(|(word, _)| body.contains(word))
    .map(|(_, import)| import)
    .collect();
    if !json.is_empty() {
        let _ = writeln!(out, "use wire::json::{{{}}};", json.join(", "));
    }
    for (word, import) in [
        ("ReadRequest for", "use wire::rest::{self, Parts, ReadRequest};\n"),
        ("ReadQuery for", "use wire::query::{Parameters, ReadQuery};\n"),
        ("Each::", "use wire::rule::Each;\n"),
        ("rule::", "use wire::rule;\n"),
        ("Slot", "use wire::Slot;\n"),
        ("Violations", "use wire::Violations;\n"),
        ("rules::", "use super::rules;\n"),
    ] {
        if body.contains(word) {
            out.push_str(import);
        }
    }
    // Whether `rest` itself is named shows only in paths.
    if !body.contains("rest::") {
        out = out.replace("rest::{self, Parts", "rest::{Parts");
    }
    out.push_str("use super::shapes::*;\n");
    out
}

/// A structure that is read from a JSON object.
fn json_structure(service: &Service, shape: &str, out: &mut String) {
    let name = service.type_name(shape);
    let target = service.shape(shape);
    let _ = writeln!(
        out,
        "\nimpl ReadJson for {name} {{\nfn read_json(reader: &mut Reader<'_>, violations: &mut Violations) -> Result<Option<Self>, JsonError> {{"
    );
    slots(target, out);
    object_loop(service, shape, &target.members(), out);
    finish(service, shape, out, ["Ok(None)", "Ok(Some(", "))"]);
    out.push_str("}\n}\n");
}

/// `let mut table_name = Slot::default();` for each member.
fn slots(target: &Shape, out: &mut String) {
    if !target.members.is_empty() {
        out.push_str("let mark = violations.mark();\n");
    }
    for (member, _) in target.members() {
        let _ = writeln!(out, "let mut {} = Slot::default();", names::field(&member));
    }
}

fn object_loop(service: &Service, shape: &str, members: &[(String, Member)], out: &mut String) {
    out.push_str("reader.begin_object()?;\n");
    if members.is_empty() {
        out.push_str("while reader.next_key()?.is_some() {\nreader.skip()?;\n}\n");
        if service.shape(shape).members.is_empty() {
            out.push_str("let _ = violations;\n");
        }
        return;
    }
    out.push_str("while let Some(wire_name) = reader.next_key()? {\nmatch wire_name.as_ref() {\n");
    for (name, member) in members {
        let wire_name = member.location_name.as_ref().unwrap_or(name);
        let key = format!("{}.{name}", service.type_name(shape));
        let reader = match service.overrides.members.get(&key) {
            Some(rust_type) => format!("<{rust_type}>::read_json"),
            None => json_reader(service, &member.shape, Some(&key)),
        };
        let _ = writeln!(
            out,
            "{wire_name:?} => {}.read(reader, violations, {:?}, {reader})?,",
            names::field(name),
            names::violation(wire_name)
        );
    }
    out.push_str("_ => reader.skip()?,\n}\n}\n");
}

/// Takes the members out of their slots and makes the structure.
fn finish(service: &Service, shape: &str, out: &mut String, [none, open, close]: [&str; 3]) {
    let target = service.shape(shape);
    let members = target.members();
    let text_name = |name: &String, member: &Member| {
        names::violation(if member.location.is_some() {
            name
        } else {
            member.location_name.as_ref().unwrap_or(name)
        })
    };
    let overrides = &service.overrides;
    for (name, member) in members.iter().filter(|(name, _)| target.requires(name)) {
        let field = names::field(name);
        let _ = match overrides.missing.get(&format!("{}.{name}", service.type_name(shape))) {
            Some(text) => writeln!(out, "let {field} = {field}.required_as(violations, {text:?});"),
            None => {
                writeln!(out, "let {field} = {field}.required(violations, {:?});", text_name(name, member))
            }
        };
    }
    for name in overrides.alone.get(&service.type_name(shape)).into_iter().flatten() {
        let _ = writeln!(out, "violations.alone(mark, {:?});", names::violation(name));
    }
    let first = overrides.first.get(&service.type_name(shape)).map_or(&[][..], Vec::as_slice);
    let mut members_in_order: Vec<&(String, Member)> = members.iter().collect();
    members_in_order.sort_by_key(|(name, _)| first.iter().position(|f| f == name).unwrap_or(first.len()));
    if members.len() > 1 {
        let order: Vec<String> =
            members_in_order.iter().map(|(name, member)| format!("{:?}", text_name(name, member))).collect();
        let _ = writeln!(out, "violations.in_order(mark, &[{}]);", order.join(", "));
    }
    if !members.is_empty() {
        let _ = writeln!(out, "if !violations.none_since(mark) {{\nreturn {none};\n}}");
    }
    let required: Vec<String> = members
        .iter()
        .filter(|(name, _)| target.requires(name))
        .map(|(name, _)| names::field(name))
        .collect();
    if !required.is_empty() {
        let some: Vec<String> = required.iter().map(|field| format!("Some({field})")).collect();
        let _ = writeln!(
            out,
            "let ({},) = ({},) else {{\nreturn {none};\n}};",
            some.join(", "),
            required.join(", ")
        );
    }
    let _ = writeln!(out, "{open}Self {{");
    for (name, _) in &members {
        let field = names::field(name);
        match target.requires(name) {
            true => {
                let _ = writeln!(out, "{field},");
            }
            false => {
                let _ = writeln!(out, "{field}: {field}.optional(),");
            }
        }
    }
    let _ = writeln!(out, "}}{close}");
}

/// An expression that reads a value of `shape`: a path or a closure. `member` is `Structure.Member`, for its rule.
fn json_reader(service: &Service, shape: &str, member: Option<&str>) -> String {
    let target = service.shape(shape);
    let rule = rules::expression(service, shape, member);
    if let Some(rust_type) = service.overrides.types.get(shape)
        && rust_type != "String"
    {
        return format!("<{rust_type}>::read_json");
    }
    let simple = |function: &str| format!("|r, v| json::{function}(r, v, {rule})");
    match target.kind.as_str() {
        "string" if target.values.is_some() && !service.overrides.types.contains_key(shape) => {
            format!("|r, v| json::enumeration(r, v, &{}::SET)", service.type_name(shape))
        }
        "string" | "character" => simple("string"),
        "integer" | "long" | "boolean" | "blob" | "timestamp" => simple(&target.kind),
        "float" | "double" => simple("double"),
        "list" => {
            let Some(member) = &target.member else { return String::new() };
            let each = rules::each(service, &member.shape);
            format!(
                "|r, v| json::list(r, v, ({rule}, {each}), {})",
                json_reader(service, &member.shape, None)
            )
        }
        "map" => {
            let (Some(key), Some(value)) = (&target.key, &target.value) else { return String::new() };
            let keys = rules::expression(service, &key.shape, None);
            let values = rules::each(service, &value.shape);
            let inner = json_reader(service, &value.shape, None);
            format!(
                "|r, v| json::map(r, v, MapRules {{ map: {rule}, keys: {keys}, values: {values} }}, {inner})"
            )
        }
        _ => format!("{}::read_json", service.type_name(shape)),
    }
}

/// An operation's input that is read from the parts of a request.
fn rest_input(service: &Service, shape: &str, out: &mut String) {
    let name = service.type_name(shape);
    let target = service.shape(shape);
    let _ = writeln!(
        out,
        "\nimpl ReadRequest for {name} {{\nfn read_request(parts: &Parts<'_>, violations: &mut Violations) -> Result<Option<Self>, JsonError> {{"
    );
    slots(target, out);
    let mut in_body = Vec::new();
    for (member_name, member) in target.members() {
        if target.payload.as_ref() == Some(&member_name) {
            payload(service, &member_name, &member, out);
        } else if member.location.is_some() {
            located(service, shape, (&member_name, &member), out);
        } else {
            in_body.push((member_name, member));
        }
    }
    if !in_body.is_empty() {
        out.push_str("let reader = &mut parts.json()?;\n");
        object_loop(service, shape, &in_body, out);
        out.push_str("reader.end()?;\n");
    }
    if target.members.is_empty() {
        out.push_str("let _ = (parts, violations);\n");
    }
    finish(service, shape, out, ["Ok(None)", "Ok(Some(", "))"]);
    out.push_str("}\n}\n");
}

fn payload(service: &Service, name: &str, member: &Member, out: &mut String) {
    let field = names::field(name);
    match service.shape(&member.shape).kind.as_str() {
        "blob" => {
            let take = match rules::expression(service, &member.shape, None).as_str() {
                "&rule::NONE" => "|body, _| Some(body)".to_owned(),
                rule => format!("|body, v| {}.blob(body, v)", rule.trim_start_matches('&')),
            };
            let _ = writeln!(
                out,
                "{field}.text(parts.payload(), violations, {:?}, {take});",
                names::violation(name)
            );
        }
        _ => {
            let reader = json_reader(service, &member.shape, None);
            let _ = writeln!(
                out,
                "let reader = &mut parts.json()?;\n{field}.read(reader, violations, {:?}, {reader})?;\nreader.end()?;",
                names::violation(name)
            );
        }
    }
}

/// What the query names beside a map of all the rest: other members, and what tells the operation from others.
fn known_queries(service: &Service, shape: &str) -> Vec<String> {
    let members = service.shape(shape).members.0.iter();
    let bound = members.filter(|(_, member)| {
        member.location.as_deref() == Some("querystring") && service.shape(&member.shape).kind != "map"
    });
    let bound = bound.map(|(name, member)| member.location_name.clone().unwrap_or_else(|| name.clone()));
    let is_its = |operation: &&Operation| operation.input.as_ref().is_some_and(|input| input.shape == shape);
    let fixed = service.typed().filter(is_its).filter_map(|operation| {
        let (_, query) = operation.http.request_uri.split_once('?')?;
        Some(query.split('&').map(|pair| pair.split('=').next().unwrap_or_default().to_owned()))
    });
    let fixed: Vec<String> = fixed.flatten().collect();
    bound.chain(fixed).collect()
}

fn located(service: &Service, shape: &str, (name, member): (&str, &Member), out: &mut String) {
    let wire_name = member.location_name.as_deref().unwrap_or(name);
    if service.shape(&member.shape).kind == "map" {
        let known = known_queries(service, shape);
        let (field, shown) = (names::field(name), names::violation(name));
        let _ = writeln!(
            out,
            "{field}.text(parts.query_rest(&{known:?}), violations, {shown:?}, |map, _| Some(map));"
        );
        return;
    }
    let repeated = service.shape(&member.shape).kind == "list";
    let source = match member.location.as_deref() {
        Some("uri") => "label",
        Some("querystring") if repeated => "query_all",
        Some("querystring") => "query",
        _ => "header",
    };
    let _ = writeln!(
        out,
        "{}.text(parts.{source}({wire_name:?}), violations, {:?}, {});",
        names::field(name),
        names::violation(name),
        text_reader(service, &member.shape)
    );
}

/// An expression that reads a value of `shape` from a text.
fn text_reader(service: &Service, shape: &str) -> String {
    let target = service.shape(shape);
    let rule = rules::expression(service, shape, None);
    match target.kind.as_str() {
        "string" if target.values.is_some() && !service.overrides.types.contains_key(shape) => {
            format!("|t, v| rule::enumeration(&t, &{}::SET, v)", service.type_name(shape))
        }
        "string" => format!("|t, v| {}.string(t, v)", rule.trim_start_matches('&')),
        "list" => {
            let Some(member) = &target.member else { return String::new() };
            let each = rules::each(service, &member.shape);
            format!("|t, v| rest::list(t, v, ({rule}, {each}), {})", text_reader(service, &member.shape))
        }
        kind => format!("|t, v| rest::{kind}(t, v, {rule})"),
    }
}

/// An operation's input that is read from flat parameters: all that is served so far.
fn query_input(service: &Service, shape: &str, out: &mut String) {
    let name = service.type_name(shape);
    let target = service.shape(shape);
    let _ = writeln!(
        out,
        "\nimpl ReadQuery for {name} {{\nfn read_query(parameters: &Parameters, violations: &mut Violations) -> Option<Self> {{"
    );
    slots(target, out);
    for (member_name, member) in target.members() {
        let _ = writeln!(
            out,
            "{}.text(parameters.get({member_name:?}), violations, {:?}, {});",
            names::field(&member_name),
            names::violation(&member_name),
            text_reader(service, &member.shape)
        );
    }
    if target.members.is_empty() {
        out.push_str("let _ = (parameters, violations);\n");
    }
    finish(service, shape, out, ["None", "Some(", ")"]);
    out.push_str("}\n}\n");
}
