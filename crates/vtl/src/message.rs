//! What a template is about, as the caller has it: the message, its parameters, the variables of its context, and
//! what a template overrides. Plain data; knows no engine but for [`select`].

use std::borrow::Cow;

use crate::error::Fault;
use crate::json::{self, JsonFault};
use crate::jsonpath::JsonPath;
use crate::limits::Limits;
use crate::print::Sink;
use crate::value::{Heap, Value};

/// A value that a caller gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Data>),
    /// In their order.
    Map(Vec<(String, Data)>),
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// `$input.params()`: the last value of each name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    pub path: Vec<(String, String)>,
    pub querystring: Vec<(String, String)>,
    pub header: Vec<(String, String)>,
}

/// What a template reads. Each part is asked for at most once, and only by a template that names it.
pub trait Message {
    /// `$input.body`
    fn body(&self) -> Cow<'_, str>;
    /// `$input.params()`
    fn params(&self) -> Params;
    /// `$context`, a map, without the overrides.
    fn context(&self) -> Data;
    /// `$stageVariables`, a map.
    fn stage_variables(&self) -> Data;
}

/// `$context.requestOverride` and `$context.responseOverride`: what a template sets in place of what was mapped. A
/// request's overrides are seen by the response's template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    pub request_headers: Vec<(String, Data)>,
    pub request_querystring: Vec<(String, Data)>,
    pub request_path: Vec<(String, Data)>,
    pub response_status: Option<Data>,
    pub response_headers: Vec<(String, Data)>,
}

impl Overrides {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Data {
    /// The texts of a value: one, or those of a list.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Null => Vec::new(),
            Self::Text(text) => vec![text.clone()],
            other => {
                let mut heap = Heap::new(usize::MAX);
                let mut text = String::new();
                let printed = heap.place(other).and_then(|value| {
                    heap.print(&value, &mut Sink { text: &mut text, bytes_max: usize::MAX })
                });
                printed.map(|()| vec![text]).unwrap_or_default()
            }
        }
    }
}

/// What a JSONPath finds in a JSON text, as parameter mappings want it: a text as it is, anything else as JSON. None
/// if the text is not JSON or the path finds nothing.
pub fn select(body: &str, path: &str) -> Option<String> {
    let limits = Limits::default();
    let path = JsonPath::parse(path).ok()?;
    let mut heap = Heap::new(limits.memory_bytes);
    let document = match json::parse(body, &mut heap) {
        Ok(document) => document,
        Err(JsonFault::Syntax(_) | JsonFault::Limit(_)) => return None,
    };
    let mut steps = limits.steps;
    let found: Result<Option<Value>, Fault> = path.read(&document, &mut heap, &mut steps);
    match found.ok()?? {
        Value::Null => None,
        Value::Text(text) => Some(text.as_ref().to_owned()),
        other => {
            let mut text = String::new();
            heap.print_json(&other, &mut Sink { text: &mut text, bytes_max: limits.output_bytes }).ok()?;
            Some(text)
        }
    }
}
