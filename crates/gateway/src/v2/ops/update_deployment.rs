//! UpdateDeployment: its description.

use api::apigatewayv2::{UpdateDeploymentInput, UpdateDeploymentOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::deployment::DeploymentRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateDeploymentInput,
) -> Result<UpdateDeploymentOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let apply = |deployment: &mut DeploymentRecord| {
        if input.description.is_some() {
            deployment.description.clone_from(&input.description);
        }
        Ok(())
    };
    let deployment = parts::edit(&gateway.store, Owner::V2(&api), &input.deployment_id, apply).await?;
    Ok(deployment.shown())
}
