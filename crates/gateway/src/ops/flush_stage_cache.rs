//! FlushStageCache: on all nodes.

use api::apigateway::{FlushStageCacheInput, FlushStageCacheOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: FlushStageCacheInput,
) -> Result<FlushStageCacheOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let now_ms = gateway.clock.now().as_millis();
    rows::edit_stages(&gateway.store, &api, |stages| {
        stages.stage_mut(&input.stage_name)?.flush_answers(now_ms);
        Ok(())
    })
    .await?;
    gateway.live.forget(&api.id);
    gateway.caches.flush(&api.id, Some(&input.stage_name));
    Ok(FlushStageCacheOutput {})
}
