//! GetModel; with the models that it refers to in it, if that is asked.

use api::apigateway::{GetModelInput, GetModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::Part;
use crate::rest::definition;
use crate::rest::model::ModelRecord;
use crate::rest::records::ApiRecord;
use crate::rest::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetModelInput) -> Result<GetModelOutput> {
    let api = api_of_model(gateway, cx, &input.rest_api_id, &input.model_name).await?;
    let all = definition::models(&gateway.store, &api).await?;
    let found = all.iter().find(|model| model.name == input.model_name).cloned();
    let model = found.ok_or_else(|| ModelRecord::missing(&input.model_name))?;
    Ok(if input.flatten.unwrap_or_default() { model.flattened(&all) } else { model }.shown())
}

/// The API of a model; when there is none AWS says that the model is not there.
pub(super) async fn api_of_model(gateway: &Gateway, cx: &Cx, api_id: &str, model: &str) -> Result<ApiRecord> {
    let api = rows::read_api(&gateway.store, &cx.scope, api_id).await;
    api.map_err(|error| match error {
        GatewayError::NotFound(_) => ModelRecord::missing(model),
        other => other,
    })
}
