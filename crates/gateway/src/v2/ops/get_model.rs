//! GetModel.

use api::apigatewayv2::{GetModelInput, GetModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::model::ModelRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetModelInput) -> Result<GetModelOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let model: ModelRecord = parts::read(&gateway.store, Owner::V2(&api), &input.model_id).await?;
    Ok(model.shown())
}
