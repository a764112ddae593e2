//! GetStage.

use api::apigateway::{GetStageInput, GetStageOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetStageInput) -> Result<GetStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let stages = rows::read_stages(&gateway.store, &api).await?;
    Ok(view::stage(stages.stage(&input.stage_name)?.clone()))
}
