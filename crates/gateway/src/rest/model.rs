//! Models: what a body is to be like, as a JSON Schema, by AWS's rules; with the two that every API has without anybody
//! making them. Pure; knows no store.

use std::collections::{BTreeMap, HashSet};

use api::apigateway::Model;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::json::Json;
use crate::parts::{Part, kind};
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::ApiRecord;
use crate::rest::rows::Record;
use crate::schema::{self, SCHEMA_BOUNDS, model_reference};

/// AWS's quota of a model.
const SCHEMA_BYTES_MAX: usize = 400 << 10;
const EMPTY_SCHEMA: &str = "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty \
                            Schema\",\n  \"type\" : \"object\"\n}";
const ERROR_SCHEMA: &str = "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error \
                            Schema\",\n  \"type\" : \"object\",\n  \"properties\" : {\n    \"message\" : { \"type\" : \
                            \"string\" }\n  }\n}";

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ModelRecord {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) id: String,
    #[n(2)]
    pub(crate) description: Option<String>,
    #[n(3)]
    pub(crate) schema: String,
    #[n(4)]
    pub(crate) content_type: String,
    /// A model that an API has by itself, and that somebody deleted.
    #[n(5)]
    pub(crate) gone: bool,
}

impl Record for ModelRecord {}

impl Part for ModelRecord {
    const KIND: u8 = kind::MODEL;

    #[expect(clippy::misnamed_getters, reason = "models are named by their names; their ids are only shown")]
    fn id(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> GatewayError {
        GatewayError::NotFound(format!("Invalid model name specified: {name}"))
    }
}

impl ModelRecord {
    /// The model of this name that every API has, if there is one.
    pub(crate) fn by_default(api_row: u64, name: &str) -> Option<Self> {
        let (schema, description, salt) = match name {
            "Empty" => (EMPTY_SCHEMA, "This is a default empty schema model", 1),
            "Error" => (ERROR_SCHEMA, "This is a default error schema model", 2),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            id: short_id(api_row.wrapping_add(salt)),
            description: Some(description.to_owned()),
            schema: schema.to_owned(),
            content_type: "application/json".to_owned(),
            gone: false,
        })
    }

    /// What a row, or no row, of `name` means.
    pub(crate) fn current(found: Option<Self>, api_row: u64, name: &str) -> Option<Self> {
        match found {
            Some(model) => (!model.gone).then_some(model),
            None => Self::by_default(api_row, name),
        }
    }

