//! Models of an HTTP or WebSocket API: as those of REST APIs, but found by their ids. Pure; knows no store.

use api::apigatewayv2 as aws;
use minicbor::{Decode, Encode};

use crate::error::{GatewayError, Result};
use crate::parts::{Part, kind};
use crate::rest::model;
use crate::rest::rows::Record;
use crate::v2::edit::{put, put_some};

const DEFAULT_CONTENT_TYPE: &str = "application/json";

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ModelRecord {
    #[n(0)]
    pub(crate) id: String,
    #[n(1)]
    pub(crate) model: model::ModelRecord,
}

impl Record for ModelRecord {}

impl Part for ModelRecord {
    const KIND: u8 = kind::V2_MODEL;

    fn id(&self) -> &str {
        &self.id
    }

    fn missing(id: &str) -> GatewayError {
        GatewayError::NotFound(format!("Invalid Model identifier specified {id}"))
    }
}

impl ModelRecord {
    pub(crate) fn new(id: String, input: aws::CreateModelInput) -> Self {
        let model = model::ModelRecord {
            name: input.name,
            id: id.clone(),
            description: input.description,
            schema: input.schema,
            content_type: input.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned()),
            gone: false,
        };
        Self { id, model }
    }

    /// What is given takes the place of what was.
    pub(crate) fn apply(&mut self, input: aws::UpdateModelInput) {
        put(&mut self.model.name, input.name);
        put(&mut self.model.schema, input.schema);
        put(&mut self.model.content_type, input.content_type);
        put_some(&mut self.model.description, input.description);
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.model.check()
    }

    pub(crate) fn shown(self) -> aws::Model {
        aws::Model {
            content_type: Some(self.model.content_type),
            description: self.model.description,
            model_id: Some(self.id),
            name: self.model.name,
            schema: Some(self.model.schema),
        }
    }
}
