//! DeleteAccessLogSettings: a stage writes no access log any more.

use api::apigatewayv2::{DeleteAccessLogSettingsInput, DeleteAccessLogSettingsOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteAccessLogSettingsInput,
) -> Result<DeleteAccessLogSettingsOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let apply = |stage: &mut StageRecord| {
        stage.access_log_destination = None;
        stage.access_log_format = None;
        Ok(())
    };
    parts::edit(&gateway.store, Owner::V2(&api), &input.stage_name, apply).await?;
    gateway.forget_v2(&api.id);
    Ok(DeleteAccessLogSettingsOutput {})
}
