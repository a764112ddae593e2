//! DeleteMethodResponse.

use api::apigateway::{DeleteMethodResponseInput, DeleteMethodResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, MethodAt};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteMethodResponseInput,
) -> Result<DeleteMethodResponseOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        let removed = method.responses.remove(&input.status_code);
        removed.map(|_| DeleteMethodResponseOutput {}).ok_or_else(GatewayError::no_response)
    })
    .await
}
