//! CreateIntegration.

use api::apigatewayv2::{CreateIntegrationInput, CreateIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::integration::IntegrationRecord;
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateIntegrationInput,
) -> Result<CreateIntegrationOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let all: Vec<IntegrationRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    release::check_count(all.len(), "integrations")?;
    let integration = IntegrationRecord::new(release::new_id(), input);
    integration.check(api.is_websocket())?;
    let taken = || GatewayError::conflict("Integration already exists");
    let integration = parts::create(&gateway.store, Owner::V2(&api), integration, taken).await?;
    release::changed(gateway, &api).await?;
    Ok(integration.shown(api.is_websocket()))
}
