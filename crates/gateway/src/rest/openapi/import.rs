//! An API out of a definition: merged with what there is, or in its place. What the definition says and an API cannot
//! have is an error; what is lost without harm is a warning.

use std::collections::BTreeMap;

use api::apigateway::GatewayResponseType;
use base::random_alphanumeric;

use crate::error::{GatewayError, Result};
use crate::json::Json;
use crate::rest::copy::Placed;
use crate::rest::definition::{Definition, Parts};
use crate::rest::gateway_response::GatewayResponseRecord;
use crate::rest::method::check_response;
use crate::rest::model::{self, ModelRecord};
use crate::rest::openapi::complaints::Complaints;
use crate::rest::openapi::document::{Document, entries, text, text_of, texts};
use crate::rest::openapi::operation::{self, ModelSet};
use crate::rest::openapi::security::{self, Scheme};
use crate::rest::openapi::{documentation, integration};
use crate::rest::records::{ApiRecord, MethodRecord, Tree};
use crate::rest::request_validator::RequestValidatorRecord;

const VALIDATORS: &str = "x-amazon-apigateway-request-validators";
pub(super) const VALIDATOR: &str = "x-amazon-apigateway-request-validator";

/// What is done with a definition.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ImportOptions<'o> {
    /// In place of what there is.
    pub(crate) overwrite: bool,
    pub(crate) parameters: Option<&'o BTreeMap<String, String>>,
}

impl<'o> ImportOptions<'o> {
    fn parameter(&self, name: &str) -> Option<&'o str> {
        self.parameters?.get(name).map(String::as_str)
    }
}

/// The API that `known` becomes by a definition, and what was warned of.
pub(crate) fn import(
    known: Definition,
    document: &Document,
    options: ImportOptions<'_>,
) -> Result<(Definition, Vec<String>)> {
    let mut definition = if options.overwrite { Definition::empty(known.api) } else { known };
    let mut complaints = Complaints::default();
    settings(&mut definition.api, document, options)?;
    let base = model::url(&definition.api, "");
    let mut models = ModelSet { document, base, models: Vec::new() };
    for (name, json) in document.schemas() {
        models.add(name, json);
    }
    let schemes = security::read(document);
    validators(&mut definition.parts, document);
    authorizers(&mut definition.parts, &schemes, &mut complaints);
    gateway_responses(&mut definition.parts, document, &mut complaints);
    methods(&mut definition, &mut models, &schemes, options, &mut complaints);
    add_models(&mut definition.parts, models.models, &mut complaints);
    check_methods(&mut definition, &mut complaints);
    if options.parameter("ignore") != Some("documentation")
        && document.json.get(documentation::EXTENSION).is_some()
    {
        let (parts, warnings) = documentation::read(&document.json)?;
        documentation::merge(&mut definition.documentation, parts);
        complaints.warnings.extend(warnings);
    }
    definition.api.check()?;
    Ok((definition, complaints.finish()?))
}

/// What a definition says of the API itself.
fn settings(api: &mut ApiRecord, document: &Document, options: ImportOptions<'_>) -> Result<()> {
    if let Some(name) = document.text("/info/title").filter(|name| !name.is_empty()) {
        api.name = name;
    }
    if let Some(version) = document.json.pointer("/info/version") {
        api.version = Some(text_of(version));
    }
    api.description = document.text("/info/description").or(api.description.take());
    if let Some(types) = document.extension("x-amazon-apigateway-binary-media-types") {
        api.binary_media_types = texts(Some(types));
    }
    if let Some(source) = document.extension("x-amazon-apigateway-api-key-source").and_then(Json::as_str) {
        api.api_key_source = source.to_ascii_uppercase();
    }
    if let Some(Json::Number(size)) = document.extension("x-amazon-apigateway-minimum-compression-size") {
        let bad = |_| GatewayError::bad_request(format!("Invalid minimum compression size, got {size}"));
        api.minimum_compression_size = Some(size.parse().map_err(bad)?);
    }
    if let Some(policy) = document.extension("x-amazon-apigateway-policy") {
        api.policy = Some(text_of(policy)).filter(|policy| !policy.is_empty());
    }
    if let Some(endpoint) = document.extension("x-amazon-apigateway-endpoint-configuration") {
        let disabled = endpoint.get("disableExecuteApiEndpoint").and_then(Json::as_bool);
        api.disable_execute_api_endpoint = disabled.unwrap_or(api.disable_execute_api_endpoint);
        if endpoint.get("vpcEndpointIds").is_some() {
            api.vpc_endpoint_ids = texts(endpoint.get("vpcEndpointIds"));
        }
        let types = texts(endpoint.get("types"));
        if !types.is_empty() {
            api.endpoint_types = types;
        }
    }
    if let Some(types) = options.parameter("endpointConfigurationTypes") {
        api.endpoint_types = types.split(',').map(|kind| kind.trim().to_owned()).collect();
    }
    Ok(())
}

