//! DeleteStage.

use api::apigatewayv2::{DeleteStageInput, DeleteStageOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows::check_unmapped;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteStageInput) -> Result<DeleteStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let stage = input.stage_name.as_str();
    check_unmapped(&gateway.store, &cx.scope, (&api.id, Some(stage)), |_| {
        format!(
            "Deleting stage {stage} failed. Please remove all API mappings for the stage from your custom domain names."
        )
    })
    .await?;
    parts::delete::<StageRecord>(&gateway.store, Owner::V2(&api), &input.stage_name).await?;
    gateway.forget_v2(&api.id);
    Ok(DeleteStageOutput {})
}
