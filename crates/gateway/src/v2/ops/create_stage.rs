//! CreateStage.

use api::apigatewayv2::{CreateStageInput, CreateStageOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::stage::{STAGES_MAX, no_more_stages};
use crate::v2::deployment::DeploymentRecord;
use crate::v2::release;
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateStageInput) -> Result<CreateStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    if let Some(id) = &input.deployment_id {
        parts::read::<DeploymentRecord>(&gateway.store, Owner::V2(&api), id).await?;
    }
    let stage = StageRecord::new(input, gateway.clock.now().as_millis());
    stage.check(api.is_websocket())?;
    // Two that are made at the same moment may pass it by one.
    if parts::all::<StageRecord>(&gateway.store, Owner::V2(&api)).await?.len() >= STAGES_MAX {
        return Err(no_more_stages());
    }
    let stage = parts::create(&gateway.store, Owner::V2(&api), stage, StageRecord::taken).await?;
    gateway.forget_v2(&api.id);
    if !stage.auto_deploy {
        return Ok(stage.shown(api.is_websocket()));
    }
    release::changed(gateway, &api).await?;
    let stage: StageRecord = parts::read(&gateway.store, Owner::V2(&api), &stage.name).await?;
    Ok(stage.shown(api.is_websocket()))
}
