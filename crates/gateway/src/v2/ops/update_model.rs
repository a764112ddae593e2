//! UpdateModel: what is given takes the place of what was.

use api::apigatewayv2::{UpdateModelInput, UpdateModelOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::model::ModelRecord;
use crate::v2::rows;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateModelInput) -> Result<UpdateModelOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let apply = |model: &mut ModelRecord| {
        model.apply(input.clone());
        model.check()
    };
    Ok(parts::edit(&gateway.store, Owner::V2(&api), &input.model_id, apply).await?.shown())
}
