//! ResetAuthorizersCache: what authorizers decided for a stage is asked anew, on all nodes.

use api::apigatewayv2::{ResetAuthorizersCacheInput, ResetAuthorizersCacheOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::rows;
use crate::v2::stage::StageRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: ResetAuthorizersCacheInput,
) -> Result<ResetAuthorizersCacheOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let now_ms = gateway.clock.now().as_millis();
    let apply = |stage: &mut StageRecord| {
        stage.reset_decisions(now_ms);
        Ok(())
    };
    let stage = parts::edit(&gateway.store, Owner::V2(&api), &input.stage_name, apply).await?;
    gateway.forget_v2(&api.id);
    gateway.decisions.flush(&api.id, &stage.name);
    Ok(ResetAuthorizersCacheOutput {})
}
