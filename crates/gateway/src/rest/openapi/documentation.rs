//! Documentation parts in an API definition: the extension `x-amazon-apigateway-documentation`.

use api::apigateway::DocumentationPartLocation;
use base::random_alphanumeric;

use crate::error::{GatewayError, Result};
use crate::json::Json;
use crate::rest::documentation::{DocumentationPartRecord, LocationRecord};
use crate::rest::documentation_version::DocumentationVersionRecord;
use crate::rest::openapi::document::object;
use crate::rest::openapi::export;
use crate::schema::SCHEMA_BOUNDS;

/// AWS's quota of an API.
const PARTS_MAX: usize = 2000;
pub(crate) const EXTENSION: &str = "x-amazon-apigateway-documentation";

/// The parts of a definition, and what is wrong with those that are none.
pub(crate) fn read(definition: &Json<'_>) -> Result<(Vec<DocumentationPartRecord>, Vec<String>)> {
    let section = definition.get(EXTENSION).unwrap_or(definition);
    let given = section.get("documentationParts").and_then(Json::as_array).unwrap_or_default();
    if given.len() > PARTS_MAX {
        return Err(GatewayError::limit(format!(
            "Maximum number of documentation parts exceeded: {PARTS_MAX}"
        )));
    }
    let (mut parts, mut warnings): (Vec<DocumentationPartRecord>, _) = (Vec::new(), Vec::new());
    for (at, json) in given.iter().enumerate() {
        match part(json) {
            Ok(part) if parts.iter().any(|known| known.location == part.location) => {
                warnings.push(format!("Documentation part {at}: {}", part.taken()));
            }
            Ok(part) => parts.push(part),
            Err(error) => warnings.push(format!("Documentation part {at}: {error}")),
        }
    }
    Ok((parts, warnings))
}

fn part(json: &Json<'_>) -> Result<DocumentationPartRecord> {
    let location = json.get("location");
    let field = |name: &str| {
        let value = location.and_then(|location| location.get(name));
        value.and_then(Json::as_str).map(str::to_owned)
    };
    let bad = || GatewayError::bad_request("Invalid documentation part location: there is no known type");
    let kind = field("type").and_then(|kind| kind.parse().ok()).ok_or_else(bad)?;
    let location = LocationRecord::new(DocumentationPartLocation {
        r#type: kind,
        path: field("path"),
        method: field("method"),
        status_code: field("statusCode"),
        name: field("name"),
    })?;
    let properties = match json.get("properties") {
        Some(Json::String(text)) => text.to_string(),
        Some(value) => value.to_text(),
        None => String::new(),
    };
    let part = DocumentationPartRecord { id: random_alphanumeric(6), location, properties };
    part.check()?;
    Ok(part)
}

/// New parts among those there are: what belongs to the same place takes its place and its id.
pub(crate) fn merge(
    known: &mut Vec<DocumentationPartRecord>,
    new: Vec<DocumentationPartRecord>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for part in new {
        match known.iter_mut().find(|known| known.location == part.location) {
            Some(old) => {
                old.properties = part.properties;
                ids.push(old.id.clone());
            }
            None => {
                ids.push(part.id.clone());
                known.push(part);
            }
        }
    }
    ids
}

/// The extension for a version.
pub(super) fn write(version: &DocumentationVersionRecord) -> Json<'static> {
    let text = |value: &Option<String>| value.as_ref().map(Json::text);
    let parts = version.parts.iter().map(|part| {
        let location = object(vec![
            ("type", Some(Json::text(&part.location.kind))),
            ("path", text(&part.location.path)),
            ("method", text(&part.location.method)),
            ("statusCode", text(&part.location.status_code)),
            ("name", text(&part.location.name)),
        ]);
        let properties = match Json::parse(part.properties.as_bytes(), SCHEMA_BOUNDS) {
            Ok(json) => json.into_owned(),
            Err(_) => Json::text(&part.properties),
        };
        object(vec![("location", Some(location)), ("properties", Some(properties))])
    });
    object(vec![
        ("version", Some(Json::text(&version.version))),
        ("createdDate", Some(Json::text(export::date(version.created_ms)))),
        ("documentationParts", Some(Json::Array(parts.collect()))),
    ])
}
