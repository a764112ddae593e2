//! A method as an operation of a definition, read and written: its parameters, bodies and answers.

use std::collections::BTreeMap;

use crate::json::Json;
use crate::rest::model::ModelRecord;
use crate::rest::openapi::document::{Document, Member, Version, list, object, text, texts};
use crate::rest::openapi::schema;
use crate::rest::records::{MethodRecord, MethodResponseRecord};

pub(super) const ANY: &str = "x-amazon-apigateway-any-method";
pub(super) const JSON_TYPE: &str = "application/json";

/// The models that a definition makes: those it names, and those that stand within its operations.
#[derive(Debug)]
pub(super) struct ModelSet<'d> {
    pub(super) document: &'d Document,
    /// The URL that their names follow.
    pub(super) base: String,
    pub(super) models: Vec<ModelRecord>,
}

impl ModelSet<'_> {
    /// A model of this name for a schema.
    pub(super) fn add(&mut self, name: &str, json: &Json<'static>) {
        let model = schema::to_model(json, self.document.version, &self.base);
        let record = ModelRecord {
            name: schema::model_name(name),
            id: base::random_alphanumeric(6),
            description: text(json, "description"),
            schema: model.to_text(),
            content_type: JSON_TYPE.to_owned(),
            gone: false,
        };
        match self.models.iter_mut().find(|known| known.name == record.name) {
            Some(known) => *known = record,
            None => self.models.push(record),
        }
    }

    /// The name of a schema's model, which is made if it has none. The same schema has the same name.
    fn of(&mut self, json: &Json<'static>) -> String {
        let reference = json.get("$ref").and_then(Json::as_str);
        if let Some(name) = reference.and_then(|text| text.strip_prefix(self.document.version.schemas())) {
            return schema::model_name(name);
        }
        let hash = json.to_text().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let name = format!("MODEL{:06x}", hash & 0xff_ffff);
        self.add(&name, json);
        name
    }
}

/// Parameters, bodies and answers of an operation; `item` is what all operations of its path have.
pub(super) fn read(models: &mut ModelSet<'_>, item: &Json<'static>, json: &Json<'static>) -> MethodRecord {
    let document = models.document;
    let mut method = MethodRecord { operation_name: text(json, "operationId"), ..MethodRecord::default() };
    let consumes = media_types(document, json, "consumes");
    for of in [item, json] {
        for parameter in of.get("parameters").and_then(Json::as_array).unwrap_or_default() {
            let parameter = document.resolve(parameter);
            if parameter.get("in").and_then(Json::as_str) == Some("body") {
                if let Some(schema) = parameter.get("schema") {
                    let name = models.of(schema);
                    method.request_models =
                        consumes.iter().map(|kind| (kind.clone(), name.clone())).collect();
                }
            } else if let Some(name) = parameter_name(parameter) {
                let required = parameter.get("required").and_then(Json::as_bool).unwrap_or_default();
                method.request_parameters.insert(name, required);
            }
        }
    }
    if let Some(body) = json.get("requestBody").map(|body| document.resolve(body)) {
        method.request_models.extend(content(models, body));
    }
    let produces = media_types(document, json, "produces");
    for (status, response) in json.get("responses").and_then(Json::as_object).unwrap_or_default() {
        // A method has no answer for what it does not know.
        if status != "default" {
            let response = answer(models, status, document.resolve(response), &produces);
            method.responses.insert(status.to_string(), response);
        }
    }
    method
}

/// Of the operation, or of all, or JSON.
fn media_types(document: &Document, json: &Json<'static>, name: &str) -> Vec<String> {
    let given = texts(json.get(name).or_else(|| document.json.get(name)));
    if given.is_empty() { vec![JSON_TYPE.to_owned()] } else { given }
}

/// `method.request.querystring.page`
fn parameter_name(parameter: &Json<'static>) -> Option<String> {
    let name = text(parameter, "name")?;
    let is_list = parameter.get("collectionFormat").and_then(Json::as_str) == Some("multi")
        || parameter.get("explode").and_then(Json::as_bool) == Some(true);
    let place = match (parameter.get("in").and_then(Json::as_str)?, is_list) {
        ("query", false) => "querystring",
        ("query", true) => "multivaluequerystring",
        ("header", false) => "header",
        ("header", true) => "multivalueheader",
        ("path", _) => "path",
        _ => return None,
    };
    Some(format!("method.request.{place}.{name}"))
}

/// Models by media types.
fn content(models: &mut ModelSet<'_>, json: &Json<'static>) -> BTreeMap<String, String> {
    let given = json.get("content").and_then(Json::as_object).unwrap_or_default();
    let schemas = given.iter().filter_map(|(kind, content)| Some((kind.to_string(), content.get("schema")?)));
    schemas.map(|(kind, schema)| (kind, models.of(schema))).collect()
}

fn answer(
    models: &mut ModelSet<'_>,
    status: &str,
    json: &Json<'static>,
    produces: &[String],
) -> MethodResponseRecord {
    let mut response_models = content(models, json);
    if let Some(schema) = json.get("schema") {
        let name = models.of(schema);
        response_models.extend(produces.iter().map(|kind| (kind.clone(), name.clone())));
    }
    let headers = json.get("headers").and_then(Json::as_object).unwrap_or_default();
    let required =
        |header: &Json<'static>| header.get("required").and_then(Json::as_bool).unwrap_or_default();
    MethodResponseRecord {
        status_code: status.to_owned(),
        response_parameters: headers
            .iter()
            .map(|(name, header)| (format!("method.response.header.{name}"), required(header)))
            .collect(),
        response_models,
    }
}

