//! CreateModel.

use api::apigateway::{CreateModelInput, CreateModelOutput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::definition::Parts;
use crate::rest::model::ModelRecord;
use crate::rest::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateModelInput) -> Result<CreateModelOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let model = ModelRecord {
        name: input.name,
        id: random_alphanumeric(6),
        description: input.description.filter(|text| !text.is_empty()),
        schema: input.schema.unwrap_or_default(),
        content_type: input.content_type,
        gone: false,
    };
    model.check()?;
    Parts::read(&gateway.store, &api).await?.check_references(&model)?;
    let create = |found: Option<ModelRecord>| match ModelRecord::current(found, api.row, &model.name) {
        Some(_) => Err(GatewayError::conflict("Model name already exists for this REST API")),
        None => Ok((Some(model.clone()), ())),
    };
    parts::change(&gateway.store, Owner::Api(&api), &model.name, create).await?;
    Ok(model.shown())
}