fn validators(parts: &mut Parts, document: &Document) {
    let given = document.json.get(VALIDATORS).and_then(Json::as_object).unwrap_or_default();
    for (name, json) in given {
        let asks = |what: &str| json.get(what).and_then(Json::as_bool).unwrap_or_default();
        let (body, parameters) = (asks("validateRequestBody"), asks("validateRequestParameters"));
        let known = parts.validators.iter().position(|known| known.name.as_deref() == Some(name));
        let at = known.unwrap_or_else(|| {
            let id = random_alphanumeric(6);
            let name = Some(name.to_string());
            parts.validators.push(RequestValidatorRecord { id, name, ..RequestValidatorRecord::default() });
            parts.validators.len() - 1
        });
        parts.validators[at].validates_body = body;
        parts.validators[at].validates_parameters = parameters;
    }
}

fn authorizers(parts: &mut Parts, schemes: &[(String, Scheme)], complaints: &mut Complaints) {
    for (name, scheme) in schemes {
        let Scheme::Authorizer(new) = scheme else { continue };
        complaints.hear(|| format!("Unable to create authorizer '{name}'"), new.check());
        match parts.authorizers.iter_mut().find(|known| known.name == *name) {
            Some(known) => {
                let id = known.id.clone();
                known.clone_from(&**new);
                known.id = id;
            }
            None => parts.authorizers.push((**new).clone()),
        }
    }
}

fn gateway_responses(parts: &mut Parts, document: &Document, complaints: &mut Complaints) {
    let given = document.json.get("x-amazon-apigateway-gateway-responses").and_then(Json::as_object);
    for (name, json) in given.unwrap_or_default() {
        let Ok(kind) = name.parse::<GatewayResponseType>() else {
            let none = Err::<(), _>(GatewayError::bad_request("there is no such type"));
            complaints.hear(|| format!("Unable to put gateway response '{name}'"), none);
            continue;
        };
        let mut record = GatewayResponseRecord::of(kind);
        record.status_code = json.get("statusCode").map(text_of).filter(|code| !code.is_empty());
        record.parameters = entries(json, "responseParameters");
        let templates = entries(json, "responseTemplates");
        if !templates.is_empty() {
            record.templates = templates;
        }
        complaints.hear(|| format!("Unable to put gateway response '{name}'"), record.check());
        parts.gateway_responses.retain(|known| known.kind != record.kind);
        parts.gateway_responses.push(record);
    }
}

fn add_models(parts: &mut Parts, models: Vec<ModelRecord>, complaints: &mut Complaints) {
    for mut model in models {
        if let Some(at) = parts.models.iter().position(|known| known.name == model.name) {
            let known = parts.models.swap_remove(at);
            if !known.gone {
                model.id = known.id;
            }
        }
        parts.models.push(model);
    }
    for model in parts.models.iter().filter(|model| !model.gone) {
        let checked = model.check().and_then(|()| parts.check_references(model));
        complaints.hear(|| format!("Unable to create model '{}'", model.name), checked);
    }
}

