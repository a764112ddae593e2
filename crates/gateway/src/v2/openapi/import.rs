//! An HTTP API out of a definition. What the definition says and an API cannot have is an error; what is lost without
//! harm is a warning; what HTTP APIs do not have at all is told.

use std::collections::BTreeMap;

use crate::error::{GatewayError, Result};
use crate::json::Json;
use crate::rest::openapi::complaints::Complaints;
use crate::rest::openapi::document::{Document, Member, Version, text, text_of, texts, whole};
use crate::rest::rest_api::check_tags;
use crate::v2::openapi::integration;
use crate::v2::openapi::{Definition, security};
use crate::v2::records::{ApiRecord, CorsRecord};
use crate::v2::release;
use crate::v2::route::{DEFAULT_KEY, RouteRecord};

/// The path that stands for the route of all requests that no other takes.
pub(super) const DEFAULT_PATH: &str = "/$default";
pub(super) const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
pub(super) const CORS: &str = "x-amazon-apigateway-cors";
/// Of a tag: its value, where OpenAPI has but names.
pub(super) const TAG_VALUE: &str = "x-amazon-apigateway-tag-value";
const VERBS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// What becomes of the path in the first server's URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BasePath {
    #[default]
    Ignore,
    Prepend,
    /// All but its first part goes before the paths.
    Split,
}

impl BasePath {
    pub(crate) fn parse(text: Option<&str>) -> Result<Self> {
        match text.unwrap_or("ignore") {
            "ignore" => Ok(Self::Ignore),
            "prepend" => Ok(Self::Prepend),
            "split" => Ok(Self::Split),
            other => Err(GatewayError::bad_request(format!("Invalid basepath value specified: {other}"))),
        }
    }

    fn of(self, document: &Document) -> String {
        let base = document.base_path();
        match self {
            Self::Ignore => String::new(),
            Self::Prepend => base,
            Self::Split => {
                let rest = base.trim_start_matches('/').split_once('/');
                rest.map_or(String::new(), |(_, rest)| format!("/{rest}"))
            }
        }
    }
}

/// What was made of a definition.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) definition: Definition,
    /// What HTTP APIs do not have and the definition does.
    pub(crate) told: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// `api` has what the definition says nothing of.
pub(crate) fn import(api: ApiRecord, document: &Document, base_path: BasePath) -> Result<Imported> {
    if document.version != Version::OpenApi3 {
        return Err(GatewayError::bad_request("Invalid OpenAPI input: HTTP APIs are defined in OpenAPI 3.0"));
    }
    let mut complaints = Complaints::default();
    let mut definition = Definition { api, authorizers: security::read(document), ..Definition::default() };
    settings(&mut definition.api, document);
    for authorizer in &definition.authorizers {
        complaints
            .hear(|| format!("Unable to create authorizer '{}'", authorizer.name), authorizer.check(false));
    }
    let mut operations = Operations { document, shared: BTreeMap::new(), prefix: base_path.of(document) };
    for (path, item) in document.members("/paths").iter().filter(|(path, _)| path.starts_with('/')) {
        operations.read(&mut definition, path, document.resolve(item), &mut complaints);
    }
    check(&definition, &mut complaints);
    definition.api.check()?;
    check_tags(&definition.api.tags)?;
    let told = if document.schemas().is_empty() {
        Vec::new()
    } else {
        vec!["The schemas were left out: HTTP APIs have no models".to_owned()]
    };
    Ok(Imported { definition, told, warnings: complaints.finish()? })
}

fn settings(api: &mut ApiRecord, document: &Document) {
    if let Some(name) = document.text("/info/title") {
        api.name = name;
    }
    api.description = document.text("/info/description");
    api.version = document.json.pointer("/info/version").map(text_of);
    api.cors = document.json.get(CORS).map(cors);
    let endpoint = document.extension("x-amazon-apigateway-endpoint-configuration");
    if let Some(disabled) = endpoint.and_then(|endpoint| endpoint.get("disableExecuteApiEndpoint")) {
        api.disable_execute_api_endpoint = disabled.as_bool().unwrap_or_default();
    }
    let tags = document.json.get("tags").and_then(Json::as_array).unwrap_or_default();
    for tag in tags {
        if let (Some(name), Some(value)) = (text(tag, "name"), tag.get(TAG_VALUE)) {
            api.tags.insert(name, text_of(value));
        }
    }
}

