//! UpdateUsage: what a key has left in the period that runs.

use api::apigateway::{UpdateUsageInput, UpdateUsageOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::patch::{Patch, PatchVerb};
use crate::rest::meter::{self, Subscription};
use crate::rest::subscription;
use crate::rest::usage_plan::{UsagePlanRecord, day_of};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateUsageInput) -> Result<UpdateUsageOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let owner = Owner::Scope(&cx.scope);
    let plan: UsagePlanRecord = parts::read(&gateway.store, owner, &input.usage_plan_id).await?;
    let key = subscription::read(gateway, &cx.scope, &plan.id, &input.key_id).await?;
    let Some(quota) = &plan.quota else {
        return Err(GatewayError::bad_request(format!("Usage Plan {} has no quota", plan.id)));
    };
    let day = day_of(gateway.clock.now());
    let who = Subscription { scope: &cx.scope, plan_id: &plan.id, key_id: &key.id };
    for patch in &patches {
        if (patch.verb, &patch.segments()[..]) != (PatchVerb::Replace, &["remaining"][..]) {
            return Err(patch.none_of(&["/remaining"]));
        }
        let wanted: i64 = patch.number()?;
        if wanted < 0 {
            return Err(patch.bad_value());
        }
        let usage = gateway.usage.meters.usage(who, (quota.began(day), day)).await?;
        let delta = wanted.saturating_sub(meter::remaining(quota, &usage, day));
        gateway.usage.meters.grant(who, day, delta).await?;
    }
    subscription::usage(gateway, &cx.scope, &plan, &[key], (day, day)).await
}
