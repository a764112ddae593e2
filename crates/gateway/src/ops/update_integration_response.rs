//! UpdateIntegrationResponse.

use api::apigateway::{UpdateIntegrationResponseInput, UpdateIntegrationResponseOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::patch::{Patch, PatchVerb};
use crate::rest::records::IntegrationResponseRecord;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateIntegrationResponseInput,
) -> Result<UpdateIntegrationResponseOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    let updated = rows::edit_method(&gateway.store, &cx.scope, at, |method| {
        let mut integration = method.integration.clone().ok_or_else(GatewayError::no_integration)?;
        let response = integration.responses.get_mut(&input.status_code);
        let response = response.ok_or_else(GatewayError::no_response)?;
        patches.iter().try_for_each(|patch| apply(response, patch))?;
        response.check(method)?;
        let updated = response.clone();
        method.integration = Some(integration);
        Ok(updated)
    });
    Ok(view::integration_response(updated.await?))
}

fn apply(response: &mut IntegrationResponseRecord, patch: &Patch) -> Result<()> {
    let text = patch.some_text().filter(|_| patch.verb != PatchVerb::Remove);
    match patch.segments()[..] {
        ["responseParameters", name] => return patch.entry(&mut response.response_parameters, name),
        ["responseTemplates", media_type] => {
            return patch.entry(&mut response.response_templates, media_type);
        }
        _ if patch.verb == PatchVerb::Copy => return Err(patch.unsupported()),
        ["selectionPattern"] => response.selection_pattern = text,
        ["contentHandling"] => response.content_handling = patch.content_handling()?,
        _ => return Err(patch.unknown()),
    }
    Ok(())
}
