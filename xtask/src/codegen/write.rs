//! Renders the writers: JSON, REST answers, XML.

use std::fmt::Write;

use super::model::Member;
use super::names;
use super::service::{Protocol, Service};

pub(crate) fn render(service: &Service) -> String {
    let mut body = String::new();
    for (shape, _) in service.reached().filter(|(name, _)| service.written.contains(*name)) {
        let target = service.shape(shape);
        if target.values.is_some() && !service.overrides.types.contains_key(shape) {
            enumeration(service, shape, &mut body);
        }
        if target.is_event_stream {
            events(service, shape, &mut body);
            continue;
        }
        if target.kind != "structure" {
            continue;
        }
        match service.protocol {
            Protocol::Query => xml_structure(service, shape, &mut body),
            Protocol::Rest if service.is_output(shape) => {
                if service.is_nested(shape) {
                    json_structure(service, shape, &mut body);
                }
                rest_output(service, shape, &mut body);
            }
            _ => json_structure(service, shape, &mut body),
        }
    }
    if service.protocol == Protocol::Rest {
        for operation in service.typed().filter(|operation| operation.output.is_none()) {
            let _ = writeln!(
                body,
                "\nimpl WriteResponse for {}Output {{\nfn write_response(&self, _: &mut Response) {{}}\n}}",
                operation.name
            );
        }
    }
    if body.is_empty() {
        return String::new();
    }
    format!("{}{body}", imports(&body))
}

fn imports(body: &str) -> String {
    let mut out = String::new();
    for (word, import) in [
        ("-> Bytes", "use bytes::Bytes;\n"),
        ("Response)", "use wire::Response;\n"),
        ("event_stream", "use wire::event_stream::{self, WriteEvent};\n"),
        ("WriteJson", "use wire::json::{WriteJson, Writer};\n"),
        ("WriteResponse", "use wire::rest::{self, WriteResponse};\n"),
        ("WriteXml", "use wire::{query::WriteXml, xml};\n"),
    ] {
        if body.contains(word) {
            out.push_str(import);
        }
    }
    if !body.contains("rest::") {
        out = out.replace("rest::{self, WriteResponse}", "rest::WriteResponse");
    }
    if !body.contains("Writer)") {
        out = out.replace("json::{WriteJson, Writer}", "json::WriteJson");
    }
    out.push_str("use super::shapes::*;\n");
    out
}

fn enumeration(service: &Service, shape: &str, out: &mut String) {
    if service.protocol != Protocol::Query {
        let _ = writeln!(
            out,
            "\nimpl WriteJson for {} {{\nfn write_json(&self, writer: &mut Writer) {{\nwriter.string(self.as_str());\n}}\n}}",
            service.type_name(shape)
        );
    }
}

/// Each event as a message: of its payload's bytes, or of its members as JSON.
fn events(service: &Service, shape: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "\nimpl WriteEvent for {} {{\nfn write_event(&self) -> Bytes {{\nmatch self {{",
        service.type_name(shape)
    );
    for (name, member) in service.shape(shape).members() {
        let inner = service.shape(&member.shape).members();
        let _ = match inner.iter().find(|(_, member)| member.is_event_payload) {
            Some((payload, _)) => writeln!(
                out,
                "Self::{name}(event) => event_stream::blob_event({name:?}, event.{}.as_deref().unwrap_or_default()),",
                names::field(payload)
            ),
            None => writeln!(out, "Self::{name}(event) => event_stream::json_event({name:?}, event),"),
        };
    }
    out.push_str("}\n}\n}\n");
}

fn json_structure(service: &Service, shape: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "\nimpl WriteJson for {} {{\nfn write_json(&self, writer: &mut Writer) {{\nwriter.begin_object();",
        service.type_name(shape)
    );
    json_members(service, shape, &service.shape(shape).members(), out);
    out.push_str("writer.end_object();\n}\n}\n");
}

