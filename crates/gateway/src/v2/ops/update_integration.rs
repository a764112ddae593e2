//! UpdateIntegration: what is given takes the place of what was.

use api::apigatewayv2::{UpdateIntegrationInput, UpdateIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::integration::IntegrationRecord;
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateIntegrationInput,
) -> Result<UpdateIntegrationOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let apply = |integration: &mut IntegrationRecord| {
        integration.apply(input.clone());
        integration.check(api.is_websocket())
    };
    let integration = parts::edit(&gateway.store, Owner::V2(&api), &input.integration_id, apply).await?;
    release::changed(gateway, &api).await?;
    Ok(integration.shown(api.is_websocket()))
}
