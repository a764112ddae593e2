//! A definition out of an HTTP API.

use crate::json::Json;
use crate::rest::openapi::document::{Member, list, number, object};
use crate::rest::openapi::export::date;
use crate::v2::openapi::import::{ANY_METHOD, CORS, DEFAULT_PATH, tags};
use crate::v2::openapi::{Definition, integration, security};
use crate::v2::records::{ApiRecord, CorsRecord};
use crate::v2::route::{DEFAULT_KEY, RouteRecord};

/// The only version of what is written.
pub(crate) const EXPORT_VERSION: &str = "1.0";

/// `server`: the URL of the API, or of the stage of it that is written.
pub(crate) fn export(of: &Definition, server: &str, with_extensions: bool) -> Json<'static> {
    let schemes = security::write(&of.authorizers, with_extensions);
    let schemes = (!schemes.is_empty()).then_some(Json::Object(schemes));
    let tags = tags(&of.api);
    let cors = of.api.cors.as_ref().filter(|_| with_extensions).map(cors);
    let mut members = vec![
        ("openapi", Some(Json::text("3.0.1"))),
        ("info", Some(info(&of.api))),
        ("servers", Some(Json::Array(vec![object(vec![("url", Some(Json::text(server)))])]))),
        ("tags", (!tags.is_empty()).then_some(Json::Array(tags))),
        ("paths", Some(paths(of, with_extensions))),
        ("components", schemes.map(|schemes| object(vec![("securitySchemes", Some(schemes))]))),
        (CORS, cors),
    ];
    if with_extensions {
        members.push(("x-amazon-apigateway-importexport-version", Some(Json::text(EXPORT_VERSION))));
    }
    object(members)
}

/// An API without a version has the time of its making for one.
fn info(api: &ApiRecord) -> Json<'static> {
    let version = api.version.clone().unwrap_or_else(|| date(api.created_ms));
    object(vec![
        ("title", Some(Json::text(&api.name))),
        ("description", api.description.as_ref().map(Json::text)),
        ("version", Some(Json::text(version))),
    ])
}

fn cors(cors: &CorsRecord) -> Json<'static> {
    let several = |texts: &Option<Vec<String>>| texts.as_deref().and_then(list);
    object(vec![
        ("allowMethods", several(&cors.allow_methods)),
        ("allowHeaders", several(&cors.allow_headers)),
        ("exposeHeaders", several(&cors.expose_headers)),
        ("maxAge", cors.max_age.map(number)),
        ("allowCredentials", cors.allow_credentials.map(Json::Bool)),
        ("allowOrigins", several(&cors.allow_origins)),
    ])
}

fn paths(of: &Definition, with_extensions: bool) -> Json<'static> {
    let mut paths: Vec<Member> = Vec::new();
    let mut routes: Vec<(&str, String, &RouteRecord)> = of.routes.iter().map(placed).collect();
    routes.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    for (path, member, route) in routes {
        let operation = (member.into(), operation(of, route, path, with_extensions));
        match paths.last_mut() {
            Some((known, Json::Object(operations))) if known == path => operations.push(operation),
            _ => paths.push((path.to_owned().into(), Json::Object(vec![operation]))),
        }
    }
    Json::Object(paths)
}

/// Path and member of a route's operation.
fn placed(route: &RouteRecord) -> (&str, String, &RouteRecord) {
    match route.key.split_once(' ') {
        Some(("ANY", path)) => (path, ANY_METHOD.to_owned(), route),
        Some((verb, path)) => (path, verb.to_ascii_lowercase(), route),
        None => (DEFAULT_PATH, ANY_METHOD.to_owned(), route),
    }
}

fn operation(of: &Definition, route: &RouteRecord, path: &str, with_extensions: bool) -> Json<'static> {
    let text = format!("Default response for {}", route.key);
    let response = object(vec![("description", Some(Json::text(text)))]);
    let integration = route.integration_id();
    let integration = integration.and_then(|id| of.integrations.iter().find(|known| known.id == id));
    let demand = security::demand(route, &of.authorizers);
    let demand = demand.filter(|(name, _)| with_extensions || !name.starts_with("x-"));
    let parameters = parameters(path);
    let mut members = vec![
        ("operationId", route.operation_name.as_ref().map(Json::text)),
        ("parameters", (!parameters.is_empty()).then_some(Json::Array(parameters))),
        ("responses", Some(object(vec![("default", Some(response))]))),
    ];
    members.extend(demand.map(|(name, json)| (name, Some(json))));
    if with_extensions {
        members.push(("isDefaultRoute", (route.key == DEFAULT_KEY).then_some(Json::Bool(true))));
        members.push((integration::EXTENSION, integration.map(integration::write)));
    }
    object(members)
}

/// The variables of a path, which OpenAPI demands to be declared.
fn parameters(path: &str) -> Vec<Json<'static>> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        object(vec![
            ("name", Some(Json::text(name))),
            ("in", Some(Json::text("path"))),
            ("description", Some(Json::text(format!("Generated path parameter for {name}")))),
            ("required", Some(Json::Bool(true))),
            ("schema", Some(object(vec![("type", Some(Json::text("string")))]))),
        ])
    };
    names.map(parameter).collect()
}
