//! DeleteResource: the resource with all below it.

use api::apigateway::{DeleteResourceInput, DeleteResourceOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::rows::{self, MethodAt};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteResourceInput,
) -> Result<DeleteResourceOutput> {
    let at = MethodAt { api_id: &input.rest_api_id, resource_id: &input.resource_id, http_method: "" };
    let api = at.api(&gateway.store, &cx.scope).await?;
    rows::edit_tree(&gateway.store, &api, |tree, batch| {
        let methods = tree.remove(&input.resource_id)?;
        let batch = methods.iter().fold(batch, |batch, (resource, method)| {
            batch.delete(rows::method_key(api.row, resource, method))
        });
        Ok((batch, DeleteResourceOutput {}))
    })
    .await
}
