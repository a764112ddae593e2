//! DeleteUsagePlanKey: takes an API key out of a plan.

use api::apigateway::{DeleteUsagePlanKeyInput, DeleteUsagePlanKeyOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::subscription;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteUsagePlanKeyInput,
) -> Result<DeleteUsagePlanKeyOutput> {
    subscription::unsubscribe(gateway, &cx.scope, &input.usage_plan_id, &input.key_id).await?;
    Ok(DeleteUsagePlanKeyOutput {})
}
