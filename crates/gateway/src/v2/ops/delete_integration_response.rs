//! DeleteIntegrationResponse.

use api::apigatewayv2::{DeleteIntegrationResponseInput, DeleteIntegrationResponseOutput};
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
    input: DeleteIntegrationResponseInput,
) -> Result<DeleteIntegrationResponseOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = format!("{}/{}", input.integration_id, input.integration_response_id);
    parts::delete::<IntegrationResponseRecord>(&gateway.store, Owner::V2(&api), &id).await?;
    release::changed(gateway, &api).await?;
    Ok(DeleteIntegrationResponseOutput {})
}
