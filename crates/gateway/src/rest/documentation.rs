//! Documentation parts: what is written of an API and where it belongs, by AWS's rules. Pure; knows no store.

use minicbor::{Decode, Encode};

use api::apigateway::{DocumentationPartLocation, DocumentationPartType};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
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
    fn describe(&self) -> String {
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
