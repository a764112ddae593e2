//! Schemas of a definition as models, and models as schemas of a definition: what draft 4 does not know stays behind, and
//! references lead to where the others are.

use crate::json::Json;
use crate::rest::openapi::document::Version;
use crate::schema::model_reference;

/// What draft 4 knows.
const KEYWORDS: [&str; 33] = [
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "definitions",
    "dependencies",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "id",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "required",
    "title",
    "type",
];

/// The name of a model for a schema's: letters and digits.
pub(super) fn model_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A schema as a model has it; `base` is the URL that the models' names follow.
pub(super) fn to_model(schema: &Json<'_>, version: Version, base: &str) -> Json<'static> {
    let Some(members) = schema.as_object() else { return schema.clone().into_owned() };
    let kept = members.iter().filter(|(name, value)| {
        KEYWORDS.contains(&&**name) && !(name == "required" && is_empty(value)) && name != "id"
    });
    let members = kept.map(|(name, value)| {
        let value = match (&**name, value) {
            ("$ref", Json::String(reference)) => match reference.strip_prefix(version.schemas()) {
                Some(target) => Json::text(format!("{base}{}", model_name(target))),
                None => Json::text(&**reference),
            },
            ("properties" | "patternProperties" | "definitions", Json::Object(inner)) => Json::Object(
                inner
                    .iter()
                    .map(|(name, value)| (name.to_string().into(), to_model(value, version, base)))
                    .collect(),
            ),
            ("items" | "not" | "additionalProperties" | "additionalItems", Json::Object(_)) => {
                to_model(value, version, base)
            }
            ("allOf" | "anyOf" | "oneOf" | "items", Json::Array(all)) => {
                Json::Array(all.iter().map(|one| to_model(one, version, base)).collect())
            }
            _ => value.clone().into_owned(),
        };
        (name.to_string().into(), value)
    });
    Json::Object(members.collect())
}

fn is_empty(value: &Json<'_>) -> bool {
    value.as_array().is_some_and(<[Json<'_>]>::is_empty)
}

/// A model as a schema of a definition.
pub(super) fn from_model(schema: &Json<'_>, version: Version) -> Json<'static> {
    match schema {
        Json::Array(all) => Json::Array(all.iter().map(|one| from_model(one, version)).collect()),
        Json::Object(members) => {
            let kept = members.iter().filter(|(name, _)| name != "$schema");
            let members = kept.map(|(name, value)| {
                let model = value.as_str().filter(|_| name == "$ref").and_then(model_reference);
                let value = match model {
                    Some((model, _)) => Json::text(format!("{}{model}", version.schemas())),
                    None => from_model(value, version),
                };
                (name.to_string().into(), value)
            });
            Json::Object(members.collect())
        }
        other => other.clone().into_owned(),
    }
}
