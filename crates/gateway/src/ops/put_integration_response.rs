//! PutIntegrationResponse: the response for a status code, in place of the one there was.

use api::apigateway::{PutIntegrationResponseInput, PutIntegrationResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::method;
use crate::rest::records::IntegrationResponseRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: PutIntegrationResponseInput,
) -> Result<PutIntegrationResponseOutput> {
    method::check_status(&input.status_code)?;
    let response = IntegrationResponseRecord {
        status_code: input.status_code,
        selection_pattern: input.selection_pattern,
        response_parameters: input.response_parameters.unwrap_or_default(),
        response_templates: input.response_templates.unwrap_or_default(),
        content_handling: input.content_handling.map(|handling| handling.as_str().to_owned()),
    };
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        if method.integration.is_none() {
            return Err(GatewayError::no_integration());
        }
        response.check(method)?;
        let responses = method.integration.as_mut().map(|integration| &mut integration.responses);
        responses.map(|responses| responses.insert(response.status_code.clone(), response.clone()));
        Ok(())
    })
    .await?;
    Ok(view::integration_response(response))
}
