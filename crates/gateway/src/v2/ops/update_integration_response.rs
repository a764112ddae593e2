//! UpdateIntegrationResponse: what is given takes the place of what was.

use api::apigatewayv2::{UpdateIntegrationResponseInput, UpdateIntegrationResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::v2::integration::IntegrationResponseRecord;
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateIntegrationResponseInput,
) -> Result<UpdateIntegrationResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = format!("{}/{}", input.integration_id, input.integration_response_id);
    let apply = |response: &mut IntegrationResponseRecord| response.apply(input.clone());
    let response = parts::edit(&gateway.store, Owner::V2(&api), &id, apply).await?;
    release::changed(gateway, &api).await?;
    Ok(response.shown())
}
