//! AWS's service models as they stand in `models/`, the parts that matter here. Knows no Rust.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::ordered::Ordered;

#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) metadata: Metadata,
    operations: Ordered<Operation>,
    shapes: Ordered<Shape>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) protocol: String,
    pub(crate) service_full_name: String,
    pub(crate) target_prefix: Option<String>,
    pub(crate) json_version: Option<String>,
    pub(crate) xml_namespace: Option<String>,
    pub(crate) api_version: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) http: Http,
    pub(crate) input: Option<Member>,
    pub(crate) output: Option<Member>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) request_uri: String,
    pub(crate) response_code: Option<u16>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) members: Ordered<Member>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) member: Option<Member>,
    pub(crate) key: Option<Member>,
    pub(crate) value: Option<Member>,
    #[serde(rename = "enum")]
    pub(crate) values: Option<Vec<String>>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) pattern: Option<String>,
    pub(crate) payload: Option<String>,
    #[serde(default)]
    pub(crate) exception: bool,
    #[serde(default)]
    pub(crate) fault: bool,
    pub(crate) error: Option<ErrorTrait>,
    #[serde(rename = "timestampFormat")]
    pub(crate) timestamp_format: Option<String>,
    /// A union whose members are the events of a stream.
    #[serde(default, rename = "eventstream")]
    pub(crate) is_event_stream: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorTrait {
    pub(crate) code: Option<String>,
    pub(crate) http_status_code: Option<u16>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    pub(crate) shape: String,
    pub(crate) location: Option<String>,
    pub(crate) location_name: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    /// An event's payload is this member's bytes.
    #[serde(default, rename = "eventpayload")]
    pub(crate) is_event_payload: bool,
}

pub(crate) fn read(path: &Path) -> anyhow::Result<Model> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

impl Model {
    /// All operations, by name.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let mut operations: Vec<Operation> = self.operations.0.iter().map(|(_, op)| op.clone()).collect();
        operations.sort_by(|a, b| a.name.cmp(&b.name));
        operations
    }

    /// All shapes, in the model's order.
    pub(crate) fn shapes(&self) -> Vec<(String, Shape)> {
        self.shapes.0.clone()
    }
}

impl Shape {
    /// The members of a structure, in the model's order.
    pub(crate) fn members(&self) -> Vec<(String, Member)> {
        self.members.0.clone()
    }

    pub(crate) fn requires(&self, member: &str) -> bool {
        self.required.iter().any(|name| name == member)
    }
}
