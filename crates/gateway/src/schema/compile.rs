//! Schemas compiled: each schema in a text is a node, and what refers to one names its node, so that schemas may refer to
//! themselves. Compiling never fails: what cannot be says so when a value comes to it. Knows no value.

use std::collections::{BTreeMap, HashMap};

use vtl::JavaRegex;

use super::format::Format;
use super::number::Decimal;
use super::{SCHEMA_BOUNDS, check, model_reference};
use crate::json::Json;

/// A schema in [`Schemas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(usize);

#[derive(Debug)]
pub(super) enum Node {
    Keywords(Box<Keywords>),
    /// `$ref`: whatever stands beside it does not count.
    Same(NodeId),
    /// Not a schema, and why.
    Broken(String),
}

/// What a schema asks for; empty for what it does not.
#[derive(Debug, Default)]
pub(super) struct Keywords {
    pub(super) types: Option<Vec<&'static str>>,
    pub(super) choices: Option<Choices>,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Vec<NodeId>,
    pub(super) one_of: Vec<NodeId>,
    pub(super) not: Option<NodeId>,
    pub(super) multiple_of: Option<Bound>,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) length_min: Option<u64>,
    pub(super) length_max: Option<u64>,
    pub(super) pattern: Option<Pattern>,
    pub(super) format: Option<Format>,
    pub(super) items: Items,
    pub(super) items_more: More,
    pub(super) items_min: Option<u64>,
    pub(super) items_max: Option<u64>,
    pub(super) items_unique: bool,
    pub(super) required: Vec<String>,
    pub(super) properties: BTreeMap<String, NodeId>,
    pub(super) patterns: Vec<(Pattern, NodeId)>,
    pub(super) properties_more: More,
    pub(super) properties_min: Option<u64>,
    pub(super) properties_max: Option<u64>,
    pub(super) dependencies: BTreeMap<String, Dependency>,
}

/// `enum`.
#[derive(Debug)]
pub(super) struct Choices {
    /// As it is written, for the complaint.
    pub(super) text: String,
    pub(super) canonical: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Bound {
    pub(super) text: String,
    pub(super) value: Decimal,
    pub(super) exclusive: bool,
}

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) regex: Result<JavaRegex, String>,
}

#[derive(Debug, Default)]
pub(super) enum Items {
    #[default]
    Any,
    All(NodeId),
    Each(Vec<NodeId>),
}

/// What may stand beyond what is named.
#[derive(Debug, Default)]
pub(super) enum More {
    #[default]
    Any,
    Nothing,
    Schema(NodeId),
}

#[derive(Debug)]
pub(super) enum Dependency {
    Names(Vec<String>),
    Schema(NodeId),
}

/// The schemas of an API's models.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    nodes: Vec<Node>,
    models: HashMap<String, NodeId>,
}

impl Schemas {
    /// Of models by their names and texts.
    pub(crate) fn compile<'m>(models: impl Iterator<Item = (&'m str, &'m str)>) -> Self {
        let parsed = models.map(|(name, text)| (name, Json::parse(text.as_bytes(), SCHEMA_BOUNDS).ok()));
        let texts: HashMap<&str, Option<Json<'m>>> = parsed.collect();
        let mut compiler = Compiler { texts: &texts, nodes: Vec::new(), places: HashMap::new() };
        let mut names: Vec<&str> = texts.keys().copied().collect();
        names.sort_unstable();
        let models = names.into_iter().map(|name| (name.to_owned(), compiler.place(name, ""))).collect();
        Self { nodes: compiler.nodes, models }
    }

    pub(crate) fn model(&self, name: &str) -> Option<NodeId> {
        self.models.get(name).copied()
    }

    /// The node that stands at the end of the references from `id`, or why there is none.
    pub(super) fn keywords(&self, mut id: NodeId) -> Result<&Keywords, String> {
        for _ in 0..=self.nodes.len() {
            match self.nodes.get(id.0) {
                Some(Node::Keywords(keywords)) => return Ok(keywords),
                Some(Node::Same(other)) => id = *other,
                Some(Node::Broken(why)) => return Err(why.clone()),
                None => break,
            }
        }
        Err("a reference leads back to itself".to_owned())
    }
}

struct Compiler<'c, 'm> {
    texts: &'c HashMap<&'m str, Option<Json<'m>>>,
    nodes: Vec<Node>,
    /// Nodes by model and pointer: known before they are compiled, for those that lead back to themselves.
    places: HashMap<(String, String), NodeId>,
}

