//! GetDeployment.

use api::apigatewayv2::{GetDeploymentInput, GetDeploymentOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::deployment::DeploymentRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDeploymentInput,
) -> Result<GetDeploymentOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let found: DeploymentRecord = parts::read(&gateway.store, Owner::V2(&api), &input.deployment_id).await?;
    Ok(found.shown())
}
