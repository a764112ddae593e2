//! UpdateIntegration.

use api::apigateway::{ConnectionType, UpdateIntegrationInput, UpdateIntegrationOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::IntegrationRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateIntegrationInput,
) -> Result<UpdateIntegrationOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let api = at.api(&gateway.store, &cx.scope).await?;
    let updated = rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        let mut integration = method.integration.clone().ok_or_else(GatewayError::no_integration)?;
        patches.iter().try_for_each(|patch| apply(&mut integration, patch))?;
        integration.check(method)?;
        integration.check_timeout(&api)?;
        method.integration = Some(integration.clone());
        Ok(integration)
    });
    Ok(view::integration(updated.await?))
}

fn apply(integration: &mut IntegrationRecord, patch: &Patch) -> Result<()> {
    let text = patch.some_text().filter(|_| patch.verb != PatchVerb::Remove);
    match patch.segments()[..] {
        ["requestTemplates", media_type] => {
            return patch.entry(&mut integration.request_templates, media_type);
        }
        ["requestParameters", name] => return patch.entry(&mut integration.request_parameters, name),
        ["cacheKeyParameters", name] => return patch.member(&mut integration.cache_key_parameters, name),
        ["cacheKeyParameters"] => return patch.member(&mut integration.cache_key_parameters, &patch.text()),
        _ if patch.verb == PatchVerb::Copy => return Err(patch.unsupported()),
        ["httpMethod"] => integration.http_method = text,
        ["uri"] => integration.uri = text,
        ["credentials"] => integration.credentials = text,
        ["connectionId"] => integration.connection_id = text,
        ["connectionType"] => {
            let known = text.filter(|text| text.parse::<ConnectionType>().is_ok());
            integration.connection_type = Some(known.ok_or_else(|| patch.unsupported())?);
        }
        ["contentHandling"] => integration.content_handling = patch.content_handling()?,
        ["passthroughBehavior"] => integration.passthrough_behavior = text.unwrap_or_default(),
        ["cacheNamespace"] => integration.cache_namespace = text.unwrap_or_default(),
        ["timeoutInMillis"] => integration.timeout_ms = patch.number()?,
        ["tlsConfig", "insecureSkipVerification"] => {
            integration.insecure_skip_verification = Some(patch.boolean());
        }
        ["responseTransferMode"] => integration.response_transfer_mode = text,
        ["integrationTarget"] => integration.integration_target = text,
        _ => return Err(patch.unknown()),
    }
    Ok(())
}