impl<'m> Compiler<'_, 'm> {
    /// The node of the schema at `pointer` of a model.
    fn place(&mut self, model: &str, pointer: &str) -> NodeId {
        let key = (model.to_owned(), pointer.to_owned());
        if let Some(known) = self.places.get(&key) {
            return *known;
        }
        let id = self.reserve();
        self.places.insert(key, id);
        let texts = self.texts;
        let node = match texts.get(model) {
            None => Node::Broken(format!("there is no model {model}")),
            Some(None) => Node::Broken(format!("the schema of the model {model} is no JSON")),
            Some(Some(json)) => match json.pointer(pointer) {
                Some(schema) => self.node(model, schema),
                None => Node::Broken(format!("the model {model} has nothing at {pointer}")),
            },
        };
        self.nodes[id.0] = node;
        id
    }

    fn reserve(&mut self) -> NodeId {
        self.nodes.push(Node::Broken("a schema is not compiled".to_owned()));
        NodeId(self.nodes.len() - 1)
    }

    /// A schema within another one.
    fn child(&mut self, model: &str, schema: &Json<'m>) -> NodeId {
        let id = self.reserve();
        self.nodes[id.0] = self.node(model, schema);
        id
    }

    fn node(&mut self, model: &str, schema: &Json<'m>) -> Node {
        match (schema, schema.get("$ref").and_then(Json::as_str)) {
            (_, Some(reference)) => match model_reference(reference) {
                Some((name, pointer)) => Node::Same(self.place(name, pointer)),
                None => match reference.strip_prefix('#') {
                    Some(pointer) => Node::Same(self.place(model, pointer)),
                    None => Node::Broken(format!("the reference {reference} leads to no model")),
                },
            },
            (Json::Object(_), None) => Node::Keywords(Box::new(self.keywords(model, schema))),
            _ => Node::Broken("a schema is no object".to_owned()),
        }
    }

    fn keywords(&mut self, model: &str, schema: &Json<'m>) -> Keywords {
        let bound = |name: &str, exclusive: &str| match schema.get(name) {
            Some(Json::Number(text)) => Some(Bound {
                text: text.to_string(),
                value: Decimal::parse(text),
                exclusive: schema.get(exclusive).and_then(Json::as_bool).unwrap_or_default(),
            }),
            _ => None,
        };
        let count = |name: &str| match schema.get(name) {
            Some(Json::Number(text)) => text.parse().ok(),
            _ => None,
        };
        let mut keywords = Keywords {
            types: schema.get("type").map(types),
            choices: schema.get("enum").map(choices),
            multiple_of: bound("multipleOf", ""),
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            length_min: count("minLength"),
            length_max: count("maxLength"),
            pattern: schema.get("pattern").and_then(Json::as_str).map(pattern),
            format: schema.get("format").and_then(Json::as_str).and_then(Format::named),
            items_min: count("minItems"),
            items_max: count("maxItems"),
            items_unique: schema.get("uniqueItems").and_then(Json::as_bool).unwrap_or_default(),
            required: names(schema.get("required")),
            properties_min: count("minProperties"),
            properties_max: count("maxProperties"),
            ..Keywords::default()
        };
        self.inner(model, schema, &mut keywords);
        keywords
    }

    /// The keywords that have schemas in them.
    fn inner(&mut self, model: &str, schema: &Json<'m>, keywords: &mut Keywords) {
        let mut list = |name: &str| {
            let elements = schema.get(name).and_then(Json::as_array).unwrap_or_default();
            elements.iter().map(|element| self.child(model, element)).collect()
        };
        keywords.all_of = list("allOf");
        keywords.any_of = list("anyOf");
        keywords.one_of = list("oneOf");
        keywords.items = match schema.get("items") {
            None => Items::Any,
            Some(Json::Array(_)) => Items::Each(list("items")),
            Some(all) => Items::All(self.child(model, all)),
        };
        keywords.not = schema.get("not").map(|inner| self.child(model, inner));
        keywords.items_more = self.more(model, schema.get("additionalItems"));
        keywords.properties_more = self.more(model, schema.get("additionalProperties"));
        let members = |name: &str| schema.get(name).and_then(Json::as_object).unwrap_or_default();
        for (name, inner) in members("properties") {
            keywords.properties.insert(name.to_string(), self.child(model, inner));
        }
        for (text, inner) in members("patternProperties") {
            keywords.patterns.push((pattern(text), self.child(model, inner)));
        }
        for (name, inner) in members("dependencies") {
            let dependency = match inner {
                Json::Array(_) => Dependency::Names(names(Some(inner))),
                _ => Dependency::Schema(self.child(model, inner)),
            };
            keywords.dependencies.insert(name.to_string(), dependency);
        }
    }

    fn more(&mut self, model: &str, schema: Option<&Json<'m>>) -> More {
        match schema {
            None | Some(Json::Bool(true)) => More::Any,
            Some(Json::Bool(false)) => More::Nothing,
            Some(inner) => More::Schema(self.child(model, inner)),
        }
    }
}

/// Sorted; whoever takes numbers takes integers.
fn types(json: &Json<'_>) -> Vec<&'static str> {
    let given: Vec<&str> = match json {
        Json::Array(elements) => elements.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let known = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let takes = |name: &&str| given.contains(name) || (*name == "integer" && given.contains(&"number"));
    known.into_iter().filter(takes).collect()
}

fn choices(json: &Json<'_>) -> Choices {
    let elements = json.as_array().unwrap_or_default();
    Choices { text: json.to_text(), canonical: elements.iter().map(check::canonical).collect() }
}

fn pattern(text: &str) -> Pattern {
    Pattern { text: text.to_owned(), regex: JavaRegex::new(text).map_err(|error| error.to_string()) }
}

fn names(json: Option<&Json<'_>>) -> Vec<String> {
    let elements = json.and_then(Json::as_array).unwrap_or_default();
    let mut names: Vec<String> = elements.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    names.sort_unstable();
    names
}
