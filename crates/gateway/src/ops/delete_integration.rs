//! DeleteIntegration.

use api::apigateway::{DeleteIntegrationInput, DeleteIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, MethodAt};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteIntegrationInput,
) -> Result<DeleteIntegrationOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        let removed = method.integration.take();
        removed.map(|_| DeleteIntegrationOutput {}).ok_or_else(GatewayError::no_integration)
    })
    .await
}
