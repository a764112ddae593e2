//! DeleteAuthorizer: unless a route asks it.

use api::apigatewayv2::{DeleteAuthorizerInput, DeleteAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::v2::authorizer::AuthorizerRecord;
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteAuthorizerInput,
) -> Result<DeleteAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = &input.authorizer_id;
    let delete = rows::delete_named_by_routes::<AuthorizerRecord>(&gateway.store, &api, id, |routes| {
        let asking = routes.asks(id)?;
        Some(GatewayError::conflict(format!(
            "Cannot delete authorizer '{id}', is referenced in route: {asking}"
        )))
    });
    delete.await?;
    release::changed(gateway, &api).await?;
    gateway.decisions.flush_api(&api.id);
    Ok(DeleteAuthorizerOutput {})
}
