//! DeleteStage.

use api::apigatewayv2::{DeleteStageInput, DeleteStageOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::domain::rows::check_unmapped;
use crate::error::Result;
use crate::parts::{Owner, Part};
use crate::rest::rows::delete_unnamed;
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteStageInput) -> Result<DeleteStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let stage = input.stage_name.as_str();
    let words = |_: &str| {
        format!(
            "Deleting stage {stage} failed. Please remove all API mappings for the stage from your custom domain names."
        )
    };
    let check = || check_unmapped(&gateway.store, &cx.scope, (&api.id, Some(stage)), &words);
    let key = Owner::V2(&api).key::<StageRecord>(stage);
    delete_unnamed(&gateway.store, vec![rows::api_key(&api.id), key.clone()], check, |found| {
        rows::same_api(found[0].as_ref(), &api)?;
        if found[1].is_none() {
            return Err(StageRecord::missing(stage));
        }
        Ok(Batch::new().delete(key.clone()))
    })
    .await?;
    gateway.forget_v2(&api.id);
    Ok(DeleteStageOutput {})
}
