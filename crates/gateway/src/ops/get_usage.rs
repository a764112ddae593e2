//! GetUsage: what a plan's keys used, day by day, and what was left of the quota.

use api::apigateway::{GetUsageInput, GetUsageOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::subscription;
use crate::rest::usage_plan::{UsagePlanRecord, parse_day};

/// As AWS keeps it.
const DAYS_MAX: i64 = 90;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetUsageInput) -> Result<GetUsageOutput> {
    let owner = Owner::Scope(&cx.scope);
    let plan: UsagePlanRecord = parts::read(&gateway.store, owner, &input.usage_plan_id).await?;
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let days = (parse_day(&input.start_date)?, parse_day(&input.end_date)?);
    if days.0 > days.1 {
        return Err(GatewayError::bad_request("Usage start date must not be after the end date"));
    }
    if days.1 - days.0 >= DAYS_MAX {
        return Err(GatewayError::bad_request("Usage can be read for at most 90 days"));
    }
    let keys = match input.key_id.filter(|id| !id.is_empty()) {
        Some(id) => vec![subscription::read(gateway, &cx.scope, &plan.id, &id).await?],
        None => subscription::of_plan(gateway, &cx.scope, &plan.id).await?,
    };
    let (keys, position) = page.cut(keys, |key| key.id.as_bytes());
    let mut shown = subscription::usage(gateway, &cx.scope, &plan, &keys, days).await?;
    shown.position = position;
    Ok(shown)
}
