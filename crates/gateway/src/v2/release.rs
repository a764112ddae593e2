//! Deployments and the stages that follow every change by themselves.

use base::random_alphanumeric;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::deployment::{DeploymentRecord, SnapshotRecord};
use crate::v2::records::ApiRecord;
use crate::v2::stage::StageRecord;

/// AWS's quotas of routes and of integrations of an API, together.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const PARTS_MAX: usize = 300;
const AUTO_DESCRIPTION: &str = "Automatic deployment triggered by changes to the Api configuration";
const ID_CHARS: usize = 7;
const DEPLOYMENT_ID_CHARS: usize = 6;

pub(crate) fn new_id() -> String {
    random_alphanumeric(ID_CHARS)
}

/// Refuses one more of a kind of which an API has as many as AWS lets it have.
pub(crate) fn check_count(count: usize, what: &str) -> Result<()> {
    if count < PARTS_MAX {
        return Ok(());
    }
    Err(GatewayError::limit(format!("Maximum number of {what} for this API has been reached")))
}

/// Freezes what the API now is.
pub(crate) async fn deploy(
    gateway: &Gateway,
    api: &ApiRecord,
    description: Option<String>,
    auto: bool,
) -> Result<DeploymentRecord> {
    let (store, owner) = (&gateway.store, Owner::V2(api));
    let id = random_alphanumeric(DEPLOYMENT_ID_CHARS);
    let snapshot = SnapshotRecord {
        id: id.clone(),
        routes: parts::all(store, owner).await?,
        integrations: parts::all(store, owner).await?,
        route_responses: parts::all(store, owner).await?,
        integration_responses: parts::all(store, owner).await?,
        authorizers: parts::all(store, owner).await?,
    };
    if snapshot.routes.is_empty() && !auto {
        return Err(GatewayError::bad_request("At least one route is required before deploying the Api."));
    }
    let taken = || GatewayError::conflict("Deployment already exists");
    parts::create(store, owner, snapshot, taken).await?;
    let created_ms = gateway.clock.now().as_millis();
    parts::create(store, owner, DeploymentRecord { id, created_ms, description, auto }, taken).await
}

/// Called after every change of an API's parts: stages that deploy themselves run it from now on.
pub(crate) async fn changed(gateway: &Gateway, api: &ApiRecord) -> Result<()> {
    let (store, owner) = (&gateway.store, Owner::V2(api));
    let stages: Vec<StageRecord> = parts::all(store, owner).await?;
    gateway.forget_v2(&api.id);
    let following: Vec<&StageRecord> = stages.iter().filter(|stage| stage.auto_deploy).collect();
    if following.is_empty() {
        return Ok(());
    }
    let fresh = deploy(gateway, api, Some(AUTO_DESCRIPTION.to_owned()), true).await?;
    for stage in following {
        let run = |stage: &mut StageRecord| {
            stage.deployment_id = Some(fresh.id.clone());
            Ok(())
        };
        match parts::edit(store, owner, &stage.name, run).await {
            // Deleted meanwhile: nothing runs the deployment.
            Ok(_) | Err(GatewayError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    gateway.forget_v2(&api.id);
    drop_unused(gateway, api).await
}

/// Deletes the deployments that changes made and no stage runs any more: nobody asked for them.
async fn drop_unused(gateway: &Gateway, api: &ApiRecord) -> Result<()> {
    let (store, owner) = (&gateway.store, Owner::V2(api));
    let deployments: Vec<DeploymentRecord> = parts::all(store, owner).await?;
    let stages: Vec<StageRecord> = parts::all(store, owner).await?;
    let runs = |id: &str| stages.iter().any(|stage| stage.deployment_id.as_deref() == Some(id));
    // The newest may be on its way into a stage that another change gives it.
    let newest = deployments.iter().map(|deployment| deployment.created_ms).max();
    let unused =
        deployments.iter().filter(|known| known.auto && Some(known.created_ms) != newest && !runs(&known.id));
    for deployment in unused {
        match forget(gateway, api, &deployment.id).await {
            // Another change was faster.
            Ok(()) | Err(GatewayError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes a deployment with what it froze.
pub(crate) async fn forget(gateway: &Gateway, api: &ApiRecord, id: &str) -> Result<()> {
    let owner = Owner::V2(api);
    parts::delete::<DeploymentRecord>(&gateway.store, owner, id).await?;
    parts::delete::<SnapshotRecord>(&gateway.store, owner, id).await.map(drop)
}
