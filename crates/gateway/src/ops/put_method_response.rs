//! PutMethodResponse.

use api::apigateway::{PutMethodResponseInput, PutMethodResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::definition::Parts;
use crate::rest::method;
use crate::rest::records::MethodResponseRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: PutMethodResponseInput,
) -> Result<PutMethodResponseOutput> {
    let response = MethodResponseRecord {
        status_code: input.status_code.clone(),
        response_parameters: input.response_parameters.unwrap_or_default(),
        response_models: input.response_models.unwrap_or_default(),
    };
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let api = at.api(&gateway.store, &cx.scope).await?;
    let parts = Parts::read(&gateway.store, &api).await?;
    method::check_response(&response, &parts)?;
    rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        if method.responses.contains_key(&input.status_code) {
            return Err(GatewayError::conflict("Response already exists for this resource"));
        }
        method.responses.insert(input.status_code.clone(), response.clone());
        Ok(())
    })
    .await?;
    Ok(view::method_response(response))
}
