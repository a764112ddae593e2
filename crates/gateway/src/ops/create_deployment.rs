//! CreateDeployment: freezes the API as it is, and moves a stage to what was frozen if one is named.

use std::collections::HashMap;

use api::apigateway::{CreateDeploymentInput, CreateDeploymentOutput};
use base::{Cx, random_alphanumeric};
use store::{Batch, Entry};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::definition::Parts;
use crate::rest::records::{
    ApiRecord, CanaryRecord, DeploymentRecord, MethodRecord, StageRecord, Stages, Tree,
};
use crate::rest::stage::check_percent;
use crate::rest::{rows, snapshot, view};

/// How often the tree may change between its reading and the freezing before AWS's own complaint is given.
const ATTEMPTS_MAX: usize = 16;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    mut input: CreateDeploymentInput,
) -> Result<CreateDeploymentOutput> {
    input.stage_name = input.stage_name.filter(|name| !name.is_empty());
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let deployment = DeploymentRecord {
        id: random_alphanumeric(6),
        description: input.description.clone(),
        created_ms: gateway.clock.now().as_millis(),
    };
    for _ in 0..ATTEMPTS_MAX {
        if freeze(gateway, &api, &deployment, &input).await? {
            gateway.live.forget(&api.id);
            return Ok(view::deployment(deployment));
        }
    }
    Err(GatewayError::conflict(
        "Unable to complete operation due to concurrent modification. Please try again later.",
    ))
}

/// Reads the tree for the keys of its methods, then freezes tree and methods together; false if the tree has
/// changed between the two.
async fn freeze(
    gateway: &Gateway,
    api: &ApiRecord,
    deployment: &DeploymentRecord,
    input: &CreateDeploymentInput,
) -> Result<bool> {
    let parts = Parts::read(&gateway.store, api).await?;
    let tree: Tree = rows::read(&gateway.store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    let names: Vec<(&String, &String)> = tree
        .resources
        .iter()
        .flat_map(|(id, node)| node.methods.iter().map(move |method| (id, method)))
        .collect();
    let mut keys = vec![rows::tree_key(api.row), rows::stages_key(api.row)];
    keys.extend(names.iter().map(|(id, method)| rows::method_key(api.row, id, method)));
    rows::edit(&gateway.store, api, keys, |api, found| {
        if rows::decode_row::<Tree>(found[0].as_ref())?.unwrap_or_default() != tree {
            return Ok((Batch::new(), false));
        }
        let mut snapshot = snapshot::freeze(&api, &tree, methods(&names, &found[2..])?)?;
        parts.freeze(&mut snapshot);
        let mut batch = Batch::new()
            .put(rows::deployment_key(api.row, &deployment.id), rows::encode(deployment))
            .put(rows::snapshot_key(api.row, &deployment.id), rows::encode(&snapshot));
        if let Some(name) = &input.stage_name {
            let mut stages = rows::decode_row::<Stages>(found[1].as_ref())?.unwrap_or_default();
            move_stage(&mut stages, name, deployment, input)?;
            batch = batch.put(rows::stages_key(api.row), rows::encode(&stages));
        } else if input.canary_settings.is_some() {
            return Err(GatewayError::bad_request(
                "Invalid deployment content specified.Non null and non empty stageName must be provided for canary \
                 deployment. Provided value is null",
            ));
        }
        Ok((batch, true))
    })
    .await
}

fn methods(
    names: &[(&String, &String)],
    found: &[Option<Entry>],
) -> Result<HashMap<(String, String), MethodRecord>> {
    let mut methods = HashMap::with_capacity(names.len());
    for ((id, name), row) in names.iter().zip(found) {
        if let Some(method) = rows::decode_row(row.as_ref())? {
            methods.insert(((*id).clone(), (*name).clone()), method);
        }
    }
    Ok(methods)
}

/// Points the stage at the deployment; makes the stage if it is not there; makes a canary of it if that is asked.
fn move_stage(
    stages: &mut Stages,
    name: &str,
    deployment: &DeploymentRecord,
    input: &CreateDeploymentInput,
) -> Result<()> {
    if let Some(canary) = &input.canary_settings {
        let stage = stages.stages.get_mut(name).ok_or_else(|| {
            GatewayError::bad_request(format!(
                "Invalid deployment content specified.Stage {name} must already be created before making a canary \
                 release deployment"
            ))
        })?;
        stage.canary = Some(CanaryRecord {
            percent_traffic: check_percent(canary.percent_traffic.unwrap_or_default())?,
            deployment_id: deployment.id.clone(),
            stage_variable_overrides: canary.stage_variable_overrides.clone().unwrap_or_default(),
            use_stage_cache: canary.use_stage_cache.unwrap_or_default(),
        });
        return Ok(());
    }
    if !stages.stages.contains_key(name) {
        let created_ms = deployment.created_ms;
        stages.insert(StageRecord { name: name.to_owned(), created_ms, ..StageRecord::default() })?;
    }
    let stage = stages.stage_mut(name)?;
    stage.deployment_id = deployment.id.clone();
    stage.updated_ms = deployment.created_ms;
    // A deployment to the stage itself ends its canary.
    stage.canary = None;
    if let Some(description) = &input.stage_description {
        stage.description = Some(description.clone());
    }
    if let Some(variables) = &input.variables {
        stage.variables = variables.clone();
    }
    if let Some(enabled) = input.cache_cluster_enabled {
        stage.cache_cluster_enabled = enabled;
    }
    if let Some(size) = input.cache_cluster_size {
        stage.cache_cluster_size = Some(size.as_str().to_owned());
    }
    if let Some(enabled) = input.tracing_enabled {
        stage.tracing_enabled = enabled;
    }
    stage.settle();
    stage.check()
}