    /// What is to be stored so that there is no model of `name`.
    pub(crate) fn tombstone(name: &str) -> Option<Self> {
        let default = Self::by_default(0, name)?;
        Some(Self { name: default.name, gone: true, ..Self::default() })
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(GatewayError::bad_request("Model name must be non-empty"));
        }
        if !self.name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(GatewayError::bad_request(format!("Model name must be alphanumeric: {}", self.name)));
        }
        if self.schema.is_empty() {
            return Err(GatewayError::bad_request(
                "Model schema must have at least 1 property or array items defined",
            ));
        }
        if self.schema.len() > SCHEMA_BYTES_MAX {
            return Err(GatewayError::bad_request(format!(
                "Model schema must not be larger than {SCHEMA_BYTES_MAX} bytes"
            )));
        }
        if !self.is_json() {
            return Ok(());
        }
        schema::syntax(&self.schema).map(drop).map_err(|fault| {
            let errors = [
                fault.schema.then_some("Invalid model schema specified"),
                fault.reference.then_some("Model reference must be in canonical form"),
            ];
            let errors: Vec<&str> = errors.into_iter().flatten().collect();
            GatewayError::bad_request(format!(
                "Invalid model specified: Validation Result: warnings : [], errors : [{}]",
                errors.join(", ")
            ))
        })
    }

    /// Models of other media types are kept as they are written.
    fn is_json(&self) -> bool {
        self.content_type.to_ascii_lowercase().contains("json")
    }

    /// The models that this one refers to.
    pub(crate) fn references(&self) -> HashSet<String> {
        schema::syntax(&self.schema).unwrap_or_default()
    }

    pub(crate) fn patch(&mut self, patch: &Patch) -> Result<()> {
        match (patch.verb, &patch.segments()[..]) {
            (PatchVerb::Replace, ["description"]) => self.description = patch.some_text(),
            (PatchVerb::Replace, ["schema"]) => self.schema = patch.text(),
            (PatchVerb::Replace, _) => return Err(patch.none_of(&["/description", "/schema"])),
            _ => return Err(patch.unsupported()),
        }
        Ok(())
    }

    pub(crate) fn shown(self) -> Model {
        Model {
            id: Some(self.id),
            name: Some(self.name),
            description: self.description,
            schema: Some(self.schema),
            content_type: Some(self.content_type),
        }
    }

    /// What was a model of one API becomes one of another.
    pub(crate) fn refer_to(&mut self, from: &ApiRecord, to: &ApiRecord) {
        self.schema = self.schema.replace(&url(from, ""), &url(to, ""));
    }

    /// The same with the models that it refers to in it.
    pub(crate) fn flattened(mut self, all: &[Self]) -> Self {
        let trees: BTreeMap<&str, Json<'_>> = all
            .iter()
            .filter_map(|model| {
                let json = Json::parse(model.schema.as_bytes(), SCHEMA_BOUNDS).ok()?;
                Some((model.name.as_str(), json))
            })
            .collect();
        let Some(own) = trees.get(self.name.as_str()) else { return self };
        let mut needed = Vec::new();
        let mut flat = inlined(own, &self.name, &mut needed);
        let mut definitions = Vec::new();
        let mut at = 0;
        while let Some(name) = needed.get(at).cloned() {
            if let Some(tree) = trees.get(name.as_str()) {
                definitions.push((name.clone().into(), inlined(tree, &self.name, &mut needed)));
            }
            at += 1;
        }
        if definitions.is_empty() {
            return self;
        }
        if let Json::Object(members) = &mut flat {
            match members.iter_mut().find(|(name, _)| name == "definitions") {
                Some((_, Json::Object(known))) => known.extend(definitions),
                _ => members.push(("definitions".into(), Json::Object(definitions))),
            }
        }
        self.schema = flat.to_text();
        self
    }
}

/// A schema whose references to other models lead to its definitions; names of those are added to `needed`.
fn inlined(json: &Json<'_>, whole: &str, needed: &mut Vec<String>) -> Json<'static> {
    match json {
        Json::Array(elements) => {
            Json::Array(elements.iter().map(|element| inlined(element, whole, needed)).collect())
        }
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let reference = value.as_str().filter(|_| name == "$ref").and_then(model_reference);
                let value = match reference {
                    Some((model, place)) if model == whole => Json::text(format!("#{place}")),
                    Some((model, place)) => {
                        if !needed.iter().any(|known| known == model) {
                            needed.push(model.to_owned());
                        }
                        Json::text(format!("#/definitions/{model}{place}"))
                    }
                    None => inlined(value, whole, needed),
                };
                (name.to_string().into(), value)
            });
            Json::Object(members.collect())
        }
        other => other.clone().into_owned(),
    }
}

/// All models of an API by their names, from the rows that there are.
pub(crate) fn all(mut rows: Vec<ModelRecord>, api_row: u64) -> Vec<ModelRecord> {
    for name in ["Empty", "Error"] {
        if !rows.iter().any(|row| row.name == name) {
            rows.extend(ModelRecord::by_default(api_row, name));
        }
    }
    rows.retain(|row| !row.gone);
    rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// `https://apigateway.amazonaws.com/restapis/a1b2c3/models/Pet`: what `$ref` names a model by.
pub(crate) fn url(api: &ApiRecord, name: &str) -> String {
    format!("https://apigateway.amazonaws.com/restapis/{}/models/{name}", api.id)
}

/// Six letters and digits, the same ones for the same number.
fn short_id(number: u64) -> String {
    let mut rest = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    let mut id = String::with_capacity(6);
    for _ in 0..6 {
        id.push(char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[usize::try_from(rest % 36).unwrap_or(0)]));
        rest /= 36;
    }
    id
}