fn json_members(service: &Service, shape: &str, members: &[(String, Member)], out: &mut String) {
    let target = service.shape(shape);
    for (name, member) in members {
        let wire_name = member.location_name.as_ref().unwrap_or(name);
        let field = names::field(name);
        let required = target.requires(name);
        if service.is_iso8601(member) {
            let value = if required { format!("Some(self.{field})") } else { format!("self.{field}") };
            let _ =
                writeln!(out, "writer.optional({wire_name:?}, &{value}.map(|time| time.iso8601_secs()));");
        } else {
            let method = if required { "member" } else { "optional" };
            let _ = writeln!(out, "writer.{method}({wire_name:?}, &self.{field});");
        }
    }
}

fn rest_output(service: &Service, shape: &str, out: &mut String) {
    let name = service.type_name(shape);
    let target = service.shape(shape);
    let members = target.members();
    let _ = writeln!(
        out,
        "\nimpl WriteResponse for {name} {{\nfn write_response(&self, response: &mut Response) {{"
    );
    let in_body: Vec<(String, Member)> = members
        .iter()
        .filter(|(name, member)| member.location.is_none() && target.payload.as_ref() != Some(name))
        .cloned()
        .collect();
    for (member_name, member) in &members {
        if target.payload.as_ref() == Some(member_name) {
            payload(service, (member_name, member), target.requires(member_name), out);
        } else if member.location.is_some() {
            located(service, (member_name, member), target.requires(member_name), out);
        }
    }
    if target.payload.is_none() {
        match in_body.len() == members.len() && service.is_nested(shape) {
            true => out.push_str("rest::json_body(response, self);\n"),
            false if in_body.is_empty() && !members.is_empty() => {}
            false => {
                out.push_str("let mut writer = wire::json::Writer::new();\nwriter.begin_object();\n");
                json_members(service, shape, &in_body, out);
                out.push_str("writer.end_object();\nresponse.body = writer.into_bytes();\n");
            }
        }
    }
    out.push_str("}\n}\n");
}

fn payload(service: &Service, (name, member): (&str, &Member), required: bool, out: &mut String) {
    let field = names::field(name);
    let target = service.shape(&member.shape);
    let action = match target.kind.as_str() {
        "blob" => "response.body = value.clone();",
        _ if target.is_event_stream => "event_stream::events_body(response, value);",
        _ => "rest::json_body(response, value);",
    };
    let _ = match required {
        true => writeln!(out, "let value = &self.{field};\n{action}"),
        false => writeln!(out, "if let Some(value) = &self.{field} {{\n{action}\n}}"),
    };
}

fn located(service: &Service, (name, member): (&str, &Member), required: bool, out: &mut String) {
    let field = names::field(name);
    let wire_name = member.location_name.as_deref().unwrap_or(name).to_ascii_lowercase();
    let action = match (member.location.as_deref(), service.shape(&member.shape).kind.as_str()) {
        (Some("statusCode"), _) => {
            "response.status = u16::try_from(*value).unwrap_or(response.status);".to_owned()
        }
        (_, "string") => format!("response.set({wire_name:?}, value.as_str());"),
        _ => format!("response.set({wire_name:?}, &value.to_string());"),
    };
    let _ = match required {
        true => writeln!(out, "let value = &self.{field};\n{action}"),
        false => writeln!(out, "if let Some(value) = &self.{field} {{\n{action}\n}}"),
    };
}

fn xml_structure(service: &Service, shape: &str, out: &mut String) {
    let target = service.shape(shape);
    let _ = writeln!(
        out,
        "\nimpl WriteXml for {} {{\nfn write_xml(&self, writer: &mut xml::Writer) {{",
        service.type_name(shape)
    );
    for (name, member) in target.members() {
        let field = names::field(&name);
        let action = match service.shape(&member.shape).kind.as_str() {
            "string" => format!("writer.element({name:?}, value.as_str());"),
            "structure" => {
                format!("writer.begin({name:?});\nvalue.write_xml(writer);\nwriter.end({name:?});")
            }
            "timestamp" => format!("writer.element({name:?}, &value.iso8601_secs());"),
            _ => format!("writer.element({name:?}, &value.to_string());"),
        };
        let _ = match target.requires(&name) {
            true => writeln!(out, "let value = &self.{field};\n{action}"),
            false => writeln!(out, "if let Some(value) = &self.{field} {{\n{action}\n}}"),
        };
    }
    out.push_str("}\n}\n");
}
