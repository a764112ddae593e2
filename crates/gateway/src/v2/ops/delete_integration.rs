//! DeleteIntegration: the integration with its responses, unless a route uses it.

use api::apigatewayv2::{DeleteIntegrationInput, DeleteIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::v2::integration::{IntegrationRecord, IntegrationResponseRecord};
use crate::v2::release;
use crate::v2::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteIntegrationInput,
) -> Result<DeleteIntegrationOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    let id = &input.integration_id;
    let delete = rows::delete_named_by_routes::<IntegrationRecord>(&gateway.store, &api, id, |routes| {
        let refusal = || GatewayError::conflict("Cannot delete Integration while Routes are using it");
        routes.leads_to(id).then(refusal)
    });
    delete.await?;
    let responses: Vec<IntegrationResponseRecord> = parts::all(&gateway.store, Owner::V2(&api)).await?;
    for response in responses.iter().filter(|response| response.is_of(id)) {
        let gone = |_: Option<IntegrationResponseRecord>| Ok((None, ()));
        parts::change(&gateway.store, Owner::V2(&api), &response.id, gone).await?;
    }
    release::changed(gateway, &api).await?;
    Ok(DeleteIntegrationOutput {})
}
