//! GetIntegration.

use api::apigateway::{GetIntegrationInput, GetIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetIntegrationInput,
) -> Result<GetIntegrationOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let method = rows::read_method(&gateway.store, &cx.scope, at).await?;
    Ok(view::integration(method.integration.ok_or_else(GatewayError::no_integration)?))
}
