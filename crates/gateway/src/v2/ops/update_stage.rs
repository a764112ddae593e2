//! UpdateStage: what is given takes the place of what was.

use api::apigatewayv2::{UpdateStageInput, UpdateStageOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::deployment::DeploymentRecord;
use crate::v2::release;
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateStageInput) -> Result<UpdateStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    if let Some(id) = input.deployment_id.as_deref().filter(|id| !id.is_empty()) {
        parts::read::<DeploymentRecord>(&gateway.store, Owner::V2(&api), id).await?;
    }
    let now_ms = gateway.clock.now().as_millis();
    let apply = |stage: &mut StageRecord| {
        stage.apply(input.clone(), now_ms);
        stage.check(api.is_websocket())
    };
    let stage = parts::edit(&gateway.store, Owner::V2(&api), &input.stage_name, apply).await?;
    gateway.forget_v2(&api.id);
    if input.auto_deploy != Some(true) {
        return Ok(stage.shown(api.is_websocket()));
    }
    release::changed(gateway, &api).await?;
    let stage: StageRecord = parts::read(&gateway.store, Owner::V2(&api), &input.stage_name).await?;
    Ok(stage.shown(api.is_websocket()))
}
