//! CreateModel.

use api::apigatewayv2::{CreateModelInput, CreateModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::model::ModelRecord;
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateModelInput) -> Result<CreateModelOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let model = ModelRecord::new(release::new_id(), input);
    model.check()?;
    let all: Vec<ModelRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    release::check_count(all.len(), "models")?;
    let taken =
        || GatewayError::conflict(format!("Model name already exists for this API: {}", model.model.name));
    if all.iter().any(|known| known.model.name == model.model.name) {
        return Err(taken());
    }
    Ok(parts::create(&gateway.store, Owner::V2(&api), model.clone(), taken).await?.shown())
}
