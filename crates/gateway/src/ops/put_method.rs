//! PutMethod.

use api::apigateway::{PutMethodInput, PutMethodOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::definition::Parts;
use crate::rest::records::MethodRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: PutMethodInput) -> Result<PutMethodOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let api = at.api(&gateway.store, &cx.scope).await?;
    let mut method = MethodRecord {
        http_method: input.http_method.clone(),
        authorization_type: input.authorization_type,
        authorizer_id: input.authorizer_id,
        api_key_required: input.api_key_required.unwrap_or_default(),
        request_validator_id: input.request_validator_id.filter(|id| !id.is_empty()),
        operation_name: input.operation_name,
        request_parameters: input.request_parameters.unwrap_or_default(),
        request_models: input.request_models.unwrap_or_default(),
        authorization_scopes: input.authorization_scopes.unwrap_or_default(),
        ..MethodRecord::default()
    };
    let parts = Parts::read(&gateway.store, &api).await?;
    let key = rows::method_key(api.row, &input.resource_id, &input.http_method);
    rows::edit_tree(&gateway.store, &api, |tree, batch| {
        let node = tree.node_mut(&input.resource_id)?;
        method.check(&parts)?;
        method.settle_authorizer(&parts.authorizers)?;
        if node.methods.contains(&method.http_method) {
            return Err(GatewayError::conflict("Method already exists for this resource"));
        }
        node.methods.push(method.http_method.clone());
        node.methods.sort_unstable();
        Ok((batch.put(key.clone(), rows::encode(&method)), ()))
    })
    .await?;
    Ok(view::method(method))
}
