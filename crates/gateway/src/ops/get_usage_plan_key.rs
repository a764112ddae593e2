//! GetUsagePlanKey.

use api::apigateway::{GetUsagePlanKeyInput, GetUsagePlanKeyOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::{subscription, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetUsagePlanKeyInput,
) -> Result<GetUsagePlanKeyOutput> {
    let key = subscription::read(gateway, &cx.scope, &input.usage_plan_id, &input.key_id).await?;
    Ok(view::usage_plan_key(key, true))
}
