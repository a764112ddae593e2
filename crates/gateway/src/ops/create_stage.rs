//! CreateStage.

use api::apigateway::{CreateStageInput, CreateStageOutput};
use base::Cx;
use store::Batch;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::records::{CanaryRecord, StageRecord, Stages};
use crate::rest::stage::check_percent;
use crate::rest::{rest_api, rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateStageInput) -> Result<CreateStageOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let stage = record(input, gateway.clock.now().as_millis())?;
    let mut keys = vec![rows::stages_key(api.row), rows::deployment_key(api.row, &stage.deployment_id)];
    keys.extend(stage.canary.iter().map(|canary| rows::deployment_key(api.row, &canary.deployment_id)));
    rows::edit(&gateway.store, &api, keys, |api, found| {
        let mut stages = rows::decode_row::<Stages>(found[0].as_ref())?.unwrap_or_default();
        if stages.stages.contains_key(&stage.name) {
            return Err(GatewayError::conflict("Stage already exists"));
        }
        if found[1..].iter().any(Option::is_none) {
            return Err(GatewayError::bad_request("Deployment id does not exist"));
        }
        stages.insert(stage.clone())?;
        Ok((Batch::new().put(rows::stages_key(api.row), rows::encode(&stages)), ()))
    })
    .await?;
    gateway.live.forget(&api.id);
    Ok(view::stage(stage))
}

fn record(input: CreateStageInput, now_ms: i64) -> Result<StageRecord> {
    let tags = input.tags.unwrap_or_default();
    rest_api::check_tags(&tags)?;
    let stage_deployment = input.deployment_id.clone();
    let canary = input.canary_settings.map(|canary| -> Result<CanaryRecord> {
        Ok(CanaryRecord {
            percent_traffic: check_percent(canary.percent_traffic.unwrap_or_default())?,
            deployment_id: canary.deployment_id.unwrap_or(stage_deployment),
            stage_variable_overrides: canary.stage_variable_overrides.unwrap_or_default(),
            use_stage_cache: canary.use_stage_cache.unwrap_or_default(),
        })
    });
    let mut stage = StageRecord {
        name: input.stage_name,
        deployment_id: input.deployment_id,
        description: input.description,
        cache_cluster_enabled: input.cache_cluster_enabled.unwrap_or_default(),
        cache_cluster_size: input.cache_cluster_size.map(|size| size.as_str().to_owned()),
        variables: input.variables.unwrap_or_default(),
        documentation_version: input.documentation_version,
        canary: canary.transpose()?,
        tracing_enabled: input.tracing_enabled.unwrap_or_default(),
        tags,
        created_ms: now_ms,
        updated_ms: now_ms,
        ..StageRecord::default()
    };
    stage.settle();
    Ok(stage)
}
