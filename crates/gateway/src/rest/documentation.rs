//! Documentation parts: what is written of an API and where it belongs, by AWS's rules. Pure; knows no store.

use minicbor::{Decode, Encode};

use api::apigateway::{DocumentationPartLocation, DocumentationPartType};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::definition::Definition;
use crate::rest::model::ModelRecord;
use crate::rest::records::MethodRecord;
use crate::rest::rows::Record;

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct DocumentationPartRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) location: LocationRecord,
    /// JSON.
    #[n(2)]
    pub(crate) properties: String,
}

/// Where a part belongs. Of what its kind has, all is said: what was left out stands as AWS's default.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct LocationRecord {
    #[n(0)]
    pub(crate) kind: String,
    #[n(1)]
    pub(crate) path: Option<String>,
    #[n(2)]
    pub(crate) method: Option<String>,
    #[n(3)]
    pub(crate) status_code: Option<String>,
    #[n(4)]
    pub(crate) name: Option<String>,
}

impl Record for DocumentationPartRecord {}

impl Part for DocumentationPartRecord {
    const KIND: u8 = kind::DOCUMENTATION_PART;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(_: &str) -> GatewayError {
        GatewayError::NotFound("Invalid Documentation part identifier specified".into())
    }
}

impl DocumentationPartRecord {
    pub(crate) fn check(&self) -> Result<()> {
        if self.properties.is_empty() {
            return Err(GatewayError::bad_request("Documentation part properties must be non-empty"));
        }
        Ok(())
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["properties"]) => self.properties = patch.text(),
            (PatchVerb::Replace, _) => return Err(patch.none_of(&["/properties"])),
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    pub(crate) fn taken(&self) -> GatewayError {
        GatewayError::conflict(format!(
            "Documentation part already exists for the specified location: {}.",
            self.location.describe()
        ))
    }
}

/// Which of path, method, status code and name a kind of place has.
fn has(kind: DocumentationPartType) -> (bool, bool, bool, bool) {
    match kind {
        DocumentationPartType::Api => (false, false, false, false),
        DocumentationPartType::Authorizer | DocumentationPartType::Model => (false, false, false, true),
        DocumentationPartType::Resource => (true, false, false, false),
        DocumentationPartType::Method | DocumentationPartType::RequestBody => (true, true, false, false),
        DocumentationPartType::PathParameter
        | DocumentationPartType::QueryParameter
        | DocumentationPartType::RequestHeader => (true, true, false, true),
        DocumentationPartType::Response | DocumentationPartType::ResponseBody => (true, true, true, false),
        DocumentationPartType::ResponseHeader => (true, true, true, true),
    }
}

impl LocationRecord {
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/api/API_DocumentationPartLocation.html>
    pub(crate) fn new(location: DocumentationPartLocation) -> Result<Self> {
        let (path, method, status_code, name) = has(location.r#type);
        let take = |given: Option<String>, has: bool, default: Option<&str>| match (given, has) {
            (Some(_), false) => Err(()),
            (None, true) => Ok(default.map(str::to_owned)),
            (given, _) => Ok(given),
        };
        let kind = location.r#type.as_str();
        let refused = |field: &str| {
            GatewayError::bad_request(format!(
                "Invalid documentation part location: the field '{field}' is not valid for type '{kind}'"
            ))
        };
        let name = take(location.name, name, None).map_err(|()| refused("name"))?;
        if has(location.r#type).3 && name.as_deref().is_none_or(str::is_empty) {
            return Err(GatewayError::bad_request(format!(
                "Invalid documentation part location: the field 'name' is required for type '{kind}'"
            )));
        }
        Ok(Self {
            kind: kind.to_owned(),
            path: take(location.path, path, Some("/")).map_err(|()| refused("path"))?,
            method: take(location.method, method, Some("*")).map_err(|()| refused("method"))?,
            status_code: take(location.status_code, status_code, Some("*"))
                .map_err(|()| refused("statusCode"))?,
            name,
        })
    }

    /// Whether a part of this place tells of `place`: of the same, or of all methods or status codes among which it is.
    fn covers(&self, place: &Self) -> bool {
        let any = |own: &Option<String>, other: &Option<String>| own == other || own.as_deref() == Some("*");
        self.kind == place.kind
            && self.path == place.path
            && self.name == place.name
            && any(&self.method, &place.method)
            && any(&self.status_code, &place.status_code)
    }

    pub(crate) fn shown(self) -> DocumentationPartLocation {
        DocumentationPartLocation {
            r#type: self.kind.parse().unwrap_or_default(),
            path: self.path,
            method: self.method,
            status_code: self.status_code,
            name: self.name,
        }
    }

    /// `type 'METHOD', path '/pets', method '*'`
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("type '{}'", self.kind);
        let fields = [
            ("path", &self.path),
            ("method", &self.method),
            ("statusCode", &self.status_code),
            ("name", &self.name),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                text.push_str(&format!(", {field} '{value}'"));
            }
        }
        text
    }
}

/// Places of an API that no part tells of, in the order of their descriptions. Locations of methods in detail come with
/// what the method itself declares.
pub(crate) fn undocumented(definition: &Definition, models: &[ModelRecord]) -> Vec<LocationRecord> {
    let named = |kind: &str, name: &str| LocationRecord {
        kind: kind.to_owned(),
        name: Some(name.to_owned()),
        ..LocationRecord::default()
    };
    let mut places = vec![LocationRecord { kind: "API".to_owned(), ..LocationRecord::default() }];
    places.extend(definition.parts.authorizers.iter().map(|one| named("AUTHORIZER", &one.name)));
    places.extend(models.iter().map(|model| named("MODEL", &model.name)));
    for (path, id) in definition.tree.by_path() {
        let resource = LocationRecord { path: Some(path), ..LocationRecord::default() };
        let methods = definition.methods.iter().filter(|(owner, _)| owner == id);
        methods.for_each(|(_, method)| places_of_method(&resource, method, &mut places));
        places.push(LocationRecord { kind: "RESOURCE".to_owned(), ..resource });
    }
    places.retain(|place| !definition.documentation.iter().any(|part| part.location.covers(place)));
    places.sort_by_key(LocationRecord::describe);
    places
}

fn places_of_method(resource: &LocationRecord, method: &MethodRecord, places: &mut Vec<LocationRecord>) {
    let of = LocationRecord { method: Some(method.http_method.clone()), ..resource.clone() };
    let place = |kind: &str, status: Option<&str>, name: Option<&str>| LocationRecord {
        kind: kind.to_owned(),
        status_code: status.map(str::to_owned),
        name: name.map(str::to_owned),
        ..of.clone()
    };
    places.push(place("METHOD", None, None));
    for parameter in method.request_parameters.keys() {
        let Some((kind, name)) =
            parameter.strip_prefix("method.request.").and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let kind = match kind {
            "path" => "PATH_PARAMETER",
            "header" | "multivalueheader" => "REQUEST_HEADER",
            _ => "QUERY_PARAMETER",
        };
        places.push(place(kind, None, Some(name)));
    }
    if !method.request_models.is_empty() {
        places.push(place("REQUEST_BODY", None, None));
    }
    for (status, response) in &method.responses {
        places.push(place("RESPONSE", Some(status), None));
        if !response.response_models.is_empty() {
            places.push(place("RESPONSE_BODY", Some(status), None));
        }
        for parameter in response.response_parameters.keys() {
            let name = parameter.strip_prefix("method.response.header.");
            places.extend(name.map(|name| place("RESPONSE_HEADER", Some(status), Some(name))));
        }
    }
}
