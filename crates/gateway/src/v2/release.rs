//! Deployments and the stages that follow every change by themselves.

use base::random_alphanumeric;
use bytes::Bytes;
use store::{Batch, Store};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::rows::{decode_row, encode};
use crate::v2::deployment::{DeploymentRecord, SnapshotRecord};
use crate::v2::records::ApiRecord;
use crate::v2::rows;
use crate::v2::stage::StageRecord;

/// AWS's quotas of routes and of integrations of an API, together.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const PARTS_MAX: usize = 300;
const AUTO_DESCRIPTION: &str = "Automatic deployment triggered by changes to the Api configuration";
/// How often an API may change between the making of a deployment and its release.
const ATTEMPTS_MAX: usize = 16;
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
    // Read before what it is the last change of: then the deployment has that.
    let change = last_change(store, api).await?;
    let snapshot = SnapshotRecord { id: id.clone(), ..now(store, api).await? };
    if snapshot.routes.is_empty() && !auto {
        return Err(GatewayError::bad_request("At least one route is required before deploying the Api."));
    }
    let taken = || GatewayError::conflict("Deployment already exists");
    parts::create(store, owner, snapshot, taken).await?;
    let created_ms = gateway.clock.now().as_millis();
    let change = change.map(|mark| String::from_utf8_lossy(&mark).into_owned());
    parts::create(store, owner, DeploymentRecord { id, created_ms, description, auto, change }, taken).await
}

/// What an API is now, which no deployment has frozen yet.
pub(crate) async fn now(store: &Store, api: &ApiRecord) -> Result<SnapshotRecord> {
    let owner = Owner::V2(api);
    Ok(SnapshotRecord {
        id: String::new(),
        routes: parts::all(store, owner).await?,
        integrations: parts::all(store, owner).await?,
        route_responses: parts::all(store, owner).await?,
        integration_responses: parts::all(store, owner).await?,
        authorizers: parts::all(store, owner).await?,
    })
}

/// The mark of the last change of what deployments of an API freeze; none has been made yet, or not since they are marked.
pub(crate) async fn last_change(store: &Store, api: &ApiRecord) -> Result<Option<Bytes>> {
    Ok(store.get(&rows::change_key(api)).await?.map(|entry| entry.value))
}

/// What a stage runs. One that deploys itself runs the API as it is, also when the process that changed it ended before it
/// made the deployment.
pub(crate) async fn running(
    store: &Store,
    api: &ApiRecord,
    stage: &StageRecord,
    change: Option<&Bytes>,
) -> Result<Option<SnapshotRecord>> {
    let owner = Owner::V2(api);
    let Some(id) = &stage.deployment_id else { return Ok(None) };
    if stage.auto_deploy {
        let deployment: Option<DeploymentRecord> = parts::find(store, owner, id).await?;
        if deployment.is_none_or(|deployment| !deployment.has(change)) {
            return now(store, api).await.map(Some);
        }
    }
    parts::find(store, owner, id).await
}

/// Called after every change of an API's parts: stages that deploy themselves run it from now on.
pub(crate) async fn changed(gateway: &Gateway, api: &ApiRecord) -> Result<()> {
    gateway.forget_v2(&api.id);
    for _ in 0..ATTEMPTS_MAX {
        let stages: Vec<StageRecord> = parts::all(&gateway.store, Owner::V2(api)).await?;
        let following: Vec<&StageRecord> = stages.iter().filter(|stage| stage.auto_deploy).collect();
        if following.is_empty() {
            return Ok(());
        }
        let fresh = deploy(gateway, api, Some(AUTO_DESCRIPTION.to_owned()), true).await?;
        let released = release(&gateway.store, api, &following, &fresh).await?;
        gateway.forget_v2(&api.id);
        drop_unused(gateway, api).await?;
        if released {
            return Ok(());
        }
    }
    // Stages that deploy themselves run the newest state all the same, see `running`.
    Ok(())
}

/// Lets stages run a deployment. False if the API has changed since that was made, or it has gone.
async fn release(
    store: &Store,
    api: &ApiRecord,
    stages: &[&StageRecord],
    deployment: &DeploymentRecord,
) -> Result<bool> {
    let owner = Owner::V2(api);
    let deployment_key = owner.key::<DeploymentRecord>(&deployment.id);
    let mut keys = vec![rows::api_key(&api.id), rows::change_key(api), deployment_key];
    keys.extend(stages.iter().map(|stage| owner.key::<StageRecord>(&stage.name)));
    let done = store.transact(keys.clone(), |found| {
        rows::same_api(found[0].as_ref(), api)?;
        // Another change may have found that nothing runs the deployment.
        if found[2].is_none() || !deployment.has(found[1].as_ref().map(|mark| &mark.value)) {
            return Ok((Batch::new(), false));
        }
        let mut batch = Batch::new();
        for (key, entry) in keys.iter().zip(found).skip(3) {
            // Deleted meanwhile, or no longer one that deploys itself.
            let Some(mut stage) = decode_row::<StageRecord>(entry.as_ref())? else { continue };
            if stage.auto_deploy {
                stage.deployment_id = Some(deployment.id.clone());
                batch = batch.put(key.clone(), encode(&stage));
            }
        }
        Ok((batch, true))
    });
    Ok(done.await.map(|(released, _)| released)?)
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
