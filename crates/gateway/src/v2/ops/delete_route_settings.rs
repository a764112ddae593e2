//! DeleteRouteSettings: a route of a stage has the stage's own settings again.

use api::apigatewayv2::{DeleteRouteSettingsInput, DeleteRouteSettingsOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteRouteSettingsInput,
) -> Result<DeleteRouteSettingsOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let key = &input.route_key;
    let apply = |stage: &mut StageRecord| match stage.route_settings.remove(key) {
        Some(_) => Ok(()),
        None => Err(GatewayError::NotFound(format!(
            "Unable to find Route by key {key} within the provided RouteSettings"
        ))),
    };
    parts::edit(&gateway.store, Owner::V2(&api), &input.stage_name, apply).await?;
    gateway.forget_v2(&api.id);
    Ok(DeleteRouteSettingsOutput {})
}
