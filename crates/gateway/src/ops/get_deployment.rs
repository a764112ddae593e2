//! GetDeployment.

use api::apigateway::{GetDeploymentInput, GetDeploymentOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::records::{DeploymentRecord, Snapshot};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetDeploymentInput,
) -> Result<GetDeploymentOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let found = rows::read(&gateway.store, &rows::deployment_key(api.row, &input.deployment_id)).await?;
    let deployment: DeploymentRecord = found.ok_or_else(GatewayError::no_deployment)?;
    let mut shown = view::deployment(deployment);
    if input.embed.is_some_and(|embed| embed.iter().any(|what| what == "apisummary")) {
        let key = rows::snapshot_key(api.row, &input.deployment_id);
        let snapshot: Snapshot = rows::read(&gateway.store, &key).await?.unwrap_or_default();
        shown.api_summary = Some(view::summary(snapshot));
    }
    Ok(shown)
}
