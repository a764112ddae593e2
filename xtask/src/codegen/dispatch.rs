//! Renders a service's `dispatch`, and for REST services its `route`.

use std::fmt::Write;

use super::model::Operation;
use super::names;
use super::service::{Protocol, Service};

pub(crate) fn render(service: &Service) -> String {
    let mut out = String::new();
    let trait_name = &service.trait_name;
    let _ = writeln!(
        out,
        "\n/// Answers one request: reads the input, calls the service, writes its output or its failure.\n\
         pub async fn dispatch<S: {trait_name}>(service: &S, cx: &Cx, request: Request) -> Response {{\n\
         let result = answer(service, cx, &request).await;\nPROTOCOL.respond(cx, &request, result)\n}}\n"
    );
    match service.protocol {
        Protocol::Json => json(service, &mut out),
        Protocol::Rest => rest(service, &mut out),
        Protocol::Query => query(service, &mut out),
    }
    out
}

/// The arm for what is not served.
fn other(service: &Service, out: &mut String) {
    if service.typed().count() == service.operations.len() {
        return;
    }
    let used = if service.typed().next().is_none() { "" } else { "other => " };
    let _ = match used {
        "" => writeln!(out, "Err(Failure::not_implemented({:?}, op.name()))", service.name),
        _ => writeln!(out, "{used}Err(Failure::not_implemented({:?}, other.name())),", service.name),
    };
}

fn json(service: &Service, out: &mut String) {
    let metadata = &service.model.metadata;
    let target = metadata.target_prefix.as_deref().unwrap_or_default();
    let dynamodb = service.name.starts_with("dynamodb");
    let namespace = if dynamodb {
        format!("com.amazonaws.dynamodb.v{}", metadata.api_version.replace('-', ""))
    } else {
        String::new()
    };
    let _ = writeln!(
        out,
        "static PROTOCOL: AwsJson = AwsJson {{ target: {target:?}, version: {:?}, namespace: {namespace:?}, validation: {:?}, \
         dynamodb: {dynamodb}, message_key: errors::message_key }};\n",
        metadata.json_version.as_deref().unwrap_or("1.0"),
        service.overrides.validation()
    );
    let _ = writeln!(
        out,
        "async fn answer<S: {}>(service: &S, cx: &Cx, request: &Request) -> Result<Bytes, Failure> {{\n\
         let name = PROTOCOL.operation(request)?;\n\
         let op = Op::from_name(name).ok_or_else(aws_json::unknown_operation)?;\n\
         let body = PROTOCOL.body(request)?;\nmatch op {{",
        service.trait_name
    );
    for operation in service.typed() {
        let method = names::field(&operation.name);
        let call = format!("service.{method}(cx, PROTOCOL.input(cx, &body)?).await");
        let _ = match operation.output {
            Some(_) => writeln!(out, "Op::{} => PROTOCOL.output(&{call}?),", operation.name),
            None => writeln!(out, "Op::{} => {call}.map(|_| Bytes::new()),", operation.name),
        };
    }
    other(service, out);
    out.push_str("}\n}\n");
}

fn rest(service: &Service, out: &mut String) {
    let _ = writeln!(
        out,
        "static PROTOCOL: RestJson = RestJson {{ lambda: {}, validation: {:?}, message_key: errors::message_key }};\n",
        service.name == "lambda",
        service.overrides.validation()
    );
    let none_served = service.typed().next().is_none();
    let (service_name, cx_name) = if none_served { ("_: &S", "_: &Cx") } else { ("service: &S", "cx: &Cx") };
    let _ = writeln!(
        out,
        "async fn answer<S: {}>({service_name}, {cx_name}, request: &Request) -> Result<Response, Failure> {{\n\
         let found = route(&request.method, &request.path, &request.query);\n\
         let (op, {}) = found.ok_or_else(|| PROTOCOL.no_route())?;",
        service.trait_name,
        if none_served { "_" } else { "labels" }
    );
    if none_served {
        other(service, out);
        out.push_str("}\n");
    } else {
        out.push_str("let parts = Parts::new(request, labels)?;\nmatch op {\n");
        for operation in service.typed() {
            let status = operation.http.response_code.unwrap_or(200);
            let method = names::field(&operation.name);
            let _ = writeln!(
                out,
                "Op::{} => PROTOCOL.output({status}, &service.{method}(cx, PROTOCOL.input(&parts)?).await?),",
                operation.name
            );
        }
        other(service, out);
        out.push_str("}\n}\n");
    }
    routes(service, out);
}

