//! DeleteStage.

use api::apigateway::{DeleteStageInput, DeleteStageOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::domain::rows::check_unmapped;
use crate::error::{GatewayError, Result};
use crate::rest::records::Stages;
use crate::rest::{rows, subscription};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteStageInput) -> Result<DeleteStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let stage = input.stage_name.as_str();
    let words = |domains: &str| {
        format!(
            "Deleting stage {stage} failed. Please remove all base path mappings related to the stage in your domains: \
             {domains}"
        )
    };
    let check = || check_unmapped(&gateway.store, &cx.scope, (&api.id, Some(stage)), &words);
    let keys = vec![rows::api_key(&api.id), rows::stages_key(api.row)];
    rows::delete_unnamed(&gateway.store, keys, check, |found| {
        rows::same_api(found[0].as_ref(), &api)?;
        let mut stages = rows::decode_row::<Stages>(found[1].as_ref())?.unwrap_or_default();
        stages.stages.remove(stage).ok_or_else(GatewayError::no_stage)?;
        Ok(Batch::new().put(rows::stages_key(api.row), rows::encode(&stages)))
    })
    .await?;
    gateway.live.forget(&api.id);
    gateway.caches.flush(&api.id, Some(&input.stage_name));
    subscription::forget_stages(gateway, &cx.scope, &api.id, Some(&input.stage_name)).await?;
    Ok(DeleteStageOutput {})
}
