//! UpdateUsagePlan: its settings, its stages, and what their methods let through.

use api::apigateway::{UpdateUsagePlanInput, UpdateUsagePlanOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::usage_plan::UsagePlanRecord;
use crate::rest::{subscription, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateUsagePlanInput,
) -> Result<UpdateUsagePlanOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let owner = Owner::Scope(&cx.scope);
    let apply = |plan: &mut UsagePlanRecord| {
        patches.iter().try_for_each(|patch| plan.patch(patch))?;
        plan.check()
    };
    let before: UsagePlanRecord = parts::read(&gateway.store, owner, &input.usage_plan_id).await?;
    let mut after = before.clone();
    apply(&mut after)?;
    after.stages.retain(|stage| before.stage(&stage.api_id, &stage.stage).is_none());
    subscription::check_stages(gateway, &cx.scope, &after.stages).await?;
    let plan = parts::edit(&gateway.store, owner, &input.usage_plan_id, apply).await?;
    gateway.usage.forget();
    Ok(view::usage_plan(plan))
}
