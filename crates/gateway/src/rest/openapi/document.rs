//! A definition, and where its version says things: what OpenAPI 2.0 has at its root 3.0 has among its components.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::{GatewayError, Result};
use crate::json::Json;

/// How many references are followed one behind the other.
const REFERENCES_MAX: usize = 16;
/// Paths, schemas, ... of a definition, of each kind: AWS's quotas for an API are far below it.
const SECTION_MAX: usize = 1000;
/// What is counted so, and all that a reference leads into.
const SECTIONS: [&str; 13] = [
    "/paths",
    "/parameters",
    "/responses",
    "/definitions",
    "/securityDefinitions",
    "/components/parameters",
    "/components/responses",
    "/components/requestBodies",
    "/components/schemas",
    "/components/securitySchemes",
    "/components/x-amazon-apigateway-integrations",
    "/x-amazon-apigateway-request-validators",
    "/x-amazon-apigateway-gateway-responses",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Swagger2,
    OpenApi3,
}

impl Version {
    /// Where the schemas are, as references name it.
    pub(crate) fn schemas(self) -> &'static str {
        match self {
            Self::Swagger2 => "#/definitions/",
            Self::OpenApi3 => "#/components/schemas/",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) json: Json<'static>,
    pub(crate) version: Version,
}

/// Name and value.
pub(crate) type Member = (Cow<'static, str>, Json<'static>);

impl Document {
    pub(crate) fn new(json: Json<'static>) -> Result<Self> {
        let begins = |name: &str, number: &str| match json.get(name) {
            Some(Json::String(text)) => text.starts_with(number),
            Some(Json::Number(text)) => text.starts_with(number),
            _ => false,
        };
        let version = match (begins("swagger", "2"), begins("openapi", "3")) {
            (true, _) => Version::Swagger2,
            (_, true) => Version::OpenApi3,
            _ => return Err(GatewayError::bad_request("Invalid OpenAPI input.")),
        };
        let document = Self { json, version };
        match SECTIONS.iter().find(|section| document.members(section).len() > SECTION_MAX) {
            Some(section) => Err(GatewayError::bad_request(format!(
                "The definition has more than {SECTION_MAX} members in {section}"
            ))),
            None => Ok(document),
        }
    }

    /// What a value with a reference into the definition stands for.
    pub(crate) fn resolve<'d>(&'d self, mut json: &'d Json<'static>) -> &'d Json<'static> {
        for _ in 0..REFERENCES_MAX {
            let reference = json.get("$ref").and_then(Json::as_str);
            let pointer = reference.and_then(|text| text.strip_prefix('#'));
            let known = pointer.filter(|text| SECTIONS.iter().any(|section| text.starts_with(section)));
            let Some(found) = known.and_then(|text| self.json.pointer(text)) else { break };
            json = found;
        }
        json
    }

    pub(crate) fn text(&self, pointer: &str) -> Option<String> {
        self.json.pointer(pointer).and_then(Json::as_str).map(str::to_owned)
    }

    pub(crate) fn members(&self, pointer: &str) -> &[Member] {
        self.json.pointer(pointer).and_then(Json::as_object).unwrap_or_default()
    }

    pub(crate) fn schemas(&self) -> &[Member] {
        match self.version {
            Version::Swagger2 => self.members("/definitions"),
            Version::OpenApi3 => self.members("/components/schemas"),
        }
    }

    pub(crate) fn security_schemes(&self) -> &[Member] {
        match self.version {
            Version::Swagger2 => self.members("/securityDefinitions"),
            Version::OpenApi3 => self.members("/components/securitySchemes"),
        }
    }

    /// Without a slash at its end; empty where there is none.
    pub(crate) fn base_path(&self) -> String {
        let path = match self.version {
            Version::Swagger2 => self.text("/basePath").unwrap_or_default(),
            Version::OpenApi3 => self.server_path(),
        };
        path.trim_end_matches('/').to_owned()
    }

    /// The path in the first server's URL, with the defaults of its variables.
    fn server_path(&self) -> String {
        let mut url = self.text("/servers/0/url").unwrap_or_default();
        for (name, variable) in self.members("/servers/0/variables") {
            let default = variable.get("default").and_then(Json::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default.trim_start_matches('/'));
        }
        let rest = url.split_once("://").map_or(&*url, |(_, rest)| rest);
        match (url.contains("://"), rest.find('/')) {
            (_, Some(at)) => rest.get(at..).unwrap_or_default().to_owned(),
            (true, None) => String::new(),
            (false, None) => rest.to_owned(),
        }
    }

    /// An extension of the definition, which 3.0 also has in its first server.
    pub(crate) fn extension(&self, name: &str) -> Option<&Json<'static>> {
        let of_server = || self.json.pointer("/servers/0").and_then(|server| server.get(name));
        self.json.get(name).or_else(of_server)
    }
}

/// Texts of an array.
pub(crate) fn texts(json: Option<&Json<'_>>) -> Vec<String> {
    let elements = json.and_then(Json::as_array).unwrap_or_default();
    elements.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// A text member.
pub(crate) fn text(json: &Json<'_>, name: &str) -> Option<String> {
    json.get(name).and_then(Json::as_str).map(str::to_owned)
}

/// What stands for a text in templates and parameters: structures as their text.
pub(crate) fn text_of(json: &Json<'_>) -> String {
    match json {
        Json::String(text) => text.to_string(),
        other => other.to_text(),
    }
}

/// The texts of a member's members.
pub(crate) fn entries(json: &Json<'static>, name: &str) -> BTreeMap<String, String> {
    let members = json.get(name).and_then(Json::as_object).unwrap_or_default();
    members.iter().map(|(name, value)| (name.to_string(), text_of(value))).collect()
}

/// A whole number, written as one or as a text.
pub(crate) fn whole(json: &Json<'_>) -> Option<i32> {
    match json {
        Json::Number(digits) => digits.parse().ok(),
        Json::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// An object out of what there is.
pub(crate) fn object(members: Vec<(&str, Option<Json<'static>>)>) -> Json<'static> {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned().into(), value?)));
    Json::Object(members.collect())
}

/// An object of texts; none if there are none.
pub(crate) fn map<'m>(entries: impl Iterator<Item = (&'m String, &'m String)>) -> Option<Json<'static>> {
    let members: Vec<Member> =
        entries.map(|(name, value)| (name.clone().into(), Json::text(value))).collect();
    (!members.is_empty()).then_some(Json::Object(members))
}

/// A list of texts; none if there are none.
pub(crate) fn list(texts: &[String]) -> Option<Json<'static>> {
    (!texts.is_empty()).then(|| Json::Array(texts.iter().map(Json::text).collect()))
}

pub(crate) fn number(number: impl std::fmt::Display) -> Json<'static> {
    Json::Number(number.to_string().into())
}
