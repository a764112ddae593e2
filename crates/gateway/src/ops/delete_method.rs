//! DeleteMethod: the method with its integration and responses.

use api::apigateway::{DeleteMethodInput, DeleteMethodOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::rows::{self, MethodAt};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: DeleteMethodInput) -> Result<DeleteMethodOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let api = at.api(&gateway.store, &cx.scope).await?;
    rows::edit_tree(&gateway.store, &api, |tree, batch| {
        let methods = &mut tree.node_mut(at.resource_id)?.methods;
        let place = methods.iter().position(|name| name == at.http_method);
        methods.remove(place.ok_or_else(GatewayError::no_method)?);
        let batch = batch.delete(rows::method_key(api.row, at.resource_id, at.http_method));
        Ok((batch, DeleteMethodOutput {}))
    })
    .await
}
