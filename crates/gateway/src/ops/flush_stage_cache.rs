//! FlushStageCache.

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
    let mut stages = rows::read_stages(&gateway.store, &api).await?;
    stages.stage_mut(&input.stage_name)?;
    gateway.caches.flush(&api.id, Some(&input.stage_name));
    Ok(FlushStageCacheOutput {})
}
