//! A definition out of a deployment, with the extensions that are asked for.

use std::collections::BTreeMap;

use crate::json::Json;
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::model::{self, ModelRecord};
use crate::rest::openapi::document::{Member, Version, list, map, number, object};
use crate::rest::openapi::import::VALIDATOR;
use crate::rest::openapi::{documentation, integration, operation, schema, security};
use crate::rest::records::{ApiRecord, MethodRecord, Snapshot};
use crate::rest::view;
use crate::schema::SCHEMA_BOUNDS;

/// What is written of API Gateway's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) integrations: bool,
    pub(crate) authorizers: bool,
    pub(crate) documentation: bool,
    pub(crate) validators: bool,
    pub(crate) gateway_responses: bool,
    /// Settings of the API itself.
    pub(crate) settings: bool,
}

impl Extensions {
    /// Of `integrations,authorizers`; none for a word that is none of them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut all = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "integrations" => all.integrations = true,
                "authorizers" => all.authorizers = true,
                "documentation" => all.documentation = true,
                "validators" => all.validators = true,
                "gatewayresponses" => all.gateway_responses = true,
                "apigateway" => {
                    all = Self {
                        integrations: true,
                        authorizers: true,
                        documentation: true,
                        validators: true,
                        gateway_responses: true,
                        settings: true,
                    };
                }
                // Definitions are what Postman reads without any.
                "postman" => {}
                _ => return None,
            }
        }
        Some(all)
    }
}

/// A stage's deployment and what is told of it.
#[derive(Debug)]
pub(crate) struct Deployed<'d> {
    pub(crate) api: &'d ApiRecord,
    pub(crate) stage: &'d str,
    pub(crate) snapshot: &'d Snapshot,
    pub(crate) documentation: Option<&'d DocumentationVersionRecord>,
}

