//! Renders a service's `Op` enum and its trait.

use std::fmt::Write;

use super::service::{Protocol, Service};
use super::{dispatch, names, read, rules, shapes, write};

pub(crate) fn render(service: &Service) -> String {
    let mut body = String::new();
    op_enum(service, &mut body);
    service_trait(service, &mut body);
    body.push_str(&dispatch::render(service));
    let mut out = String::from("pub mod errors;\n");
    for (module, code) in [
        ("read", read::render(service)),
        ("rules", rules::render(service)),
        ("shapes", shapes::render(service)),
        ("write", write::render(service)),
    ] {
        if !code.is_empty() {
            let _ = writeln!(out, "mod {module};");
        }
    }
    if service.typed().next().is_some() {
        out.push_str("\npub use shapes::*;\n");
    }
    out.push('\n');
    for (word, import) in [
        ("Cow::", "use std::borrow::Cow;\n"),
        ("impl Future", "use std::future::Future;\n\n"),
        ("Cx", "use base::Cx;\n"),
        ("Bytes", "use bytes::Bytes;\n"),
        ("AwsJson", "use wire::aws_json::{self, AwsJson};\n"),
        ("RestJson", "use wire::rest::{self, Labels, Parts, RestJson};\n"),
        ("PROTOCOL: Query", "use wire::query::{Parameters, Query};\n"),
        ("Failure", "use wire::{Failure, Request, Response};\n"),
    ] {
        if body.contains(word) {
            out.push_str(import);
        }
    }
    if !body.contains("Parts::") {
        out = out.replace("Labels, Parts, RestJson", "Labels, RestJson");
    }
    out.push_str(&body);
    out
}

fn op_enum(service: &Service, out: &mut String) {
    let title = &service.model.metadata.service_full_name;
    let _ = writeln!(
        out,
        "\n/// Every operation of {title}.\n#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum Op {{"
    );
    for operation in &service.operations {
        let _ = writeln!(out, "{},", operation.name);
    }
    out.push_str("}\n\nimpl Op {\npub const ALL: &[Self] = &[\n");
    for operation in &service.operations {
        let _ = writeln!(out, "Self::{},", operation.name);
    }
    out.push_str("];\n\n/// The operations for which types and codecs are generated.\npub const SERVED: &[Self] = &[\n");
    for operation in service.typed() {
        let _ = writeln!(out, "Self::{},", operation.name);
    }
    out.push_str("];\n\npub fn from_name(name: &str) -> Option<Self> {\nmatch name {\n");
    for operation in &service.operations {
        let _ = writeln!(out, "{0:?} => Some(Self::{0}),", operation.name);
    }
    out.push_str("_ => None,\n}\n}\n\npub fn name(self) -> &'static str {\nmatch self {\n");
    for operation in &service.operations {
        let _ = writeln!(out, "Self::{0} => {0:?},", operation.name);
    }
    out.push_str("}\n}\n");
    if service.protocol == Protocol::Rest {
        out.push_str("\n/// Method and URI, as the model has them.\npub fn http(self) -> (&'static str, &'static str) {\nmatch self {\n");
        for operation in &service.operations {
            let _ = writeln!(
                out,
                "Self::{} => ({:?}, {:?}),",
                operation.name, operation.http.method, operation.http.request_uri
            );
        }
        out.push_str("}\n}\n");
    }
    out.push_str("}\n");
}

fn service_trait(service: &Service, out: &mut String) {
    let title = &service.model.metadata.service_full_name;
    let _ = writeln!(
        out,
        "\n/// {title}, the operations that are served; each answers 501 until it is implemented.\npub trait {}: Send + Sync {{",
        service.trait_name
    );
    for operation in service.typed() {
        let name = &operation.name;
        let method = names::field(name);
        let _ = writeln!(
            out,
            "\nfn {method}(&self, cx: &Cx, input: {name}Input) -> impl Future<Output = Result<{name}Output, Failure>> + Send {{\n\
             let _ = (cx, input);\nstd::future::ready(Err(Failure::not_implemented({:?}, {name:?})))\n}}",
            service.name
        );
    }
    out.push_str("}\n");
}
