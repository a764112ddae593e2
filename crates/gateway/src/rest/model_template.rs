//! GetModelTemplate's template: a mapping template that makes what a model describes, with an example for each value, for
//! somebody to fill in. Pure.

use crate::json::Json;
use crate::rest::model::ModelRecord;
use crate::schema::{SCHEMA_BOUNDS, model_reference};

/// Schemas within schemas; what lies deeper, or round, stays out.
const DEPTH_MAX: usize = 8;
/// A model that refers to others many times makes no endless text.
const BYTES_MAX: usize = 256 << 10;
const ANY: &Json<'static> = &Json::Null;

/// The template of one of `all` models.
pub(crate) fn template(model: &ModelRecord, all: &[ModelRecord]) -> String {
    let trees: Vec<(&str, Json<'_>)> = all
        .iter()
        .filter_map(|model| Some((&*model.name, Json::parse(model.schema.as_bytes(), SCHEMA_BOUNDS).ok()?)))
        .collect();
    let mut writer =
        TemplateWriter { trees: &trees, text: "#set($inputRoot = $input.path('$'))\n".to_owned() };
    let schema = writer.tree(&model.name);
    writer.schema((&model.name, schema), "$inputRoot", 0);
    writer.text
}

struct TemplateWriter<'t> {
    trees: &'t [(&'t str, Json<'t>)],
    text: String,
}

impl<'t> TemplateWriter<'t> {
    fn tree(&self, name: &str) -> &'t Json<'t> {
        self.trees.iter().find(|(known, _)| *known == name).map_or(ANY, |(_, tree)| tree)
    }

    /// What the references from a schema lead to.
    fn resolve(&self, mut at: (&'t str, &'t Json<'t>)) -> (&'t str, &'t Json<'t>) {
        for _ in 0..DEPTH_MAX {
            let Some(reference) = at.1.get("$ref").and_then(Json::as_str) else { return at };
            let (model, place) =
                model_reference(reference).unwrap_or((at.0, reference.trim_start_matches('#')));
            let Some((name, tree)) = self.trees.iter().find(|(known, _)| *known == model) else { break };
            at = (name, tree.pointer(place).unwrap_or(ANY));
        }
        (at.0, ANY)
    }

    /// `source`: where the value that is described stands in the input.
    fn schema(&mut self, at: (&str, &'t Json<'t>), source: &str, depth: usize) {
        let name = self.trees.iter().find(|(known, _)| *known == at.0).map_or("", |(known, _)| known);
        let (model, schema) = self.resolve((name, at.1));
        let kind = match schema.get("type") {
            Some(Json::Array(kinds)) => kinds.first().and_then(Json::as_str),
            Some(kind) => kind.as_str(),
            None if schema.get("properties").is_some() => Some("object"),
            None if schema.get("items").is_some() => Some("array"),
            None => None,
        };
        if depth == DEPTH_MAX || self.text.len() > BYTES_MAX {
            self.text.push_str("{ }");
            return;
        }
        match kind {
            Some("array") => self.array((model, schema), source, depth),
            Some("integer" | "number") => self.text.push_str("42"),
            Some("boolean") => self.text.push_str("true"),
            Some("string") => self.text.push_str("\"foo\""),
            Some("null") => self.text.push_str("null"),
            _ => self.object((model, schema), source, depth),
        }
    }

    fn object(&mut self, at: (&str, &'t Json<'t>), source: &str, depth: usize) {
        let members = at.1.get("properties").and_then(Json::as_object).unwrap_or_default();
        if members.is_empty() {
            self.text.push_str("{ }");
            return;
        }
        self.text.push_str("{\n");
        let inner = "  ".repeat(depth + 1);
        for (index, (name, schema)) in members.iter().enumerate() {
            let comma = if index == 0 { "" } else { ",\n" };
            self.text.push_str(&format!("{comma}{inner}\"{name}\" : "));
            self.schema((at.0, schema), &format!("{source}.{name}"), depth + 1);
        }
        self.text.push_str(&format!("\n{}}}", "  ".repeat(depth)));
    }

    fn array(&mut self, at: (&str, &'t Json<'t>), source: &str, depth: usize) {
        self.text.push_str("[\n##TODO: Update this foreach loop to reference array from input json\n");
        self.text.push_str(&format!("#foreach($elem in {source})\n {}", "  ".repeat(depth)));
        let items = match at.1.get("items") {
            Some(Json::Array(each)) => each.first().unwrap_or(ANY),
            Some(all) => all,
            None => ANY,
        };
        self.schema((at.0, items), "$elem", depth + 1);
        self.text.push_str(&format!(" \n#if($foreach.hasNext),#end\n#end\n{}]", "  ".repeat(depth)));
    }
}
