//! API keys in usage plans: who may be in which, and what they used. Knows the store, and no request.

use std::collections::BTreeMap;

use api::apigateway as aws;
use base::Scope;

use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::api_key::ApiKeyRecord;
use crate::rest::meter::{self, Subscription};
use crate::rest::usage_plan::{PlanStageRecord, UsagePlanRecord, day_text, no_stage};
use crate::rest::{keyring, rows};
use crate::{Gateway, v2};

/// AWS's quota.
const PLANS_OF_KEY_MAX: usize = 10;

/// Fails unless the stages are there.
pub(crate) async fn check_stages(gateway: &Gateway, scope: &Scope, stages: &[PlanStageRecord]) -> Result<()> {
    for PlanStageRecord { api_id, stage, .. } in stages {
        let missing = |error| match error {
            GatewayError::NotFound(_) => no_stage(api_id, stage),
            other => other,
        };
        match v2::rows::read_api(&gateway.store, scope, api_id).await {
            Ok(api) if api.is_websocket() => {
                let found =
                    parts::read::<v2::stage::StageRecord>(&gateway.store, Owner::V2(&api), stage).await;
                found.map_err(missing)?;
                continue;
            }
            // HTTP APIs have no API keys.
            Ok(_) | Err(GatewayError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let api = rows::read_api(&gateway.store, scope, api_id).await.map_err(missing)?;
        rows::read_stages(&gateway.store, &api).await?.stage(stage).map_err(missing)?;
    }
    Ok(())
}

/// Takes a stage, or all stages of an API, that are deleted out of the plans that have them.
pub(crate) async fn forget_stages(
    gateway: &Gateway,
    scope: &Scope,
    api_id: &str,
    stage: Option<&str>,
) -> Result<()> {
    let gone =
        |known: &PlanStageRecord| known.api_id == api_id && stage.is_none_or(|stage| known.stage == stage);
    let plans: Vec<UsagePlanRecord> = parts::all(&gateway.store, Owner::Scope(scope)).await?;
    for plan in plans.into_iter().filter(|plan| plan.stages.iter().any(gone)) {
        let without = |found: Option<UsagePlanRecord>| {
            let plan = found.map(|mut plan| {
                plan.stages.retain(|known| !gone(known));
                plan
            });
            Ok((plan, ()))
        };
        parts::change(&gateway.store, Owner::Scope(scope), &plan.id, without).await?;
    }
    gateway.usage.forget();
    Ok(())
}

/// The key, now in the plan.
pub(crate) async fn subscribe(
    gateway: &Gateway,
    scope: &Scope,
    plan_id: &str,
    key_id: &str,
) -> Result<ApiKeyRecord> {
    let owner = Owner::Scope(scope);
    let plan: UsagePlanRecord = parts::read(&gateway.store, owner, plan_id).await?;
    let key: ApiKeyRecord = parts::read(&gateway.store, owner, key_id).await?;
    let others = keyring::plans(&gateway.store, scope, &key).await?;
    let shared = |stage: &&PlanStageRecord| {
        others.iter().any(|other| other.id != plan.id && other.stage(&stage.api_id, &stage.stage).is_some())
    };
    if let Some(stage) = plan.stages.iter().find(shared) {
        return Err(GatewayError::conflict(format!(
            "Usage Plan Key cannot be created: API Key {key_id} is in another usage plan with the API Stage {}:{}",
            stage.api_id, stage.stage
        )));
    }
    let living: Vec<String> = others.into_iter().map(|plan| plan.id).collect();
    let key = parts::edit(&gateway.store, owner, key_id, |key: &mut ApiKeyRecord| {
        if key.plans.iter().any(|id| id == plan_id) {
            return Err(GatewayError::conflict(format!(
                "Usage Plan Key cannot be created: API Key {key_id} is in the usage plan {plan_id} already"
            )));
        }
        if key.plans.len() >= PLANS_OF_KEY_MAX {
            key.plans.retain(|id| living.contains(id));
        }
        if key.plans.len() >= PLANS_OF_KEY_MAX {
            return Err(GatewayError::limit("An API key can be in at most 10 usage plans"));
        }
        key.plans.push(plan_id.to_owned());
        Ok(())
    })
    .await?;
    gateway.usage.forget();
    Ok(key)
}

pub(crate) async fn unsubscribe(gateway: &Gateway, scope: &Scope, plan_id: &str, key_id: &str) -> Result<()> {
    read(gateway, scope, plan_id, key_id).await?;
    parts::edit(&gateway.store, Owner::Scope(scope), key_id, |key: &mut ApiKeyRecord| {
        key.plans.retain(|id| id != plan_id);
        Ok(())
    })
    .await?;
    gateway.usage.forget();
    Ok(())
}

/// A key that is in the plan.
pub(crate) async fn read(
    gateway: &Gateway,
    scope: &Scope,
    plan_id: &str,
    key_id: &str,
) -> Result<ApiKeyRecord> {
    let owner = Owner::Scope(scope);
    parts::read::<UsagePlanRecord>(&gateway.store, owner, plan_id).await?;
    let key: ApiKeyRecord = parts::read(&gateway.store, owner, key_id).await?;
    if key.plans.iter().any(|id| id == plan_id) {
        return Ok(key);
    }
    Err(GatewayError::NotFound(format!("Usage Plan id {plan_id} is not associated with API Key {key_id}")))
}

/// The keys of a plan, by their ids.
pub(crate) async fn of_plan(gateway: &Gateway, scope: &Scope, plan_id: &str) -> Result<Vec<ApiKeyRecord>> {
    let owner = Owner::Scope(scope);
    if parts::find::<UsagePlanRecord>(&gateway.store, owner, plan_id).await?.is_none() {
        return Err(UsagePlanRecord::missing(plan_id));
    }
    let mut keys: Vec<ApiKeyRecord> = parts::all(&gateway.store, owner).await?;
    keys.retain(|key| key.plans.iter().any(|id| id == plan_id));
    Ok(keys)
}

/// What keys of a plan used from day to day, both included: for each day the requests, and what was left at its end.
pub(crate) async fn usage(
    gateway: &Gateway,
    scope: &Scope,
    plan: &UsagePlanRecord,
    keys: &[ApiKeyRecord],
    days: (i64, i64),
) -> Result<aws::Usage> {
    let from = plan.quota.as_ref().map_or(days.0, |quota| quota.began(days.0));
    let mut items = BTreeMap::new();
    for key in keys {
        let who = Subscription { scope, plan_id: &plan.id, key_id: &key.id };
        let usage = gateway.usage.meters.usage(who, (from, days.1)).await?;
        let shown = usage.range(days.0..).map(|(&day, of_day)| {
            let left = plan.quota.as_ref().map_or(0, |quota| meter::remaining(quota, &usage, day).max(0));
            vec![of_day.used, left]
        });
        items.insert(key.id.clone(), shown.collect());
    }
    Ok(aws::Usage {
        usage_plan_id: Some(plan.id.clone()),
        start_date: Some(day_text(days.0)),
        end_date: Some(day_text(days.1)),
        position: None,
        items: Some(items),
    })
}
