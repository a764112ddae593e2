//! Whether a text is a schema that AWS takes for a model: draft 4 to the letter, no keyword that draft 4 does not know,
//! and references that lead into the schema itself or to a model by its URL.

use std::collections::HashSet;

use super::{SCHEMA_BOUNDS, check, model_reference};
use crate::json::Json;

/// What is wrong with a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SyntaxFault {
    pub(crate) schema: bool,
    pub(crate) reference: bool,
}

/// The models that a schema refers to, or what is wrong with it.
pub(crate) fn syntax(text: &str) -> Result<HashSet<String>, SyntaxFault> {
    let Ok(json) = Json::parse(text.as_bytes(), SCHEMA_BOUNDS) else {
        return Err(SyntaxFault { schema: true, reference: false });
    };
    let mut reader = SyntaxReader { whole: &json, fault: SyntaxFault::default(), models: HashSet::new() };
    reader.schema(&json);
    if reader.fault == SyntaxFault::default() { Ok(reader.models) } else { Err(reader.fault) }
}

struct SyntaxReader<'j> {
    whole: &'j Json<'j>,
    fault: SyntaxFault,
    models: HashSet<String>,
}

impl SyntaxReader<'_> {
    fn schema(&mut self, json: &Json<'_>) {
        let Some(members) = json.as_object() else {
            self.fault.schema = true;
            return;
        };
        for (name, value) in members {
            if name == "$ref" {
                self.reference(value);
            } else if !self.keyword(name, value, json) {
                self.fault.schema = true;
            }
        }
    }

    fn reference(&mut self, value: &Json<'_>) {
        let reference = value.as_str().unwrap_or_default();
        match (model_reference(reference), reference.strip_prefix('#')) {
            (Some((name, _)), _) => drop(self.models.insert(name.to_owned())),
            (None, Some(pointer)) if self.whole.pointer(pointer).is_some() => {}
            _ => self.fault.reference = true,
        }
    }

    /// Whether a keyword is one and its value can be one of it.
    fn keyword(&mut self, name: &str, value: &Json<'_>, beside: &Json<'_>) -> bool {
        match name {
            // Whatever draft it names, it is read as draft 4.
            "$schema" | "id" | "title" | "description" | "format" => value.as_str().is_some(),
            "default" => true,
            "pattern" => value.as_str().is_some_and(|text| vtl::JavaRegex::new(text).is_ok()),
            "multipleOf" => matches!(value, Json::Number(text) if is_positive(text)),
            "maximum" | "minimum" => matches!(value, Json::Number(_)),
            "exclusiveMaximum" => value.as_bool().is_some() && beside.get("maximum").is_some(),
            "exclusiveMinimum" => value.as_bool().is_some() && beside.get("minimum").is_some(),
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties" => {
                matches!(value, Json::Number(text) if text.parse::<u64>().is_ok())
            }
            "uniqueItems" => value.as_bool().is_some(),
            "required" => is_names(value, 1),
            "enum" => value.as_array().is_some_and(|choices| !choices.is_empty() && are_unique(choices)),
            "type" => is_type(value),
            "allOf" | "anyOf" | "oneOf" => {
                let schemas = value.as_array().unwrap_or_default();
                schemas.iter().for_each(|schema| self.schema(schema));
                !schemas.is_empty()
            }
            "items" => {
                match value.as_array() {
                    Some(schemas) => schemas.iter().for_each(|schema| self.schema(schema)),
                    None => self.schema(value),
                }
                value.as_array().is_none_or(|schemas| !schemas.is_empty())
            }
            "not" => self.inner(value),
            "additionalItems" | "additionalProperties" => value.as_bool().is_some() || self.inner(value),
            "properties" | "patternProperties" | "definitions" | "dependencies" => self.members(name, value),
            _ => false,
        }
    }

    fn inner(&mut self, schema: &Json<'_>) -> bool {
        self.schema(schema);
        true
    }

    fn members(&mut self, keyword: &str, value: &Json<'_>) -> bool {
        let Some(members) = value.as_object() else { return false };
        members.iter().all(|(name, inner)| match (keyword, inner) {
            ("dependencies", Json::Array(_)) => is_names(inner, 1),
            ("patternProperties", _) => vtl::JavaRegex::new(name).is_ok() && self.inner(inner),
            _ => self.inner(inner),
        })
    }
}

fn is_positive(text: &str) -> bool {
    super::number::Decimal::parse(text).is_positive()
}

fn is_names(value: &Json<'_>, min: usize) -> bool {
    let names = value.as_array().unwrap_or_default();
    names.len() >= min && names.iter().all(|name| name.as_str().is_some()) && are_unique(names)
}

fn are_unique(values: &[Json<'_>]) -> bool {
    let mut known = HashSet::new();
    values.iter().all(|value| known.insert(check::canonical(value)))
}

fn is_type(value: &Json<'_>) -> bool {
    let known = |name: &Json<'_>| {
        let names = ["array", "boolean", "integer", "null", "number", "object", "string"];
        name.as_str().is_some_and(|name| names.contains(&name))
    };
    match value.as_array() {
        Some(names) => is_names(value, 1) && names.iter().all(known),
        None => known(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_taken_or_not() {
        let bad = SyntaxFault { schema: true, reference: false };
        let bad_reference = SyntaxFault { schema: false, reference: true };
        let model = r#"{"$ref":"https://apigateway.amazonaws.com/restapis/a1b2c3/models/Pet"}"#;
        for (text, wanted) in [
            ("{}", Ok(0)),
            (r##"{"$schema":"http://json-schema.org/draft-04/schema#","title":"x","type":"object"}"##, Ok(0)),
            (r#"{"type":["string","null"],"enum":["a",null],"default":1,"format":"int32"}"#, Ok(0)),
            (
                r##"{"properties":{"a":{"$ref":"#/definitions/A"}},"definitions":{"A":{"type":"array"}}}"##,
                Ok(0),
            ),
            (r##"{"items":{"$ref":"#"}}"##, Ok(0)),
            (r##"{"$schema":"http://json-schema.org/draft-07/schema#"}"##, Ok(0)),
            (model, Ok(1)),
            ("", Err(bad)),
            ("[]", Err(bad)),
            ("{", Err(bad)),
            (r#"{"type":"strin"}"#, Err(bad)),
            (r#"{"type":[]}"#, Err(bad)),
            (r#"{"example":"a"}"#, Err(bad)),
            (r#"{"required":[]}"#, Err(bad)),
            (r#"{"enum":["A","A"]}"#, Err(bad)),
            (r#"{"enum":[1,1.0]}"#, Err(bad)),
            (r#"{"multipleOf":0}"#, Err(bad)),
            (r#"{"minLength":-1}"#, Err(bad)),
            (r#"{"exclusiveMinimum":true}"#, Err(bad)),
            (r#"{"exclusiveMinimum":3}"#, Err(bad)),
            (r#"{"properties":{"a":{"type":1}}}"#, Err(bad)),
            (r#"{"pattern":"("}"#, Err(bad)),
            (r##"{"$ref":"#/definitions/A"}"##, Err(bad_reference)),
            (r#"{"$ref":"Pet"}"#, Err(bad_reference)),
            (r#"{"items":{"$ref":"https://example.com/models/Pet"}}"#, Err(bad_reference)),
            (r#"{"type":1,"items":{"$ref":"Pet"}}"#, Err(SyntaxFault { schema: true, reference: true })),
        ] {
            assert_eq!(syntax(text).map(|models| models.len()), wanted, "{text}");
        }
    }
}
