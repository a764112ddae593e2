//! GetUsagePlan.

use api::apigateway::{GetUsagePlanInput, GetUsagePlanOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetUsagePlanInput) -> Result<GetUsagePlanOutput> {
    let plan = parts::read(&gateway.store, Owner::Scope(&cx.scope), &input.usage_plan_id).await?;
    Ok(view::usage_plan(plan))
}