/// The key of a method among the operations of its path.
pub(super) fn key(http_method: &str) -> String {
    if http_method == "ANY" { ANY.to_owned() } else { http_method.to_ascii_lowercase() }
}

/// The method of such a key; none for what is no operation.
pub(super) fn http_method(key: &str) -> Option<&'static str> {
    Some(match key {
        "get" => "GET",
        "put" => "PUT",
        "post" => "POST",
        "delete" => "DELETE",
        "options" => "OPTIONS",
        "head" => "HEAD",
        "patch" => "PATCH",
        ANY => "ANY",
        _ => return None,
    })
}

/// The members of an operation that are no extension.
pub(super) fn write(method: &MethodRecord, version: Version) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let mut put = |name: &'static str, value: Option<Json<'static>>| {
        members.extend(value.map(|value| (name.into(), value)));
    };
    put("operationId", method.operation_name.as_ref().map(Json::text));
    let mut parameters: Vec<Json<'static>> = method
        .request_parameters
        .iter()
        .filter_map(|(name, required)| parameter(name, *required, version))
        .collect();
    if version == Version::Swagger2 {
        let consumes: Vec<String> = method.request_models.keys().cloned().collect();
        let answers = method.responses.values().flat_map(|response| response.response_models.keys());
        let mut produces: Vec<String> = answers.cloned().collect();
        produces.sort_unstable();
        produces.dedup();
        put("consumes", list(&consumes));
        put("produces", list(&produces));
        // One body for all media types is all that this version can say.
        if let Some(model) = method.request_models.values().next() {
            parameters.push(object(vec![
                ("in", Some(Json::text("body"))),
                ("name", Some(Json::text(model))),
                ("required", Some(Json::Bool(true))),
                ("schema", Some(reference(model, version))),
            ]));
        }
    }
    put("parameters", (!parameters.is_empty()).then_some(Json::Array(parameters)));
    if version == Version::OpenApi3 && !method.request_models.is_empty() {
        let body =
            vec![("content", Some(contents(&method.request_models))), ("required", Some(Json::Bool(true)))];
        put("requestBody", Some(object(body)));
    }
    let answers =
        method.responses.iter().map(|(status, response)| (status.clone().into(), shown(response, version)));
    put("responses", Some(Json::Object(answers.collect())));
    members
}

fn reference(model: &str, version: Version) -> Json<'static> {
    object(vec![("$ref", Some(Json::text(format!("{}{model}", version.schemas()))))])
}

fn contents(models: &BTreeMap<String, String>) -> Json<'static> {
    let schema = |model: &String| object(vec![("schema", Some(reference(model, Version::OpenApi3)))]);
    Json::Object(models.iter().map(|(kind, model)| (kind.clone().into(), schema(model))).collect())
}

fn parameter(text: &str, required: bool, version: Version) -> Option<Json<'static>> {
    let (place, name) = text.strip_prefix("method.request.")?.split_once('.')?;
    let (place, is_list) = match place {
        "querystring" => ("query", false),
        "multivaluequerystring" => ("query", true),
        "multivalueheader" => ("header", true),
        other => (other, false),
    };
    let kind = if is_list { list_type() } else { vec![("type", Some(Json::text("string")))] };
    let mut members = vec![
        ("name", Some(Json::text(name))),
        ("in", Some(Json::text(place))),
        // Without it no definition is sound.
        ("required", (required || place == "path").then_some(Json::Bool(true))),
    ];
    match version {
        Version::Swagger2 => {
            members.extend(kind);
            members.push(("collectionFormat", is_list.then(|| Json::text("multi"))));
        }
        Version::OpenApi3 => {
            members.push(("explode", is_list.then_some(Json::Bool(true))));
            members.push(("schema", Some(object(kind))));
        }
    }
    Some(object(members))
}

fn list_type() -> Vec<(&'static str, Option<Json<'static>>)> {
    let items = object(vec![("type", Some(Json::text("string")))]);
    vec![("type", Some(Json::text("array"))), ("items", Some(items))]
}

fn shown(response: &MethodResponseRecord, version: Version) -> Json<'static> {
    let headers = response.response_parameters.iter().filter_map(|(name, required)| {
        let name = name.strip_prefix("method.response.header.")?.to_owned();
        let kind = || object(vec![("type", Some(Json::text("string")))]);
        let header = match version {
            Version::Swagger2 => kind(),
            Version::OpenApi3 => {
                object(vec![("required", required.then_some(Json::Bool(true))), ("schema", Some(kind()))])
            }
        };
        Some((name.into(), header))
    });
    let headers: Vec<Member> = headers.collect();
    let model = response.response_models.values().next().filter(|_| version == Version::Swagger2);
    let has_content = version == Version::OpenApi3 && !response.response_models.is_empty();
    object(vec![
        ("description", Some(Json::text(format!("{} response", response.status_code)))),
        ("schema", model.map(|model| reference(model, version))),
        ("headers", (!headers.is_empty()).then_some(Json::Object(headers))),
        ("content", has_content.then(|| contents(&response.response_models))),
    ])
}
