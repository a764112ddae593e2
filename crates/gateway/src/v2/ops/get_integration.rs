//! GetIntegration.

use api::apigatewayv2::{GetIntegrationInput, GetIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::integration::IntegrationRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetIntegrationInput,
) -> Result<GetIntegrationOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let found: IntegrationRecord =
        parts::read(&gateway.store, Owner::V2(&api), &input.integration_id).await?;
    Ok(found.shown(api.is_websocket()))
}
