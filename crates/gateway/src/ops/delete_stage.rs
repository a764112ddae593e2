//! DeleteStage.

use api::apigateway::{DeleteStageInput, DeleteStageOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows::check_unmapped;
use crate::error::{GatewayError, Result};
use crate::rest::{rows, subscription};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteStageInput) -> Result<DeleteStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let stage = input.stage_name.as_str();
    check_unmapped(&gateway.store, &cx.scope, (&api.id, Some(stage)), |domains| {
        format!(
            "Deleting stage {stage} failed. Please remove all base path mappings related to the stage in your domains: \
             {domains}"
        )
    })
    .await?;
    rows::edit_stages(&gateway.store, &api, |stages| {
        stages.stages.remove(&input.stage_name).map(|_| ()).ok_or_else(GatewayError::no_stage)
    })
    .await?;
    gateway.live.forget(&api.id);
    gateway.caches.flush(&api.id, Some(&input.stage_name));
    subscription::forget_stages(gateway, &cx.scope, &api.id, Some(&input.stage_name)).await?;
    Ok(DeleteStageOutput {})
}
