//! DeleteAuthorizer: not while a method names it.

use api::apigateway::{DeleteAuthorizerInput, DeleteAuthorizerOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::authorizer::AuthorizerRecord;
use crate::rest::records::MethodRecord;
use crate::rest::{definition, rows};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteAuthorizerInput,
) -> Result<DeleteAuthorizerOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let owner = Owner::Api(&api);
    let authorizer = parts::read::<AuthorizerRecord>(&gateway.store, owner, &input.authorizer_id).await?;
    let names = |method: &MethodRecord| method.authorizer_id.as_ref() == Some(&authorizer.id);
    if let Some((path, method)) = definition::find_method(&gateway.store, &api, names).await? {
        return Err(GatewayError::conflict(format!(
            "Cannot delete authorizer '{}', is referenced in method: {}/{path}",
            authorizer.name, method.http_method
        )));
    }
    parts::delete::<AuthorizerRecord>(&gateway.store, owner, &input.authorizer_id).await?;
    Ok(DeleteAuthorizerOutput {})
}
