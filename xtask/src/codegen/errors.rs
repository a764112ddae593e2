//! Renders a service's errors: a function for each code, and lookups by code.

use std::fmt::Write;

use super::names;
use super::service::Service;

struct Entry {
    code: String,
    status: u16,
    fault: bool,
    message_key: String,
}

pub(crate) fn render(service: &Service) -> String {
    let mut out = String::from("use wire::Failure;\n");
    for entry in &entries(service) {
        let Entry { code, status, fault, .. } = entry;
        let side = if *fault { "server" } else { "client" };
        let function = names::error_function(code);
        let _ = writeln!(
            out,
            "\npub fn {function}(message: impl Into<String>) -> Failure {{\nFailure::{side}({code:?}, {status}, message)\n}}"
        );
    }
    message_keys(&entries(service), &mut out);
    out
}

/// The model's exceptions, then those of the overrides.
fn entries(service: &Service) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, shape) in service.shapes.iter().filter(|(_, shape)| shape.exception) {
        let error = shape.error.as_ref();
        let fault_status = if shape.fault { 500 } else { 400 };
        let members = shape.members().into_iter();
        let mut written = members.map(|(name, member)| member.location_name.clone().unwrap_or(name));
        let key = written.find(|name| name.eq_ignore_ascii_case("message"));
        entries.push(Entry {
            code: error.and_then(|e| e.code.clone()).unwrap_or_else(|| name.clone()),
            status: error.and_then(|e| e.http_status_code).unwrap_or(fault_status),
            fault: shape.fault,
            message_key: key.unwrap_or_else(|| "message".to_owned()),
        });
    }
    for (code, &status) in &service.overrides.errors {
        let message_key = "message".to_owned();
        entries.push(Entry { code: code.clone(), status, fault: status >= 500, message_key });
    }
    entries
}

fn message_keys(entries: &[Entry], out: &mut String) {
    let capital: Vec<String> =
        entries.iter().filter(|e| e.message_key == "Message").map(|e| format!("{:?}", e.code)).collect();
    out.push_str(
        "\n/// The member of an error's shape that carries its message: the models write it both ways.\n",
    );
    match capital.is_empty() {
        true => out.push_str("pub fn message_key(_code: &str) -> &'static str {\n\"message\"\n}\n"),
        false => {
            let _ = writeln!(
                out,
                "pub fn message_key(code: &str) -> &'static str {{\nmatch code {{\n{} => \"Message\",\n_ => \"message\",\n}}\n}}",
                capital.join(" | ")
            );
        }
    }
}
