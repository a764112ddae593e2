//! CreateUsagePlan.

use api::apigateway::{
    ApiStage, CreateUsagePlanInput, CreateUsagePlanOutput, QuotaSettings, ThrottleSettings,
};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::usage_plan::{PlanStageRecord, QuotaRecord, ThrottleRecord, UsagePlanRecord};
use crate::rest::{subscription, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateUsagePlanInput,
) -> Result<CreateUsagePlanOutput> {
    let mut plan = UsagePlanRecord {
        id: random_alphanumeric(6),
        name: input.name,
        description: input.description,
        stages: input.api_stages.unwrap_or_default().into_iter().map(stage).collect(),
        throttle: input.throttle.map(throttle),
        quota: input.quota.map(quota).transpose()?,
        product_code: None,
        tags: input.tags.unwrap_or_default(),
        created_ms: gateway.clock.now().as_millis(),
    };
    plan.check()?;
    subscription::check_stages(gateway, &cx.scope, &plan.stages).await?;
    loop {
        let taken = || GatewayError::conflict("Usage Plan already exists");
        match parts::create(&gateway.store, Owner::Scope(&cx.scope), plan.clone(), taken).await {
            Err(GatewayError::Conflict(_)) => plan.id = random_alphanumeric(6),
            done => return done.map(view::usage_plan),
        }
    }
}

fn stage(stage: ApiStage) -> PlanStageRecord {
    let methods = stage.throttle.unwrap_or_default();
    PlanStageRecord {
        api_id: stage.api_id.unwrap_or_default(),
        stage: stage.stage.unwrap_or_default(),
        throttle: methods.into_iter().map(|(method, found)| (method, throttle(found))).collect(),
    }
}

fn throttle(settings: ThrottleSettings) -> ThrottleRecord {
    ThrottleRecord {
        burst_limit: settings.burst_limit.unwrap_or_default(),
        rate_limit: settings.rate_limit.unwrap_or_default(),
    }
}

fn quota(settings: QuotaSettings) -> Result<QuotaRecord> {
    let period =
        settings.period.ok_or_else(|| GatewayError::bad_request("Usage Plan quota period is required"))?;
    Ok(QuotaRecord {
        limit: settings.limit.unwrap_or_default(),
        offset: settings.offset.unwrap_or_default(),
        period: period.as_str().to_owned(),
    })
}
