//! GetIntegrationResponse.

use api::apigatewayv2::{GetIntegrationResponseInput, GetIntegrationResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::integration::IntegrationResponseRecord;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetIntegrationResponseInput,
) -> Result<GetIntegrationResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = format!("{}/{}", input.integration_id, input.integration_response_id);
    let found: IntegrationResponseRecord = parts::read(&gateway.store, Owner::V2(&api), &id).await?;
    Ok(found.shown())
}
