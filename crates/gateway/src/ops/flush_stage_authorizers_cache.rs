//! FlushStageAuthorizersCache: on all nodes.

use api::apigateway::{FlushStageAuthorizersCacheInput, FlushStageAuthorizersCacheOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: FlushStageAuthorizersCacheInput,
) -> Result<FlushStageAuthorizersCacheOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let now_ms = gateway.clock.now().as_millis();
    rows::edit_stages(&gateway.store, &api, |stages| {
        stages.stage_mut(&input.stage_name)?.flush_decisions(now_ms);
        Ok(())
    })
    .await?;
    gateway.live.forget(&api.id);
    gateway.decisions.flush(&api.id, &input.stage_name);
    Ok(FlushStageAuthorizersCacheOutput {})
}
