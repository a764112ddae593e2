//! GetIntegrationResponse.

use api::apigateway::{GetIntegrationResponseInput, GetIntegrationResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetIntegrationResponseInput,
) -> Result<GetIntegrationResponseOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let method = rows::read_method(&gateway.store, &cx.scope, at).await?;
    let mut integration = method.integration.ok_or_else(GatewayError::no_integration)?;
    let response = integration.responses.remove(&input.status_code).ok_or_else(GatewayError::no_response)?;
    Ok(view::integration_response(response))
}
