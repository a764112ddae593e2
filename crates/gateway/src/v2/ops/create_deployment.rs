//! CreateDeployment: freezes the API, for a stage if one is named.

use api::apigatewayv2::{CreateDeploymentInput, CreateDeploymentOutput};
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
    input: CreateDeploymentInput,
) -> Result<CreateDeploymentOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let stage = input.stage_name.as_deref().filter(|name| !name.is_empty());
    if let Some(name) = stage {
        let stage: StageRecord = parts::read(&gateway.store, Owner::V2(&api), name).await?;
        if stage.auto_deploy {
            return Err(GatewayError::bad_request("Deployments cannot be made for a stage with AutoDeploy"));
        }
    }
    let deployment = release::deploy(gateway, &api, input.description, false).await?;
    if let Some(name) = stage {
        let run = |stage: &mut StageRecord| {
            stage.deployment_id = Some(deployment.id.clone());
            Ok(())
        };
        parts::edit(&gateway.store, Owner::V2(&api), name, run).await?;
        gateway.forget_v2(&api.id);
    }
    Ok(deployment.shown())
}
