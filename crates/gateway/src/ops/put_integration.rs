//! PutIntegration: the integration of a method, in place of the one it had.

use api::apigateway::{PutIntegrationInput, PutIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::integration::TIMEOUT_MS_DEFAULT;
use crate::rest::records::IntegrationRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: PutIntegrationInput,
) -> Result<PutIntegrationOutput> {
    let (api_id, resource_id) = (input.rest_api_id.clone(), input.resource_id.clone());
    let http_method = input.http_method.clone();
    let at = MethodAt { api_id: &api_id, resource_id: &resource_id, http_method: &http_method };
    let integration = record(input);
    let api = at.api(&gateway.store, &cx.scope).await?;
    rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        integration.check(method)?;
        integration.check_timeout(&api)?;
        method.integration = Some(integration.clone());
        Ok(())
    })
    .await?;
    Ok(view::integration(integration))
}

fn record(input: PutIntegrationInput) -> IntegrationRecord {
    IntegrationRecord {
        kind: input.r#type.as_str().to_owned(),
        http_method: input.integration_http_method,
        uri: input.uri,
        connection_type: input.connection_type.map(|connection| connection.as_str().to_owned()),
        connection_id: input.connection_id,
        credentials: input.credentials,
        request_parameters: input.request_parameters.unwrap_or_default(),
        request_templates: input.request_templates.unwrap_or_default(),
        passthrough_behavior: input.passthrough_behavior.unwrap_or_else(|| "WHEN_NO_MATCH".to_owned()),
        content_handling: input.content_handling.map(|handling| handling.as_str().to_owned()),
        timeout_ms: input.timeout_in_millis.unwrap_or(TIMEOUT_MS_DEFAULT),
        cache_namespace: input.cache_namespace.unwrap_or(input.resource_id),
        cache_key_parameters: input.cache_key_parameters.unwrap_or_default(),
        insecure_skip_verification: input.tls_config.and_then(|tls| tls.insecure_skip_verification),
        response_transfer_mode: input.response_transfer_mode.map(|mode| mode.as_str().to_owned()),
        integration_target: input.integration_target,
        ..IntegrationRecord::default()
    }
}