pub(crate) fn export(of: &Deployed<'_>, version: Version, extensions: Extensions) -> Json<'static> {
    let methods: Vec<&MethodRecord> =
        of.snapshot.resources.iter().flat_map(|resource| &resource.methods).collect();
    let schemes = security::write(&methods, &of.snapshot.authorizers, extensions.authorizers);
    let models = models(of, version);
    let mut members: Vec<Member> = match version {
        Version::Swagger2 => vec![("swagger".into(), Json::text("2.0"))],
        Version::OpenApi3 => vec![("openapi".into(), Json::text("3.0.1"))],
    };
    members.push(("info".into(), info(of.api)));
    members.extend(place(of, version));
    members.push(("paths".into(), paths(of, version, extensions)));
    match version {
        Version::Swagger2 => {
            members.extend(filled("securityDefinitions", schemes));
            members.extend(filled("definitions", models));
        }
        Version::OpenApi3 => {
            let components = filled("schemas", models).into_iter().chain(filled("securitySchemes", schemes));
            members.extend(filled("components", components.collect()));
        }
    }
    members.extend(own(of, extensions));
    Json::Object(members)
}

fn filled(name: &'static str, members: Vec<Member>) -> Option<Member> {
    (!members.is_empty()).then(|| (name.into(), Json::Object(members)))
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

/// `2026-11-23T17:21:00Z`
pub(crate) fn date(ms: i64) -> String {
    let (year, month, day, hour, minute, second, _) = view::date(ms).civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Where the stage is on AWS.
fn place(of: &Deployed<'_>, version: Version) -> Vec<Member> {
    let host = format!("{}.execute-api.{}.amazonaws.com", of.api.id, of.api.region);
    match version {
        Version::Swagger2 => vec![
            ("host".into(), Json::text(host)),
            ("basePath".into(), Json::text(format!("/{}", of.stage))),
            ("schemes".into(), Json::Array(vec![Json::text("https")])),
        ],
        Version::OpenApi3 => {
            let default = object(vec![("default", Some(Json::text(of.stage)))]);
            let server = object(vec![
                ("url", Some(Json::text(format!("https://{host}/{{basePath}}")))),
                ("variables", Some(object(vec![("basePath", Some(default))]))),
            ]);
            vec![("servers".into(), Json::Array(vec![server]))]
        }
    }
}

fn paths(of: &Deployed<'_>, version: Version, extensions: Extensions) -> Json<'static> {
    let paths = of.snapshot.resources.iter().filter(|resource| !resource.methods.is_empty());
    let paths = paths.map(|resource| {
        let operations = resource.methods.iter().map(|method| {
            let mut members = operation::write(method, version);
            let mut put = |name: &'static str, value: Option<Json<'static>>| {
                members.extend(value.map(|value| (name.into(), value)));
            };
            put("security", security::demand(method, &of.snapshot.authorizers));
            if extensions.validators {
                put(VALIDATOR, validator_name(of, method).map(Json::text));
            }
            if extensions.integrations {
                let record = method.integration.as_ref();
                put(integration::EXTENSION, record.map(|record| integration::write(record, &resource.id)));
            }
            (operation::key(&method.http_method).into(), Json::Object(members))
        });
        (resource.path.clone().into(), Json::Object(operations.collect()))
    });
    Json::Object(paths.collect())
}

fn validator_name(of: &Deployed<'_>, method: &MethodRecord) -> Option<String> {
    let id = method.request_validator_id.as_ref()?;
    let all = of.snapshot.validators.as_deref().unwrap_or_default();
    let validator = all.iter().find(|validator| validator.id == *id)?;
    Some(validator.name.clone().unwrap_or_else(|| id.clone()))
}

/// Models of other media types than JSON's have no place in a definition.
fn models(of: &Deployed<'_>, version: Version) -> Vec<Member> {
    let all = model::all(of.snapshot.models.clone().unwrap_or_default(), of.api.row);
    let parsed = all.iter().filter_map(|model| {
        let json = Json::parse(model.schema.as_bytes(), SCHEMA_BOUNDS).ok()?;
        let mut schema = schema::from_model(&json, version);
        let is_default =
            ModelRecord::by_default(0, &model.name).is_some_and(|it| it.description == model.description);
        if let (Json::Object(members), Some(text), false) = (&mut schema, &model.description, is_default)
            && members.iter().all(|(name, _)| name != "description")
        {
            members.push(("description".into(), Json::text(text)));
        }
        Some((model.name.clone().into(), schema))
    });
    parsed.collect()
}

/// Extensions of the definition as a whole.
fn own(of: &Deployed<'_>, extensions: Extensions) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let mut put = |name: &'static str, value: Option<Json<'static>>| {
        members.extend(value.map(|value| (name.into(), value)));
    };
    if extensions.validators {
        let validators = of.snapshot.validators.as_deref().unwrap_or_default();
        let shown = validators.iter().map(|validator| {
            let name = validator.name.clone().unwrap_or_else(|| validator.id.clone());
            let inner = object(vec![
                ("validateRequestParameters", Some(Json::Bool(validator.validates_parameters))),
                ("validateRequestBody", Some(Json::Bool(validator.validates_body))),
            ]);
            (name.into(), inner)
        });
        let shown: BTreeMap<_, _> = shown.collect();
        let shown = (!shown.is_empty()).then(|| Json::Object(shown.into_iter().collect()));
        put("x-amazon-apigateway-request-validators", shown);
    }
    if extensions.gateway_responses {
        put("x-amazon-apigateway-gateway-responses", gateway_responses(of));
    }
    if extensions.documentation {
        put(documentation::EXTENSION, of.documentation.map(documentation::write));
    }
    if extensions.settings {
        let api = of.api;
        let source = Some(&api.api_key_source).filter(|source| *source != "HEADER");
        put("x-amazon-apigateway-api-key-source", source.map(Json::text));
        put("x-amazon-apigateway-binary-media-types", list(&of.snapshot.binary_media_types));
        put("x-amazon-apigateway-minimum-compression-size", of.snapshot.minimum_compression_size.map(number));
        let policy =
            of.snapshot.policy.as_ref().map(|text| match Json::parse(text.as_bytes(), SCHEMA_BOUNDS) {
                Ok(policy) => policy.into_owned(),
                Err(_) => Json::text(text),
            });
        put("x-amazon-apigateway-policy", policy);
        let disabled = of.snapshot.disable_execute_api_endpoint.then_some(Json::Bool(true));
        let own = disabled.is_some() || !api.vpc_endpoint_ids.is_empty();
        let endpoint = || {
            object(vec![
                ("disableExecuteApiEndpoint", disabled),
                ("vpcEndpointIds", list(&api.vpc_endpoint_ids)),
            ])
        };
        put("x-amazon-apigateway-endpoint-configuration", own.then(endpoint));
    }
    members
}

fn gateway_responses(of: &Deployed<'_>) -> Option<Json<'static>> {
    let all = of.snapshot.gateway_responses.as_deref().unwrap_or_default();
    let shown = all.iter().map(|response| {
        let inner = object(vec![
            ("statusCode", response.status_code.as_ref().map(Json::text)),
            ("responseParameters", map(response.parameters.iter())),
            ("responseTemplates", map(response.templates.iter())),
        ]);
        (response.kind.clone().into(), inner)
    });
    let shown: Vec<Member> = shown.collect();
    (!shown.is_empty()).then_some(Json::Object(shown))
}
