//! DeleteRequestValidator: not while a method names it.

use api::apigateway::{DeleteRequestValidatorInput, DeleteRequestValidatorOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::definition;
use crate::rest::records::MethodRecord;
use crate::rest::request_validator::RequestValidatorRecord;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: DeleteRequestValidatorInput,
) -> Result<DeleteRequestValidatorOutput> {
    let id = &input.request_validator_id;
    let api = super::get_request_validator::api_of_validator(gateway, cx, &input.rest_api_id, id).await?;
    let owner = Owner::Api(&api);
    parts::read::<RequestValidatorRecord>(&gateway.store, owner, id).await?;
    let names = |method: &MethodRecord| method.request_validator_id.as_ref() == Some(id);
    if let Some((path, method)) = definition::find_method(&gateway.store, &api, names).await? {
        return Err(GatewayError::conflict(format!(
            "Cannot delete request validator '{id}', is referenced in method request: {path}/{}",
            method.http_method
        )));
    }
    parts::delete::<RequestValidatorRecord>(&gateway.store, owner, id).await?;
    Ok(DeleteRequestValidatorOutput {})
}
