//! DeleteAuthorizer: not while a method names it.

use api::apigateway::{DeleteAuthorizerInput, DeleteAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::authorizer::AuthorizerRecord;
use crate::rest::records::{MethodRecord, Tree};
use crate::rest::rows;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteAuthorizerInput,
) -> Result<DeleteAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let owner = Owner::Api(&api);
    let authorizer = parts::read::<AuthorizerRecord>(&gateway.store, owner, &input.authorizer_id).await?;
    let tree: Tree = rows::read(&gateway.store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    for (path, id) in tree.by_path() {
        for name in tree.resources.get(id).map_or(&[][..], |node| &node.methods[..]) {
            let key = rows::method_key(api.row, id, name);
            let method = rows::read::<MethodRecord>(&gateway.store, &key).await?;
            if method.is_some_and(|method| method.authorizer_id.as_ref() == Some(&authorizer.id)) {
                return Err(GatewayError::conflict(format!(
                    "Cannot delete authorizer '{}', is referenced in method: {name}/{path}",
                    authorizer.name
                )));
            }
        }
    }
    parts::delete::<AuthorizerRecord>(&gateway.store, owner, &input.authorizer_id).await?;
    Ok(DeleteAuthorizerOutput {})
}