/// The paths and operations.
fn methods(
    definition: &mut Definition,
    models: &mut ModelSet<'_>,
    schemes: &[(String, Scheme)],
    options: ImportOptions<'_>,
    complaints: &mut Complaints,
) {
    let document = models.document;
    let prefix = match options.parameter("basepath") {
        Some("prepend") => document.base_path(),
        // All but the first part of it.
        Some("split") => {
            let base = document.base_path();
            base.trim_start_matches('/').split_once('/').map_or(String::new(), |(_, rest)| format!("/{rest}"))
        }
        _ => String::new(),
    };
    for (path, item) in document.members("/paths").iter().filter(|(path, _)| path.starts_with('/')) {
        let path = format!("{prefix}{path}");
        let resource = match place(&mut definition.tree, &path) {
            Ok(resource) => resource,
            Err(error) => {
                complaints
                    .hear(|| format!("Unable to create resource at path '{path}'"), Err::<(), _>(error));
                continue;
            }
        };
        let item = document.resolve(item);
        for (key, json) in item.as_object().unwrap_or_default() {
            let Some(http_method) = operation::http_method(key) else { continue };
            let mut method = operation::read(models, item, json);
            http_method.clone_into(&mut method.http_method);
            method.request_validator_id = validator(&definition.parts, document, json);
            let security = json.get("security").or_else(|| document.json.get("security"));
            security::apply(&mut method, security, schemes, &definition.parts.authorizers);
            if json.pointer("/x-amazon-apigateway-auth/type").and_then(Json::as_str) == Some("AWS_IAM") {
                "AWS_IAM".clone_into(&mut method.authorization_type);
            }
            method.integration =
                json.get(integration::EXTENSION).map(|json| integration::read(json, &resource));
            put(definition, &resource, method);
        }
    }
}

/// The id of the validator that an operation, or the whole definition, names.
fn validator(parts: &Parts, document: &Document, json: &Json<'static>) -> Option<String> {
    let name = text(json, VALIDATOR).or_else(|| text(&document.json, VALIDATOR))?;
    let found = parts.validators.iter().find(|validator| validator.name.as_ref() == Some(&name));
    // A name without a validator is refused as an id would be.
    Some(found.map_or(name, |validator| validator.id.clone()))
}

/// The resource at a path, which is made with all above it if it is not there.
fn place(tree: &mut Tree, path: &str) -> Result<String> {
    let root = tree.resources.iter().find(|(_, node)| node.parent.is_none()).map(|(id, _)| id.clone());
    let mut at = root.ok_or_else(GatewayError::no_resource)?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let is_child =
            |node: &&crate::rest::records::TreeNode| node.parent.as_ref() == Some(&at) && node.part == part;
        let known = tree.resources.iter().find(|(_, node)| is_child(node)).map(|(id, _)| id.clone());
        at = match known {
            Some(id) => id,
            None => {
                let id = random_alphanumeric(6);
                tree.insert(&id, &at, part)?;
                id
            }
        };
    }
    Ok(at)
}

fn put(definition: &mut Definition, resource: &str, method: MethodRecord) {
    if let Some(node) = definition.tree.resources.get_mut(resource)
        && !node.methods.contains(&method.http_method)
    {
        node.methods.push(method.http_method.clone());
        node.methods.sort_unstable();
    }
    let same = |(owner, known): &Placed| owner == resource && known.http_method == method.http_method;
    match definition.methods.iter().position(same) {
        Some(at) => definition.methods[at].1 = method,
        None => definition.methods.push((resource.to_owned(), method)),
    }
}

/// By the rules of the operations that would have made them one by one.
fn check_methods(definition: &mut Definition, complaints: &mut Complaints) {
    let Definition { api, tree, methods, parts, .. } = definition;
    for (resource, method) in methods {
        let path = tree.path(resource);
        let name = method.http_method.clone();
        let settled = method.check(parts).and_then(|()| method.settle_authorizer(&parts.authorizers));
        complaints.hear(|| format!("Unable to put method '{name}' on resource at path '{path}'"), settled);
        for response in method.responses.values() {
            let what = || format!("Unable to put method response on '{name}' for resource at path '{path}'");
            complaints.hear(what, check_response(response, parts));
        }
        let Some(integration) = &method.integration else { continue };
        let what = || format!("Unable to put integration on '{name}' for resource at path '{path}'");
        let checked = integration.check_kind().and_then(|()| integration.check(method));
        complaints.hear(what, checked.and_then(|()| integration.check_timeout(api)));
        for response in integration.responses.values() {
            let what =
                || format!("Unable to put integration response on '{name}' for resource at path '{path}'");
            complaints.hear(what, response.check(method));
        }
    }
}