fn cors(json: &Json<'static>) -> CorsRecord {
    let several = |name: &str| json.get(name).map(|list| texts(Some(list)));
    CorsRecord {
        allow_credentials: json.get("allowCredentials").and_then(Json::as_bool),
        allow_headers: several("allowHeaders"),
        allow_methods: several("allowMethods"),
        allow_origins: several("allowOrigins"),
        expose_headers: several("exposeHeaders"),
        max_age: json.get("maxAge").and_then(whole),
    }
}

/// Reads the operations of a definition one by one.
struct Operations<'d> {
    document: &'d Document,
    /// Ids of the integrations that several operations refer to, by what they refer to.
    shared: BTreeMap<String, String>,
    prefix: String,
}

impl Operations<'_> {
    fn read(
        &mut self,
        definition: &mut Definition,
        path: &str,
        item: &Json<'static>,
        complaints: &mut Complaints,
    ) {
        for (member, operation) in item.as_object().unwrap_or_default() {
            let Some(verb) = verb(member) else { continue };
            let key = if path == DEFAULT_PATH {
                DEFAULT_KEY.to_owned()
            } else {
                format!("{verb} {}{path}", self.prefix)
            };
            let mut route = RouteRecord {
                id: release::new_id(),
                key,
                authorization_type: "NONE".to_owned(),
                operation_name: text(operation, "operationId"),
                ..RouteRecord::default()
            };
            security::apply(&mut route, operation, self.document, &definition.authorizers);
            match operation.get(integration::EXTENSION) {
                Some(json) => {
                    route.target = Some(format!("integrations/{}", self.integration(definition, json)))
                }
                None => complaints.warnings.push(format!("No integration defined for route '{}'", route.key)),
            }
            for reference in self.lost(operation) {
                complaints.warnings.push(format!("Unable to resolve '{reference}' of route '{}'", route.key));
            }
            definition.routes.push(route);
        }
    }

    /// What an operation refers to and the definition does not have.
    fn lost<'o>(&self, operation: &'o Json<'static>) -> Vec<&'o str> {
        let (mut lost, mut left) = (Vec::new(), vec![operation]);
        while let Some(json) = left.pop() {
            match json {
                Json::Array(elements) => left.extend(elements),
                Json::Object(members) => left.extend(members.iter().map(|(_, value)| value)),
                _ => {}
            }
            let reference = json.get("$ref").and_then(Json::as_str);
            let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
            if pointer.is_some_and(|pointer| self.document.json.pointer(pointer).is_none()) {
                lost.extend(reference);
            }
        }
        lost
    }

    /// The id of an operation's integration, which is made unless another operation refers to it too.
    fn integration(&mut self, definition: &mut Definition, json: &Json<'static>) -> String {
        let reference = text(json, "$ref");
        if let Some(id) = reference.as_ref().and_then(|reference| self.shared.get(reference)) {
            return id.clone();
        }
        let id = release::new_id();
        definition.integrations.push(integration::read(id.clone(), self.document.resolve(json)));
        if let Some(reference) = reference {
            self.shared.insert(reference, id.clone());
        }
        id
    }
}

fn verb(member: &str) -> Option<String> {
    match member {
        ANY_METHOD => Some("ANY".to_owned()),
        _ => VERBS.contains(&member).then(|| member.to_ascii_uppercase()),
    }
}

/// By the rules of the operations that would have made the parts one by one.
fn check(definition: &Definition, complaints: &mut Complaints) {
    let mut integrations = BTreeMap::new();
    for integration in &definition.integrations {
        integrations.insert(integration.id.as_str(), integration);
    }
    let mut keys = std::collections::BTreeSet::new();
    for (count, route) in definition.routes.iter().enumerate() {
        let what = || format!("Unable to create route '{}'", route.key);
        complaints.hear(what, route.check(false).and_then(|()| release::check_count(count, "routes")));
        if !keys.insert(&route.key) {
            complaints.hear(what, Err::<(), _>(RouteRecord::taken(&route.key)));
        }
        if let Some(integration) = route.integration_id().and_then(|id| integrations.remove(id)) {
            complaints.hear(
                || format!("Unable to create integration for '{}'", route.key),
                integration.check(false),
            );
        }
    }
}

/// Tags as a definition has them.
pub(super) fn tags(api: &ApiRecord) -> Vec<Json<'static>> {
    let tag = |(name, value): (&String, &String)| {
        let members: Vec<Member> =
            vec![("name".into(), Json::text(name)), (TAG_VALUE.into(), Json::text(value))];
        Json::Object(members)
    };
    api.tags.iter().map(tag).collect()
}
