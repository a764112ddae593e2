//! DeleteModel.

use api::apigatewayv2::{DeleteModelInput, DeleteModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::model::ModelRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteModelInput) -> Result<DeleteModelOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    parts::delete::<ModelRecord>(&gateway.store, Owner::V2(&api), &input.model_id).await?;
    Ok(DeleteModelOutput {})
}
