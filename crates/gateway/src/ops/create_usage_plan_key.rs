//! CreateUsagePlanKey: adds an API key to a plan.

use api::apigateway::{CreateUsagePlanKeyInput, CreateUsagePlanKeyOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::{subscription, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateUsagePlanKeyInput,
) -> Result<CreateUsagePlanKeyOutput> {
    if input.key_type != "API_KEY" {
        return Err(GatewayError::bad_request("Usage Plan Key type must be API_KEY"));
    }
    let key = subscription::subscribe(gateway, &cx.scope, &input.usage_plan_id, &input.key_id).await?;
    Ok(view::usage_plan_key(key, true))
}