/// A match over method and segments: literals before labels, so that the more exact route wins.
fn routes(service: &Service, out: &mut String) {
    out.push_str(
        "\n/// The operation that a method, a raw path and a raw query name, with the labels of the path, still encoded.\n\
         pub fn route<'a>(method: &http::Method, path: &'a str, query: &str) -> Option<(Op, Labels<'a>)> {\n\
         let segments = rest::segments(path);\n\
         let found = match (method.as_str(), segments.as_slice()) {\n",
    );
    let mut routes: Vec<Route> = service.operations.iter().map(Route::new).collect();
    routes.sort_by(|a, b| a.rank.cmp(&b.rank));
    for route in &routes {
        let _ = writeln!(
            out,
            "({:?}, [{}]){} => (Op::{}, vec![{}]),",
            route.method, route.pattern, route.guard, route.name, route.labels
        );
    }
    out.push_str("_ => return None,\n};\nSome(found)\n}\n");
    if !out.contains("rest::query_has") {
        let unused = out.replace("path: &'a str, query: &str)", "path: &'a str, _query: &str)");
        *out = unused;
    }
}

struct Route {
    name: String,
    method: String,
    pattern: String,
    guard: String,
    labels: String,
    /// Literals sort before labels, a guard before none, greedy labels last.
    rank: (bool, String, bool),
}

impl Route {
    fn new(operation: &Operation) -> Self {
        let (path, query) = match operation.http.request_uri.split_once('?') {
            Some((path, query)) => (path, query),
            None => (operation.http.request_uri.as_str(), ""),
        };
        let (mut pattern, mut labels, mut rank) = (Vec::new(), Vec::new(), String::new());
        let mut is_greedy = false;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            match segment.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
                None => {
                    pattern.push(format!("{segment:?}"));
                    rank.push_str(&format!("/0{segment}"));
                }
                Some(label) => {
                    let (label, greedy) =
                        label.strip_suffix('+').map_or((label, false), |label| (label, true));
                    let variable = format!("l{}", labels.len());
                    pattern.push(if greedy { format!("{variable} @ ..") } else { variable.clone() });
                    let value = if greedy {
                        format!("rest::greedy({variable})")
                    } else {
                        format!("Cow::Borrowed(*{variable})")
                    };
                    labels.push(format!("({label:?}, {value})"));
                    rank.push_str("/1");
                    is_greedy |= greedy;
                }
            }
        }
        Self {
            name: operation.name.clone(),
            method: operation.http.method.clone(),
            pattern: pattern.join(", "),
            guard: guard(query),
            labels: labels.join(", "),
            rank: (is_greedy, rank, query.is_empty()),
        }
    }
}

/// ` if rest::query_has(..)` for the constants of a URI's query.
fn guard(query: &str) -> String {
    let tests: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => format!("rest::query_has(query, {name:?}, Some({value:?}))"),
            None => format!("rest::query_has(query, {pair:?}, None)"),
        })
        .collect();
    if tests.is_empty() { String::new() } else { format!(" if {}", tests.join(" && ")) }
}

fn query(service: &Service, out: &mut String) {
    let _ = writeln!(
        out,
        "static PROTOCOL: Query = Query {{ namespace: {:?}, validation: {:?} }};\n",
        service.model.metadata.xml_namespace.as_deref().unwrap_or_default(),
        service.overrides.validation()
    );
    let _ = writeln!(
        out,
        "async fn answer<S: {}>(service: &S, cx: &Cx, request: &Request) -> Result<Bytes, Failure> {{\n\
         let parameters = Parameters::new(request);\n\
         let name = PROTOCOL.operation(&parameters)?;\n\
         let op = Op::from_name(&name).ok_or_else(|| PROTOCOL.unknown(&name, &parameters))?;\nmatch op {{",
        service.trait_name
    );
    for operation in service.typed() {
        let method = names::field(&operation.name);
        let _ = writeln!(
            out,
            "Op::{0} => PROTOCOL.output({0:?}, &service.{method}(cx, PROTOCOL.input(&parameters)?).await?),",
            operation.name
        );
    }
    other(service, out);
    out.push_str("}\n}\n");
}
