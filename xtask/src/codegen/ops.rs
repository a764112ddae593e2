//! Renders a service's `Op` enum and its trait.

use std::fmt::Write;

use super::names;
use super::service::Service;

pub(crate) fn render(service: &Service) -> String {
    let mut out = String::from("pub mod errors;\nmod shapes;\n\n");
    if service.served().next().is_some() {
        out.push_str("pub use shapes::*;\n\nuse std::future::Future;\n\nuse base::Cx;\nuse wire::Failure;\n");
    }
    op_enum(service, &mut out);
    service_trait(service, &mut out);
    dispatch(service, &mut out);
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
    for operation in service.served() {
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
    out.push_str("}\n}\n}\n");
}

fn service_trait(service: &Service, out: &mut String) {
    let title = &service.model.metadata.service_full_name;
    let _ = writeln!(
        out,
        "\n/// {title}, the operations that are served; each answers 501 until it is implemented.\npub trait {}: Send + Sync {{",
        service.trait_name
    );
    for operation in service.served() {
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

fn dispatch(service: &Service, out: &mut String) {
    let _ = writeln!(
        out,
        "\n/// Answers one request.\npub async fn dispatch<S: {}>(service: &S, cx: &base::Cx, request: wire::Request) -> wire::Response {{\n\
         let _ = (service, cx, request);\nwire::Response::new(501, \"\")\n}}",
        service.trait_name
    );
}
