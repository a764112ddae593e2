//! DeleteUsagePlan: one that has no stage any more.

use api::apigateway::{DeleteUsagePlanInput, DeleteUsagePlanOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner, Part};
use crate::rest::meter;
use crate::rest::usage_plan::UsagePlanRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteUsagePlanInput,
) -> Result<DeleteUsagePlanOutput> {
    let id = &input.usage_plan_id;
    let decide = |found: Option<UsagePlanRecord>| match found {
        None => Err(UsagePlanRecord::missing(id)),
        Some(plan) => match plan.stages.first() {
            Some(stage) => Err(GatewayError::bad_request(format!(
                "Cannot delete Usage Plan {id} because there are API Stages associated with it, including {}:{}",
                stage.api_id, stage.stage
            ))),
            None => Ok((None, ())),
        },
    };
    parts::change(&gateway.store, Owner::Scope(&cx.scope), id, decide).await?;
    gateway.usage.forget();
    // Nothing leads to the rest any more.
    gateway.store.delete_range(meter::plan_range(&cx.scope, id)).await?;
    Ok(DeleteUsagePlanOutput {})
}
