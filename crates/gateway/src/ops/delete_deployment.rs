//! DeleteDeployment, unless a stage runs it.

use api::apigateway::{DeleteDeploymentInput, DeleteDeploymentOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::records::Stages;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteDeploymentInput,
) -> Result<DeleteDeploymentOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let key = rows::deployment_key(api.row, &input.deployment_id);
    rows::edit(&gateway.store, &api, vec![rows::stages_key(api.row), key.clone()], |api, found| {
        if found[1].is_none() {
            return Err(GatewayError::no_deployment());
        }
        let stages = rows::decode_row::<Stages>(found[0].as_ref())?.unwrap_or_default();
        if stages.use_deployment(&input.deployment_id) {
            return Err(GatewayError::bad_request(
                "Active stages pointing to this deployment must be moved or deleted",
            ));
        }
        let snapshot = rows::snapshot_key(api.row, &input.deployment_id);
        Ok((Batch::new().delete(key.clone()).delete(snapshot), DeleteDeploymentOutput {}))
    })
    .await
}
