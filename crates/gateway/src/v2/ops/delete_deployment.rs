//! DeleteDeployment: unless a stage runs it.

use api::apigatewayv2::{DeleteDeploymentInput, DeleteDeploymentOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::release;
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteDeploymentInput,
) -> Result<DeleteDeploymentOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let stages: Vec<StageRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    if stages.iter().any(|stage| stage.deployment_id.as_deref() == Some(&input.deployment_id)) {
        return Err(GatewayError::bad_request(
            "Active stages pointing to this deployment must be moved or deleted",
        ));
    }
    release::forget(gateway, &api, &input.deployment_id).await?;
    Ok(DeleteDeploymentOutput {})
}
