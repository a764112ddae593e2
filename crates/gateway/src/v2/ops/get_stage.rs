//! GetStage.

use api::apigatewayv2::{GetStageInput, GetStageOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetStageInput) -> Result<GetStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let found: StageRecord = parts::read(&gateway.store, Owner::V2(&api), &input.stage_name).await?;
    Ok(found.shown(api.is_websocket()))
}
